using Billing.Benchmarks.Plain;
using Billing.InMemory;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;

namespace Billing.Benchmarks.Stores;

/// <summary>One database of its own, and the fastest way to write rows into it: the limit that the engine is compared with.</summary>
internal abstract class Store : IAsyncDisposable
{
    /// <summary>Opens the adapter that is measured.</summary>
    public abstract IBillingStorage OpenStorage(IIdGenerator ids);

    /// <summary>Where the database is, for <see cref="Open"/> in another process.</summary>
    public virtual string Location => throw new NotSupportedException("The store lives in this process.");

    /// <summary>Whether the store can write rows again without the engine.</summary>
    public virtual bool HasLimit => true;

    /// <summary>The settings on which durability depends, as the engine's connections have them.</summary>
    public abstract Task<string> DescribeAsync();

    /// <summary>Copies the database as it is now.</summary>
    public abstract Task<Store> CopyAsync();

    /// <summary>
    /// Writes into this copy what the engine has written since it was made: the rows that are new or changed are read out of the engine's tables, what
    /// they replace is taken out of the copy, and then plain statements write them, timed, in as many commits as the engine made. Both databases hold the same afterwards, which is checked.
    /// </summary>
    /// <param name="engine">The engine's database.</param>
    /// <param name="commits">Commits that the engine made.</param>
    public abstract Task<Written> WriteAgainAsync(Store engine, int commits);

    /// <summary>Writes rows one by one, each in a commit of its own.</summary>
    /// <param name="engine">The engine's database, which has at least as many new usage records as wanted.</param>
    /// <param name="count">How many.</param>
    /// <returns>Seconds.</returns>
    public abstract Task<double> CommitOneByOneAsync(Store engine, int count);

    /// <summary>Where the ordinary Entity Framework Core loop keeps its own tables: a database of the same kind and settings.</summary>
    public virtual DbContextOptions<LoopContext> LoopDatabase() => throw new NotSupportedException("The loop needs a database.");

    /// <summary>Rows and bytes of all tables.</summary>
    public abstract Task<Totals> TotalsAsync();

    public abstract ValueTask DisposeAsync();

    /// <summary>Opens a database that another process has made.</summary>
    public static Store Open(Settings settings, string location) => settings.Store switch
    {
        "sqlite" => new SqliteStore(location),
        _ => throw new ArgumentException($"Store '{settings.Store}' cannot be opened by another process."),
    };

    public static Store Create(Settings settings, string name) => settings.Store switch
    {
        "memory" => new MemoryStore(),
        "sqlite" => new SqliteStore(Path.Combine(settings.Folder, $"{name}.db")),
        _ => throw new ArgumentException($"There is no store '{settings.Store}' here."),
    };
}

/// <summary>Rows and bytes (of the values, without the database's own).</summary>
internal readonly record struct Totals(long Rows, long Bytes);

/// <summary>What the limit wrote.</summary>
/// <param name="Seconds">How long it took.</param>
/// <param name="Commits">In how many commits.</param>
/// <param name="Engine">Rows and bytes that the engine had written.</param>
/// <param name="Limit">Rows and bytes that the limit wrote.</param>
/// <param name="Tables">Rows by table.</param>
internal sealed record Written(double Seconds, int Commits, Totals Engine, Totals Limit, string Tables);

/// <summary>The in-memory adapter. It has no durable limit: what it is compared with are bars in figures.</summary>
internal sealed class MemoryStore : Store
{
    public override bool HasLimit => false;

    public override IBillingStorage OpenStorage(IIdGenerator ids) => new InMemoryBillingStorage(ids);

    public override Task<string> DescribeAsync() => Task.FromResult("in memory, not durable");

    public override Task<Store> CopyAsync() => throw NoLimit();

    public override Task<Written> WriteAgainAsync(Store engine, int commits) => throw NoLimit();

    public override Task<double> CommitOneByOneAsync(Store engine, int count) => throw NoLimit();

    public override Task<Totals> TotalsAsync() => throw NoLimit();

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static NotSupportedException NoLimit() => new("Memory has no tables to copy.");
}
