using Billing.PluginFixtures.NewerMinor;
using Billing.Rating;
using Billing.Tasks;

[assembly: BillingPlugin<Plugin>("fixture.newer-minor", "0.99.0")]

namespace Billing.PluginFixtures.NewerMinor;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.newer-minor/zero", static _ => new FixtureRule(static _ => PricingResult.Of(0m)));
}
