using Billing.PluginFixtures.OtherMajor;
using Billing.Rating;
using Billing.Tasks;

[assembly: BillingPlugin<Plugin>("fixture.other-major", "7.0.0")]

namespace Billing.PluginFixtures.OtherMajor;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.other-major/zero", static _ => new FixtureRule(static _ => PricingResult.Of(0m)));
}
