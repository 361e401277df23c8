using Billing.Catalog;
using Billing.Usage;
using NodaTime;

namespace Billing.UsageTests;

public sealed class RetentionTests
{
    private static readonly Instant April = Instant.FromUtc(2026, 4, 1, 0, 0);

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Events_older_than_the_tenant_takes_are_refused(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store, new TenantSettings { UsageAcceptedDays = 30 })).WithAsync("acme");
        shop.Clock.AdvanceTo(Shop.Start + Duration.FromDays(31));

        var results = await shop.RecordAsync(Shop.Call("old", after: Duration.FromDays(1) - Duration.Epsilon), Shop.Call("edge", after: Duration.FromDays(1)));

        Assert.Equal([(UsageStatus.Rejected, BillingErrorCodes.Expired), (UsageStatus.Accepted, null)], results.Select(r => (r.Status, r.Code)));
        Assert.Equal((1m, 1m), await shop.QuantitiesAsync("calls"));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Whatever_keys_are_dropped_no_event_counts_twice(string store)
    {
        var settings = new TenantSettings { UsageAcceptedDays = 30 };
        await using var shop = await (await Shop.OpenAsync(store, settings)).WithAsync("acme");

        // One happened long before it arrived, one has a time that lies ahead.
        shop.Clock.AdvanceTo(Shop.Start + Duration.FromDays(20));
        UsageEntry[] calls = [Shop.Call("old", after: Duration.FromDays(1)), Shop.Call("ahead", after: Duration.FromDays(40)), Shop.Call("new", after: Duration.FromDays(19))];
        Assert.All(await shop.RecordAsync(calls), r => Assert.Equal(UsageStatus.Accepted, r.Status));
        Assert.Equal(0, await shop.Engine.Usage.DropKeysAsync(Shop.Tenant));

        shop.Clock.AdvanceTo(Shop.Start + Duration.FromDays(35));
        Assert.Equal(1, await shop.Engine.Usage.DropKeysAsync(Shop.Tenant));
        Assert.Equal(0, await shop.Engine.Usage.DropKeysAsync(Shop.Tenant));
        Assert.Equal([UsageStatus.Rejected, UsageStatus.Duplicate, UsageStatus.Duplicate], (await shop.RecordAsync(calls)).Select(r => r.Status));

        // Who takes older events again from now on has no keys for those that are gone.
        await shop.Engine.Tenants.UpdateSettingsAsync(Shop.Tenant, settings with { UsageAcceptedDays = null });
        Assert.Equal([BillingErrorCodes.Expired, null, null], (await shop.RecordAsync(calls)).Select(r => r.Code));
        Assert.Equal(0, await shop.Engine.Usage.DropKeysAsync(Shop.Tenant));
        Assert.Equal((2m, 2m), await shop.QuantitiesAsync("calls"));
    }

    [Fact]
    public async Task Without_a_limit_all_keys_stay()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await shop.RecordAsync(Shop.Call("a"));
        shop.Clock.AdvanceTo(Shop.Start + Duration.FromDays(20_000));

        Assert.Equal(0, await shop.Engine.Usage.DropKeysAsync(Shop.Tenant));

        Assert.Equal(UsageStatus.Duplicate, Assert.Single(await shop.RecordAsync(Shop.Call("a"))).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(36_501)]
    public async Task A_limit_out_of_range_is_refused(int days)
    {
        var error = await Assert.ThrowsAsync<BillingException>(() => Shop.OpenAsync(Stores.Memory, new TenantSettings { UsageAcceptedDays = days }));

        Assert.Equal((BillingErrorCodes.Validation, "settings.usageAcceptedDays"), (error.Code, error.Key));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Bills_are_the_same_without_raw_events_and_dropped_events_count_once(string store)
    {
        await using var kept = await WithCallsAsync(store);
        await using var dropped = await WithCallsAsync(store);
        Assert.Equal(2, await dropped.Engine.Usage.DropEventsAsync(Shop.Tenant, April));

        Assert.All(await dropped.RecordAsync(Calls()), r => Assert.Equal(UsageStatus.Duplicate, r.Status));
        foreach (var shop in new[] { kept, dropped })
        {
            await shop.BillAsync(April);
            await shop.BillAsync(Instant.FromUtc(2026, 5, 1, 0, 0));
        }

        var (expected, actual) = (await kept.InvoicesAsync(), await dropped.InvoicesAsync());
        Assert.Equal(expected.SelectMany(d => d.Lines).Select(l => (l.Charge, l.From, l.To, l.Quantity, l.Amount)), actual.SelectMany(d => d.Lines).Select(l => (l.Charge, l.From, l.To, l.Quantity, l.Amount)));
        Assert.Equal(0.15m, Assert.Single(actual).Invoice.Total);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_correction_after_events_were_dropped_keeps_what_the_dropped_ones_added(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        var noon = Shop.Start + Duration.FromHours(12);
        await shop.RecordAsync(
            Shop.Call("first", minutes: "50", after: Duration.FromHours(11)),
            Shop.Call("second", minutes: "40", after: Duration.FromHours(12)),
            Shop.Call("third", minutes: "30", after: Duration.FromHours(12) + Duration.FromMinutes(10)));

        // Half of a bucket is not dropped: its greatest value could not be made anew.
        Assert.Equal(1, await shop.Engine.Usage.DropEventsAsync(Shop.Tenant, noon + Duration.FromMinutes(5)));
        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "third", Properties = Shop.Call("third", minutes: "35").Event.Properties });

        Assert.Equal(125m, (await shop.QuantitiesAsync("minutes")).Rollups);
        Assert.Equal(3m, (await shop.QuantitiesAsync("calls")).Rollups);
        Assert.Equal(50m, (await shop.QuantitiesAsync("longest")).Rollups);
        Assert.Equal(35m, (await shop.QuantitiesAsync("shortest")).Rollups);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_correction_takes_back_what_the_meters_of_its_time_made_of_the_event(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await shop.RecordAsync(Shop.Call("a", minutes: "10"), Shop.Call("b", minutes: "20"));
        shop.Clock.AdvanceTo(Shop.Start + Duration.FromDays(1));
        var changed = Shop.Catalog();
        await shop.Engine.Catalog.PublishAsync(Shop.Tenant, changed with
        {
            Meters = [.. changed.Meters.Select(m => m.Code == "minutes" ? m with { Filter = new EquatableMap<EquatableList<string>>([new("destination", ["1"])]) } : m)],
        });

        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "a", Properties = Shop.Call("a", minutes: "12").Event.Properties });
        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "b", Remove = true });

        Assert.Equal(12m, (await shop.QuantitiesAsync("minutes")).Rollups);
        Assert.Equal(1m, (await shop.QuantitiesAsync("calls")).Rollups);
    }

    private static UsageEntry[] Calls() => [Shop.Call("a"), Shop.Call("b", minutes: "2", after: Duration.FromDays(20))];

    private static async Task<Shop> WithCallsAsync(string store)
    {
        var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await shop.RecordAsync(Calls());
        return shop;
    }
}
