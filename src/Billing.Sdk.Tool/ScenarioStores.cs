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

    /// <summary>The names of those that are there, the default first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        Memory,
#if BILLING_SQLITE
        Sqlite,
#endif
    ];

    /// <summary>Sets a fresh store of a kind; what it returns is disposed when the scenario is over.</summary>
    public static Func<BillingBuilder, IDisposable?> Of(string name) => name switch
    {
        Memory => UseMemory,
#if BILLING_SQLITE
        Sqlite => UseSqlite,
#endif
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such store."),
    };

    private static IDisposable? UseMemory(BillingBuilder billing)
    {
        billing.UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()));
        return null;
    }
}
