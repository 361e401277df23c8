using Billing.Rating;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.PluginLoading;

/// <summary>A host with loaded plugins and one tenant.</summary>
internal static class Host
{
    public static readonly TenantId Tenant = new("acme");

    public static TaskCatalog Catalog(PluginLoadResult result)
    {
        var builder = new TaskCatalogBuilder().AddStage<IPricingRule>();
        foreach (var plugin in result.Plugins)
        {
            builder.AddPlugin(plugin.Registrations);
        }

        return builder.Build(Services());
    }

    public static IServiceProvider Services() => new ServiceCollection().AddSingleton<IClock>(new StoppedClock()).BuildServiceProvider();

    public static TenantTasks Tasks(TaskCatalog catalog, params TaskEntry[] entries) =>
        new TaskResolver(catalog).Resolve(Tenant, new TaskConfiguration { Version = 1, Entries = [.. entries] });

    public static async Task<PricingResult> PriceAsync(TaskCatalog catalog, string task, params TaskEntry[] entries)
    {
        var rule = Tasks(catalog, entries).RequiredByName<IPricingRule>(task).Instance;
        var request = new PricingRequest { Price = new Catalog.Price { Model = "custom" }, Quantity = 3m, Currency = "EUR" };
        return Assert.Single(await rule.PriceAsync([request], CancellationToken.None));
    }

    private sealed class StoppedClock : IClock
    {
        public Instant GetCurrentInstant() => Instant.FromUnixTimeSeconds(1_700_000_000);
    }
}
