using Billing.Catalog;
using Billing.Invoicing;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.UsageTests;

/// <summary>Late usage falls on the draft, else on the next run as a line with its own period.</summary>
public sealed class LateUsageTests
{
    private static readonly Instant April = Instant.FromUtc(2026, 4, 1, 0, 0);
    private static readonly Instant May = Instant.FromUtc(2026, 5, 1, 0, 0);
    private static readonly Instant June = Instant.FromUtc(2026, 6, 1, 0, 0);

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Usage_that_comes_late_within_its_period_stands_on_the_periods_invoice(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        shop.Clock.AdvanceTo(April - Duration.FromHours(1));
        await RecordAsync(shop, Shop.Call("a", minutes: "100", after: Duration.FromDays(2)));

        await shop.BillAsync(April);

        var line = Assert.Single(Assert.Single(await shop.InvoicesAsync()).Lines);
        Assert.Equal((100m, 5m, Shop.Start, April), (line.Quantity, line.Amount, line.From, line.To));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Usage_that_comes_after_the_periods_end_and_before_its_run_stands_on_the_periods_invoice(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        shop.Clock.AdvanceTo(April + Duration.FromHours(6));
        await RecordAsync(shop, Shop.Call("a", minutes: "100", after: Duration.FromDays(2)), Shop.Call("b", minutes: "60", after: Duration.FromDays(31)));

        await shop.BillAsync(shop.Clock.Now);

        Assert.Equal(5m, Assert.Single(await shop.InvoicesAsync()).Invoice.Total);
        await shop.BillAsync(May);
        Assert.Equal([5m, 3m], (await shop.InvoicesAsync()).Select(d => d.Invoice.Total));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Usage_that_comes_after_its_invoice_stands_on_the_next_one_with_its_own_period(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await RecordAsync(shop, Shop.Call("a", minutes: "100", after: Duration.FromDays(2)));
        await shop.BillAsync(April);
        await RecordAsync(shop, Shop.Call("late", minutes: "20", after: Duration.FromDays(3)), Shop.Call("new", minutes: "60", after: Duration.FromDays(31)));

        await shop.BillAsync(May);

        var documents = await shop.InvoicesAsync();
        Assert.Equal([5m, 4m], documents.Select(d => d.Invoice.Total));
        Assert.Equal([(Shop.Start, 1m), (April, 3m)], documents[1].Lines.OrderBy(l => l.From).Select(l => (l.From!.Value, l.Amount)));
        await shop.BillAsync(June);
        Assert.Equal(2, (await shop.InvoicesAsync()).Count);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Usage_that_comes_during_grace_stands_on_the_draft_and_later_usage_on_the_next_invoice(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store, new TenantSettings { GracePeriodDays = 3 })).WithAsync("acme");
        await RecordAsync(shop, Shop.Call("a", minutes: "100", after: Duration.FromDays(2)));
        await shop.BillAsync(April);
        Assert.Equal(InvoiceStatus.Draft, Assert.Single(await shop.InvoicesAsync()).Invoice.Status);

        shop.Clock.AdvanceTo(April + Duration.FromDays(1));
        await RecordAsync(shop, Shop.Call("grace", minutes: "20", after: Duration.FromDays(3)));
        await shop.BillAsync(April + Duration.FromDays(3));

        var document = Assert.Single(await shop.InvoicesAsync());
        Assert.NotEqual(InvoiceStatus.Draft, document.Invoice.Status);
        Assert.Equal(6m, document.Invoice.Total);

        await RecordAsync(shop, Shop.Call("late", minutes: "40", after: Duration.FromDays(4)));
        await shop.BillAsync(May + Duration.FromDays(3));
        Assert.Equal([6m, 2m], (await shop.InvoicesAsync()).Select(d => d.Invoice.Total));
    }

    [Theory]
    [InlineData(Stores.Memory, false)]
    [InlineData(Stores.Memory, true)]
    [InlineData(Stores.Sqlite, false)]
    [InlineData(Stores.Sqlite, true)]
    public async Task Usage_of_an_ended_subscription_is_billed_though_no_run_lay_ahead(string store, bool namesSubscription)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await RecordAsync(shop, Shop.Call("a", minutes: "100", after: Duration.FromDays(2)));
        var end = Shop.Start + Duration.FromDays(10);
        shop.Clock.AdvanceTo(end);
        await shop.Engine.Subscriptions.CancelAsync(Shop.Tenant, new CancelRequest { SubscriptionId = "acme" });
        await shop.BillAsync(end);
        await shop.BillAsync(June);
        Assert.Equal(5m, Assert.Single(await shop.InvoicesAsync()).Invoice.Total);

        await RecordAsync(shop, Shop.Call("late", minutes: "20", after: Duration.FromDays(3), subscription: namesSubscription ? "acme" : null));
        Assert.Equal(UsageStatus.Unattributed, Assert.Single(await shop.RecordAsync(Shop.Call("beyond", after: Duration.FromDays(11)))).Status);
        Assert.NotNull(await shop.Engine.Runs.GetNextDueAsync(Shop.Tenant));
        await shop.BillAsync(shop.Clock.Now);

        var documents = await shop.InvoicesAsync();
        Assert.Equal([5m, 1m], documents.Select(d => d.Invoice.Total));
        Assert.Equal((Shop.Start, end), (documents[1].Lines[0].From, documents[1].Lines[0].To));
        await shop.BillAsync(June + Duration.FromDays(90));
        Assert.Equal(2, (await shop.InvoicesAsync()).Count);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_correction_after_the_invoice_is_charged_or_given_back_with_the_next_one(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await RecordAsync(shop, Shop.Call("a", minutes: "100", after: Duration.FromDays(2)), Shop.Call("b", minutes: "40", after: Duration.FromDays(2)));
        await shop.BillAsync(April);
        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "a", Properties = Shop.Call("a", minutes: "120").Event.Properties });
        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "b", Remove = true });
        await RecordAsync(shop, Shop.Call("new", minutes: "200", after: Duration.FromDays(31)));

        await shop.BillAsync(May);

        Assert.Equal([7m, 9m], (await shop.InvoicesAsync()).Select(d => d.Invoice.Total));
        await shop.RollupsFitAsync();
    }

    private static async Task RecordAsync(Shop shop, params UsageEntry[] entries) =>
        Assert.All(await shop.RecordAsync(entries), r => Assert.Equal(UsageStatus.Accepted, r.Status));
}
