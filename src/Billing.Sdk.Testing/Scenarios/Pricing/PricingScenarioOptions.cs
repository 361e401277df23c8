using Billing.Rating;
using Billing.Usage;

namespace Billing.Testing.Scenarios.Pricing;

/// <summary>The plugins that <c>pricing</c> files may name.</summary>
public sealed record PricingScenarioOptions
{
    /// <summary>Finds the tasks of <c>custom</c> prices. Default: there are none.</summary>
    public IPricingRuleResolver? PricingRules { get; init; }

    /// <summary>The tasks of meters with <c>custom</c> aggregation, by name. Default: there are none.</summary>
    public IReadOnlyDictionary<string, IUsageAggregator> Aggregators { get; init; } = new Dictionary<string, IUsageAggregator>();
}
