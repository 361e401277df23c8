using Billing.InMemory;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Tool;

/// <summary>The stores that scenarios can run on.</summary>
internal static partial class ScenarioStores
{
    /// <summary>Rows in memory.</summary>
    public const string Memory = "memory";

    /// <summary>Rows in a SQLite file of the scenario's own, which goes when the scenario is over.</summary>
    public const string Sqlite = "sqlite";

    /// <summary>Rows in databases of the run's own on the server that <c>BILLING_POSTGRES</c> names, which go when the run is over.</summary>
    public const string PostgreSql = "postgresql";

    /// <summary>The names of those that are there, the default first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        Memory,
#if BILLING_SQLITE
        Sqlite,
#endif
        PostgreSql,
    ];

    /// <summary>Opens stores of a kind for a run; disposed when the run is over.</summary>
    /// <exception cref="BillingException">With code <c>storage</c>: there is no such store to be had here.</exception>
    public static ScenarioStore Open(string name) => name switch
    {
        Memory => new LocalScenarioStore(UseMemory),
#if BILLING_SQLITE
        Sqlite => new LocalScenarioStore(UseSqlite),
#endif
        PostgreSql => PostgreSqlScenarioStore.Open(),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such store."),
    };

    private static IDisposable? UseMemory(BillingBuilder billing)
    {
        billing.UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()));
        return null;
    }
}

/// <summary>Stores for the scenarios of a run.</summary>
internal abstract class ScenarioStore : IDisposable
{
    /// <summary>Sets a fresh store for one scenario; what it returns is disposed when the scenario is over.</summary>
    public abstract IDisposable? Use(BillingBuilder billing);

    /// <summary>Removes what the run made.</summary>
    public abstract void Dispose();
}

/// <summary>Stores that leave nothing behind.</summary>
internal sealed class LocalScenarioStore(Func<BillingBuilder, IDisposable?> use) : ScenarioStore
{
    /// <inheritdoc/>
    public override IDisposable? Use(BillingBuilder billing) => use(billing);

    /// <inheritdoc/>
    public override void Dispose()
    {
        // Each store went with its scenario.
    }
}
