using Billing.Rating;

namespace Billing.PluginFixtures;

/// <summary>A pricing rule that gives every request the same answer; compiled into each fixture.</summary>
internal sealed class FixtureRule(Func<PricingRequest, PricingResult> price) : IPricingRule
{
    public ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken) =>
        new(requests.Select(price).ToList());
}
