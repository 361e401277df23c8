using System.Diagnostics;
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

    /// <summary>Writes out what the database still holds back, so that engine and limit start alike.</summary>
    public virtual Task SettleAsync() => Task.CompletedTask;

    /// <summary>Processor seconds that this process, and the database where it is another one, have used so far: other programs on the machine disturb these least.</summary>
    public virtual double ProcessorSeconds()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Copies the database as it is now.</summary>
    public abstract Task<Store> CopyAsync();

    /// <summary>
    /// Prepares to write into this copy what the engine has written since it was made: the rows that are new or changed are read out of the engine's tables, and what they replace is taken out
    /// of the copy. Plain statements then write them, in as many commits as the engine made.
    /// </summary>
    /// <param name="engine">The engine's database.</param>
    /// <param name="commits">Commits that the engine made.</param>
    /// <param name="part">Which part of the commits, where several processes write at the same time; another one has taken out what is replaced. Default: all.</param>
    public abstract Task<Rewrite> PrepareAsync(Store engine, int commits, Part? part = null);

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
        "sqlite" => new SqliteStore(location, owned: false),
        "postgresql" => PostgreSqlStore.At(settings, location),
        _ => throw new ArgumentException($"Store '{settings.Store}' cannot be opened by another process."),
    };

    public static Store Create(Settings settings, string name) => settings.Store switch
    {
        "memory" => new MemoryStore(),
        "postgresql" => PostgreSqlStore.Make(settings, name),
        "sqlite" => new SqliteStore(Path.Combine(settings.Folder, $"{name}.db"), owned: true),
        _ => throw new ArgumentException($"There is no store '{settings.Store}' here."),
    };
}

/// <summary>Rows and bytes (of the values, without the database's own).</summary>
internal readonly record struct Totals(long Rows, long Bytes);

/// <summary>A part of the commits of a run: those whose number leaves a rest.</summary>
/// <param name="Number">From 0.</param>
/// <param name="Of">How many parts there are.</param>
internal sealed record Part(int Number, int Of);

/// <summary>Rows that the engine wrote, ready to be written again without it.</summary>
internal abstract class Rewrite : IAsyncDisposable
{
    /// <summary>Writes them; gives seconds.</summary>
    public abstract Task<double> WriteAsync();

    /// <summary>Rows and bytes that each side wrote, with the rows of each table.</summary>
    /// <exception cref="InvalidOperationException">The databases do not hold the same, row for row.</exception>
    public abstract Task<(Totals Engine, Totals Limit, string Tables)> CompareAsync();

    public abstract ValueTask DisposeAsync();
}

/// <summary>The in-memory adapter. It has no durable limit: what it is compared with are bars in figures.</summary>
internal sealed class MemoryStore : Store
{
    public override bool HasLimit => false;

    public override IBillingStorage OpenStorage(IIdGenerator ids) => new InMemoryBillingStorage(ids);

    public override Task<string> DescribeAsync() => Task.FromResult("in memory, not durable");

    public override Task<Store> CopyAsync() => throw NoLimit();

    public override Task<Rewrite> PrepareAsync(Store engine, int commits, Part? part = null) => throw NoLimit();

    public override Task<double> CommitOneByOneAsync(Store engine, int count) => throw NoLimit();

    public override Task<Totals> TotalsAsync() => throw NoLimit();

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static NotSupportedException NoLimit() => new("Memory has no tables to copy.");
}
