using Billing.PluginFixtures.Throws;
using Billing.Rating;
using Billing.Tasks;

[assembly: BillingPlugin<Plugin>("fixture.throws")]

namespace Billing.PluginFixtures.Throws;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder)
    {
        builder.AddTask<IPricingRule>("fixture.throws/zero", static _ => new FixtureRule(static _ => PricingResult.Of(0m)));
        throw new InvalidOperationException("The licence file is not there.");
    }
}
