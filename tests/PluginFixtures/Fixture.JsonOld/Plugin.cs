using System.Reflection;
using Billing.PluginFixtures.JsonOld;
using Billing.Rating;
using Billing.Tasks;
using Newtonsoft.Json.Linq;

[assembly: BillingPlugin<Plugin>("fixture.json-old")]

namespace Billing.PluginFixtures.JsonOld;

public sealed class Plugin : IBillingPlugin
{
    public static Type JsonType => typeof(JObject);

    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.json-old/version", static _ => new FixtureRule(static _ => PricingResult.Failed("version", Version)));

    private static string Version => JsonType.Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()!.Version;
}
