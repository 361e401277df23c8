using Billing.PluginFixtures.SameTask;
using Billing.Rating;
using Billing.Tasks;

[assembly: BillingPlugin<Plugin>("fixture.same-task")]

namespace Billing.PluginFixtures.SameTask;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.good/echo", static _ => new FixtureRule(static _ => PricingResult.Of(0m)));
}
