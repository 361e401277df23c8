using Billing.Catalog;
using Billing.Customers;
using Billing.Plugins.TestGateway;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class MissingTaskTests
{
    private static readonly TenantId Other = new("other");

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_tenant_whose_task_is_not_loaded_is_not_billed_and_other_tenants_are(string store)
    {
        await using var shop = await Shop.OpenAsync(store, null, null, tasks => tasks.AddPlugin<TestGatewayPlugin>());
        await shop.Engine.Tenants.CreateAsync(Other, "Other");
        foreach (var tenant in new[] { Shop.Tenant, Other })
        {
            await shop.Engine.Catalog.PublishAsync(tenant, Shop.CatalogOf(Shop.PlanOf("basic", Shop.Recurring("seat", Price.Flat(10m)))));
            await shop.Engine.Customers.CreateAsync(tenant, new CreateCustomerRequest { Id = "acme" });
            await shop.Engine.Subscriptions.SubscribeAsync(tenant, new SubscribeRequest { Id = "s", CustomerId = "acme", Plan = "basic" });
        }

        await ConfigurePastTheCheckAsync(shop, """[{ "stage": "tax", "task": "acme.tax/gone" }, { "stage": "gateway", "task": "test-gateway" }]""");
        var before = await shop.DigestAsync();

        foreach (var run in Runs(shop))
        {
            var error = await Assert.ThrowsAsync<BillingException>(run);
            Assert.Equal(BillingErrorCodes.TaskMissing, error.Code);
            Assert.Contains("tax", error.Message, StringComparison.Ordinal);
            Assert.Contains("acme.tax/gone", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, await shop.DigestAsync());
        var others = await shop.Engine.Runs.BillAsync(Other, shop.Clock.Now);
        Assert.Equal(10m, Assert.Single(others.Invoices).Total);

        await shop.Engine.Tenants.ConfigureTasksAsync(Shop.Tenant, [new TaskEntry { Stage = "tax", Task = "acme.tax/gone", Enabled = false }]);
        Assert.Equal(10m, Assert.Single((await shop.Engine.Runs.BillAsync(Shop.Tenant, shop.Clock.Now)).Invoices).Total);
    }

    private static IEnumerable<Func<Task>> Runs(Shop shop)
    {
        yield return () => shop.Engine.Runs.BillAsync(Shop.Tenant, shop.Clock.Now);
        yield return () => shop.Engine.Runs.BillCustomerAsync(Shop.Tenant, "acme");
        yield return () => shop.Engine.Invoices.PreviewAsync(Shop.Tenant, "acme");
    }

    /// <summary>A configuration that was fine with the plugins of the host before: the facade would refuse it today.</summary>
    private static async Task ConfigurePastTheCheckAsync(Shop shop, string entries)
    {
        var row = new TaskConfigurationRow { Tenant = Shop.Tenant, Entries = entries, Version = 1 };
        var result = await shop.Storage.CommitAsync(new BillingBatch { Tenant = Shop.Tenant, Rows = [RowChange.Insert(row)] }, CancellationToken.None);
        Assert.Equal(CommitOutcome.Committed, result.Batch.Outcome);
    }
}
