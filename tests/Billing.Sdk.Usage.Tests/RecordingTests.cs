using Billing.Customers;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.UsageTests;

public sealed class RecordingTests
{
    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Each_event_of_a_batch_is_answered_by_itself(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme", "bolt");
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "idle" });
        await shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, new SubscribeRequest { Id = "bolt-2", CustomerId = "bolt", Plan = "voip" });
        await shop.RecordAsync(Shop.Call("known"));
        var good = Shop.Call("x").Event;
        var cases = new (UsageEntry Entry, UsageStatus Status, string? Code)[]
        {
            (Shop.Call("new"), UsageStatus.Accepted, null),
            (Shop.Call("known"), UsageStatus.Duplicate, null),
            (Shop.Call("known", source: "other"), UsageStatus.Accepted, null),
            (Shop.Call("new"), UsageStatus.Duplicate, null),
            (Shop.Call("twice", minutes: "many"), UsageStatus.Rejected, BillingErrorCodes.Validation),
            (Shop.Call("twice"), UsageStatus.Accepted, null),
            (Shop.Call("idle", customer: "idle"), UsageStatus.Unattributed, null),
            (Shop.Call("early", after: Duration.FromDays(-1)), UsageStatus.Unattributed, null),
            (Shop.Call("both", customer: "bolt"), UsageStatus.Rejected, BillingErrorCodes.Ambiguous),
            (Shop.Call("named", subscription: "bolt-2"), UsageStatus.Accepted, null),
            (Shop.Call("who", customer: "who"), UsageStatus.Rejected, BillingErrorCodes.NotFound),
            (Shop.Call("what", subscription: "what"), UsageStatus.Rejected, BillingErrorCodes.NotFound),
            (new UsageEntry { Event = good }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Id = " x" } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Type = "" } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Source = new string('s', 129) } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Source = "a\0b" } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Id = "half \ud83d pair" } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Properties = good.Properties.With("note", "a\0b") } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Properties = good.Properties.With("note", "\udca9") } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Properties = good.Properties.With("note", new string('n', 32_768)) } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Properties = EquatableMap<string>.Empty } }, UsageStatus.Rejected, BillingErrorCodes.Validation),
            (new UsageEntry { CustomerId = "acme", Event = good with { Id = "whole \ud83d\ude00 pair" } }, UsageStatus.Accepted, null),
            (Shop.Call("large", minutes: "1000000000000000"), UsageStatus.Rejected, BillingErrorCodes.Validation),
            (Shop.Call("fine", minutes: "0.0000000000001"), UsageStatus.Rejected, BillingErrorCodes.Validation),
            (Shop.Call("limit", minutes: "-999999999999999.999999999999", after: Duration.FromDays(2)), UsageStatus.Accepted, null),
        };

        var results = await shop.RecordAsync([.. cases.Select(c => c.Entry)]);

        Assert.Equal(cases.Select(c => (c.Entry.Event.Id, c.Status, c.Code)), cases.Zip(results, (c, r) => (c.Entry.Event.Id, r.Status, r.Code)));
        Assert.All(results, r => Assert.Equal(r.Status == UsageStatus.Rejected, r.Message is not null));
        Assert.Equal(["early", "idle"], (await shop.Engine.Usage.ListUnattributedAsync(Shop.Tenant)).Select(r => r.Event.Id));
        await shop.RollupsFitAsync("acme");
        Assert.Equal((1m, 1m), await shop.QuantitiesAsync("calls", "bolt-2"));
    }

    [Fact]
    public async Task Nothing_is_stored_when_all_are_refused()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");

        Assert.Equal(UsageStatus.Rejected, Assert.Single(await shop.RecordAsync(Shop.Call("a", minutes: "x"))).Status);
        Assert.Empty(await shop.RecordAsync());

        Assert.Empty(shop.Watch.Appended);
    }

    [Fact]
    public async Task The_number_of_reads_does_not_grow_with_the_batch()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme", "bolt");
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "idle-1" });
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "idle-2" });
        UsageEntry[] Batch(int size, string name) =>
        [
            .. Enumerable.Range(0, size).SelectMany(i => new[]
            {
                Shop.Call($"{name}-a{i}"), Shop.Call($"{name}-b{i}", subscription: "bolt"), Shop.Call($"{name}-c{i}", customer: $"idle-{(i % 2) + 1}"), Shop.Call($"{name}-d{i}", customer: $"unknown-{i}"),
            }),
        ];

        var small = await CallsAsync(Batch(2, "small"));
        var large = await CallsAsync(Batch(500, "large"));

        Assert.Equal(small, large);
        Assert.Equal(1, large.Count(c => c == nameof(IBillingStorage.AppendUsageAsync)));

        async Task<List<string>> CallsAsync(UsageEntry[] entries)
        {
            var before = shop.Watch.Calls.Count;
            await shop.RecordAsync(entries);
            return [.. shop.Watch.Calls.Skip(before)];
        }
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task An_add_on_takes_no_usage_after_the_end_of_a_base_that_the_batch_does_not_name(string store)
    {
        await using var shop = await Shop.OpenAsync(store);
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "acme" });
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "site" });
        await shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, new SubscribeRequest { Id = "base", CustomerId = "acme", Plan = "line" });
        await shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, new SubscribeRequest { Id = "add-on", CustomerId = "acme", Plan = "voip", ParentSubscriptionId = "base" });
        shop.Clock.AdvanceTo(Shop.Start + Duration.FromDays(5));
        await shop.Engine.Subscriptions.CancelAsync(Shop.Tenant, new CancelRequest { SubscriptionId = "base" });

        var results = await shop.RecordAsync(Shop.Call("in", after: Duration.FromDays(4)), Shop.Call("out", after: Duration.FromDays(6)));

        Assert.Equal([UsageStatus.Accepted, UsageStatus.Unattributed], results.Select(r => r.Status));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void What_accepted_events_come_to_is_the_sum_of_their_own_rollups(int seed)
    {
        var dice = new Dice(seed);
        var ids = new TimeOrderedIdGenerator(new Testing.TestClock(Shop.Start));
        var events = Enumerable.Range(0, 200).Select(i => Append(dice, i)).ToArray();
        UsageAppendBatch batch = [.. events];
        var outcomes = events.Select(_ => dice.Chance(70) ? UsageOutcome.Accepted : UsageOutcome.Duplicate).ToArray();

        var merged = batch.RollupsOf(outcomes, ids);

        var expected = events.Where((_, i) => outcomes[i] == UsageOutcome.Accepted).SelectMany(e => e.Rollups)
            .GroupBy(r => (r.SubscriptionId, r.Meter, r.Group, r.Bucket, r.Replaces))
            .Select(g => (g.Key, Count: g.Sum(r => r.Count), Sum: g.Sum(r => r.Sum), Min: g.Min(r => r.Min), Max: g.Max(r => r.Max)));
        Assert.Equal(expected, merged.Select(r => ((r.SubscriptionId, r.Meter, r.Group, r.Bucket, r.Replaces), r.Count, r.Sum, r.Min, r.Max)));
        Assert.Equal(merged.Count, merged.Select(r => r.Id).Distinct().Count());
        Assert.Equal(merged.Select(r => r.Id).Order(), merged.Select(r => r.Id));
        Assert.Equal(events.Where((_, i) => outcomes[i] == UsageOutcome.Accepted).Select(e => e.MakesDue).OfType<DueItem>().Distinct(), batch.DueOf(outcomes));
        Assert.Equal(events.Select(e => (e.Record, e.MakesDue, e.Rollups.Count)), batch.Select(e => (e.Record, e.MakesDue, e.Rollups.Count)));
        Assert.Equal(events.SelectMany(e => e.Rollups).Select(r => (r.Meter, r.Count, r.Sum, r.Min, r.Max)), batch.SelectMany(e => e.Rollups).Select(r => (r.Meter, r.Count, r.Sum, r.Min, r.Max)));
    }

    private static UsageAppend Append(Dice dice, int number)
    {
        var entry = Shop.Call("e" + number);
        var record = new UsageRecord { Tenant = Shop.Tenant, Hash = new Guid(number, 0, 0, new byte[8]), Event = entry.Event, SubscriptionId = "s", RecordedAt = Shop.Start, Version = 1 };
        UsageRollup Rollup()
        {
            var value = dice.Chance(20) ? (decimal?)null : dice.Next(1000) / 10m;
            return new UsageRollup
            {
                Tenant = Shop.Tenant,
                Id = Guid.Empty,
                SubscriptionId = "s" + dice.Next(2),
                Meter = "m" + dice.Next(2),
                Group = "g" + dice.Next(2),
                Bucket = Shop.Start + Duration.FromMinutes(15 * dice.Next(2)),
                Count = dice.Next(3),
                Sum = value ?? 0m,
                Min = value,
                Max = value,
                Replaces = dice.Chance(10),
                RecordedAt = Shop.Start,
            };
        }

        var due = new DueItem { Tenant = Shop.Tenant, Kind = DueKind.Billing, PayerId = "p" + dice.Next(3), DueAt = Shop.Start };
        return new UsageAppend { Record = record, Rollups = [.. Enumerable.Range(0, dice.Next(4)).Select(_ => Rollup())], MakesDue = dice.Chance(30) ? due : null };
    }
}
