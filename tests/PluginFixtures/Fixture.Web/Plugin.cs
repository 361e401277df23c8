using Billing.PluginFixtures.Web;
using Billing.Rating;
using Billing.Tasks;
using Microsoft.AspNetCore.Http;

[assembly: BillingPlugin<Plugin>("fixture.web")]

namespace Billing.PluginFixtures.Web;

public sealed class Plugin : IBillingPlugin
{
    public static Type WebType => typeof(PathString);

    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.web/length", static _ => new FixtureRule(static _ => PricingResult.Of(new PathString("/abc").Value!.Length)));
}
