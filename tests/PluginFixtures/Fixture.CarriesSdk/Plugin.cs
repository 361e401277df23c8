using Billing.PluginFixtures.CarriesSdk;
using Billing.Rating;
using Billing.Tasks;

[assembly: BillingPlugin<Plugin>("fixture.carries-sdk")]

namespace Billing.PluginFixtures.CarriesSdk;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.carries-sdk/zero", static _ => new FixtureRule(static _ => PricingResult.Of(0m)));
}
