using Billing.InMemory;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Tool;

/// <summary>The stores that scenarios can run on.</summary>
internal static class ScenarioStores
{
    /// <summary>Rows in memory.</summary>
    public const string Memory = "memory";

    /// <summary>The names, the default first.</summary>
    public static IReadOnlyList<string> Names { get; } = [Memory];

    /// <summary>Sets a fresh store of a kind; what it returns is disposed when the scenario is over.</summary>
    public static Func<BillingBuilder, IDisposable?> Of(string name) => name switch
    {
        Memory => UseMemory,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such store."),
    };

    private static IDisposable? UseMemory(BillingBuilder billing)
    {
        billing.UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()));
        return null;
    }
}
