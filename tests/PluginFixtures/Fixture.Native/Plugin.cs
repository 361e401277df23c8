using System.Runtime.InteropServices;
using Billing.PluginFixtures.Native;
using Billing.Rating;
using Billing.Tasks;

[assembly: BillingPlugin<Plugin>("fixture.native")]

namespace Billing.PluginFixtures.Native;

public sealed class Plugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) =>
        builder.AddTask<IPricingRule>("fixture.native/version", static _ => new FixtureRule(static _ => PricingResult.Of(Sqlite.VersionNumber())));
}

internal static partial class Sqlite
{
    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_libversion_number")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory)]
    internal static partial int VersionNumber();
}
