using Billing.Catalog;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class RollupTests
{
    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Without_raw_events_the_invoice_is_the_same(string store)
    {
        await using var kept = await WithCallsAsync(store);
        await using var dropped = await WithCallsAsync(store);
        Assert.Equal(3, await dropped.Engine.Usage.DropEventsAsync(Shop.Tenant, Shop.Midnight(new LocalDate(2026, 2, 1))));

        await kept.BillAsync(new LocalDate(2026, 2, 1));
        await dropped.BillAsync(new LocalDate(2026, 2, 1));

        foreach (var customer in new[] { "early", "late" })
        {
            var expected = await kept.InvoicesAsync(customer);
            var actual = await dropped.InvoicesAsync(customer);
            Assert.Equal(expected.Select(d => (d.Invoice.Date, d.Invoice.Total)), actual.Select(d => (d.Invoice.Date, d.Invoice.Total)));
            Assert.Equal(expected.SelectMany(d => d.Lines).Select(l => (l.Charge, l.Quantity, l.Amount)), actual.SelectMany(d => d.Lines).Select(l => (l.Charge, l.Quantity, l.Amount)));
        }

        Assert.Equal(1.25m, (await dropped.SumsByChargeAsync("early"))["calls"]);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Without_its_rollups_a_payer_is_not_billed_and_others_are(string store)
    {
        await using var shop = await WithCallsAsync(store);
        Assert.Equal(2, await shop.Storage.DeleteUsageRollupsAsync(Shop.Tenant, Shop.Midnight(new LocalDate(2026, 1, 10)), CancellationToken.None));

        var run = await shop.BillAsync(new LocalDate(2026, 2, 1));

        var item = Assert.Single(run.Quarantined);
        Assert.Equal(("early", BillingErrorCodes.RollupMissing), (item.PayerId, item.Code));
        Assert.Contains("minutes", item.Message, StringComparison.Ordinal);
        Assert.Equal("early", Assert.Single(await shop.Engine.Runs.ListQuarantineAsync(Shop.Tenant)).PayerId);
        Assert.Empty(await shop.InvoicesAsync("early"));
        Assert.Equal(2.00m, (await shop.SumsByChargeAsync("late"))["calls"]);
        Assert.Equal("late", Assert.Single(run.Invoices).PayerId);
    }

    /// <summary>Two customers: one calls before 10 January (25 minutes), one after it (40).</summary>
    private static async Task<Shop> WithCallsAsync(string store)
    {
        var shop = await Shop.OpenAsync(store);
        await shop.PublishAsync(Shop.PlanOf("metered", Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("early", "metered");
        await shop.SubscriberAsync("late", "metered");
        await shop.CallAsync("early", "c1", new LocalDate(2026, 1, 3), "10");
        await shop.CallAsync("early", "c2", new LocalDate(2026, 1, 5), "15");
        await shop.CallAsync("late", "c3", new LocalDate(2026, 1, 20), "40");
        return shop;
    }
}
