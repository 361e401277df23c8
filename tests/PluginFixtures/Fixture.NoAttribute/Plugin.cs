using Billing.Rating;
using Billing.Tasks;

namespace Billing.PluginFixtures.NoAttribute;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.no-attribute/zero", static _ => new FixtureRule(static _ => PricingResult.Of(0m)));
}
