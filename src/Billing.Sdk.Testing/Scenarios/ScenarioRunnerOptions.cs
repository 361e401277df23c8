using Billing.InMemory;
using Billing.Tasks;
using Billing.Testing.Scenarios.Lifecycle;
using Billing.Testing.Scenarios.Pricing;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Testing.Scenarios;

/// <summary>What scenarios run on.</summary>
public sealed record ScenarioRunnerOptions
{
    /// <summary>
    /// Sets a fresh store for one scenario; what it returns, if anything, is disposed when the scenario is over (a temporary file that goes).
    /// Called from several threads when files run in parallel. Default: in memory.
    /// </summary>
    public Func<BillingBuilder, IDisposable?> UseStore { get; init; } = UseMemory;

    /// <summary>The plugins that scenarios may name. Default: only task <c>recording</c> of stage <c>notification</c>, which is always there.</summary>
    public IReadOnlyList<Action<TaskCatalogBuilder>> Plugins { get; init; } = [];

    /// <summary>What <c>pricing</c> files may name. Default: built-in models only.</summary>
    public PricingScenarioOptions Pricing { get; init; } = new();

    /// <summary>Only files with this tag; <see langword="null"/>, the default: all.</summary>
    public string? Tag { get; init; }

    /// <summary>How many files run at the same time. Default: one per processor.</summary>
    public int Jobs { get; init; } = Environment.ProcessorCount;

    /// <summary>What must hold after every step of a lifecycle. Default: the invariants of the format.</summary>
    public IReadOnlyList<IScenarioInvariant> Invariants { get; init; } = ScenarioInvariants.All;

    private static IDisposable? UseMemory(BillingBuilder billing)
    {
        billing.UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()));
        return null;
    }
}
