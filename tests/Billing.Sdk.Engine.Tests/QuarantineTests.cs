using Billing.Catalog;
using Billing.Rating;
using Billing.Usage;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>One payer that cannot be billed stops no other, is listed, and is billed without loss when the cause is gone.</summary>
public sealed class QuarantineTests
{
    private static readonly LocalDate Due = new(2026, 2, 1);

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_call_without_a_matching_price_is_billed_after_the_event_is_corrected(string store)
    {
        await using var shop = await WithRegionsAsync(store);

        var run = await shop.BillAsync(Due);

        await AssertOnlyOneIsMissingAsync(shop, run, BillingErrorCodes.NoMatchingPrice);
        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "c5", Properties = Properties("eu", "10") });
        await AssertBilledLaterAsync(shop, 1m);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_call_without_a_matching_price_is_billed_after_the_catalog_has_one(string store)
    {
        await using var shop = await WithRegionsAsync(store);

        var run = await shop.BillAsync(Due);

        await AssertOnlyOneIsMissingAsync(shop, run, BillingErrorCodes.NoMatchingPrice);
        await shop.Engine.Catalog.PublishAsync(Shop.Tenant, Shop.CatalogOf(Regions(withDefault: true)), Shop.Midnight(new LocalDate(2026, 1, 1)), ExistingSubscriptions.EffectiveDate);
        await AssertBilledLaterAsync(shop, 3m);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_price_whose_task_throws_holds_up_one_payer_until_it_works_again(string store)
    {
        var rule = new Moody();
        await using var shop = await Shop.OpenAsync(store, null, null, Plugins.Task<IPricingRule>("moody", rule));
        await shop.PublishAsync(
            Shop.PlanOf("regions", Shop.Metered("calls", Price.PerUnit(0.1m))),
            Shop.PlanOf("custom", Shop.Metered("calls", new Price { Model = PriceModels.Custom, Task = "moody" })));
        for (var i = 1; i <= 9; i++)
        {
            await shop.SubscriberAsync($"p{i}", i == 5 ? "custom" : "regions");
            await shop.CallAsync($"p{i}", $"c{i}", new LocalDate(2026, 1, 10), "10");
        }

        var run = await shop.BillAsync(Due);

        await AssertOnlyOneIsMissingAsync(shop, run, BillingErrorCodes.TaskFailed);
        rule.Works = true;
        await AssertBilledLaterAsync(shop, 20m);
    }

    private static async Task<Shop> WithRegionsAsync(string store)
    {
        var shop = await Shop.OpenAsync(store);
        await shop.PublishAsync(Regions(withDefault: false));
        for (var i = 1; i <= 9; i++)
        {
            await shop.SubscriberAsync($"p{i}", "regions");
            var call = Shop.Call($"p{i}", $"c{i}", new LocalDate(2026, 1, 10), "10");
            var results = await shop.Engine.Usage.RecordAsync(Shop.Tenant, [call with { Event = call.Event with { Properties = Properties(i == 5 ? "moon" : "eu", "10") } }]);
            Assert.Equal(UsageStatus.Accepted, results[0].Status);
        }

        return shop;
    }

    private static Plan Regions(bool withDefault) => Shop.PlanOf("regions", Shop.Metered("calls", new Price
    {
        Model = PriceModels.Matrix,
        Dimensions = ["region"],
        Cells = [new PriceCell { Match = new EquatableMap<string>([new("region", "eu")]), Price = Price.PerUnit(0.1m) }],
        Default = withDefault ? Price.PerUnit(0.3m) : null,
    }));

    private static EquatableMap<string> Properties(string region, string minutes) => new([new("region", region), new("minutes", minutes)]);

    private static async Task AssertOnlyOneIsMissingAsync(Shop shop, Processing.BillingRunResult run, string code)
    {
        var item = Assert.Single(run.Quarantined);
        Assert.Equal(("p5", code), (item.PayerId, item.Code));
        Assert.Equal(item, Assert.Single(await shop.Engine.Runs.ListQuarantineAsync(Shop.Tenant)));
        Assert.Equal(["p1", "p2", "p3", "p4", "p6", "p7", "p8", "p9"], run.Invoices.Select(i => i.PayerId).Order());
        Assert.All(run.Invoices, i => Assert.Equal(1m, i.Total));
        Assert.Empty(await shop.InvoicesAsync("p5"));
    }

    /// <summary>A run a day later bills the payer, once, dated as it would have been; others get nothing more.</summary>
    private static async Task AssertBilledLaterAsync(Shop shop, decimal total)
    {
        var run = await shop.BillAsync(Due.PlusDays(1));
        Assert.Empty(run.Quarantined);
        Assert.Equal(("p5", total), (Assert.Single(run.Invoices).PayerId, run.Invoices[0].Total));
        Assert.Empty(await shop.Engine.Runs.ListQuarantineAsync(Shop.Tenant));
        Assert.Empty((await shop.BillAsync(Due.PlusDays(2))).Invoices);
        Assert.Equal(total, (await shop.SumsByChargeAsync("p5"))["calls"]);
    }

    /// <summary>Two per unit, when it works.</summary>
    private sealed class Moody : IPricingRule
    {
        public bool Works { get; set; }

        public ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken) =>
            Works
                ? ValueTask.FromResult<IReadOnlyList<PricingResult>>([.. requests.Select(r => PricingResult.Of(2m * r.Quantity))])
                : throw new FormatException("The price list cannot be read.");
    }
}
