using System.Reflection;
using Billing.PluginFixtures.JsonNew;
using Billing.Rating;
using Billing.Tasks;
using Newtonsoft.Json.Linq;

[assembly: BillingPlugin<Plugin>("fixture.json-new")]

namespace Billing.PluginFixtures.JsonNew;

public sealed class Plugin : IBillingPlugin
{
    public static Type JsonType => typeof(JObject);

    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.json-new/version", static _ => new FixtureRule(static _ => PricingResult.Failed("version", Version)));

    private static string Version => JsonType.Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()!.Version;
}
