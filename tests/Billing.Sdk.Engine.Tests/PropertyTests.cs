using Billing.Catalog;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Subscriptions;
using Billing.Usage;
using FsCheck;
using FsCheck.Fluent;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>What holds for any life of a subscription.</summary>
public sealed class PropertyTests
{
    private const int DaysOfJanuary = 31;

    [Fact]
    public void A_month_cut_by_plans_of_one_price_and_ever_earlier_cancellations_sums_to_its_part()
    {
        var cases =
            from cents in Gen.Choose(1, 200_000)
            from cuts in Gen.ListOf(Gen.Choose(2, DaysOfJanuary))
            from ends in Gen.ListOf(Gen.Choose(1, DaysOfJanuary))
            select (Price: cents / 100m, Cuts: cuts.Distinct().Order().Take(6).ToList(), Ends: ends.Distinct().OrderDescending().Take(4).ToList());
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c => Run(() => CutAsync(c.Price, c.Cuts, c.Ends))));
    }

    private static async Task CutAsync(decimal price, List<int> cuts, List<int> ends)
    {
        await using var shop = await Shop.OpenAsync();
        await shop.PublishAsync(Shop.PlanOf("even", Shop.Recurring("line", Price.Flat(price))), Shop.PlanOf("odd", Shop.Recurring("line", Price.Flat(price))));
        await shop.SubscriberAsync("acme", "even");
        await shop.BillAsync(January(1));
        for (var i = 0; i < cuts.Count; i++)
        {
            shop.Clock.AdvanceTo(Shop.Midnight(January(cuts[i])));
            await shop.Engine.Subscriptions.ChangePlanAsync(Shop.Tenant, new ChangePlanRequest { SubscriptionId = "acme", Plan = i % 2 == 0 ? "odd" : "even" });
            await shop.BillAsync(shop.Clock.Now);
        }

        foreach (var end in ends)
        {
            shop.Clock.Advance(Duration.FromMinutes(1));
            await shop.Engine.Subscriptions.CancelAsync(Shop.Tenant, new CancelRequest { SubscriptionId = "acme", When = ChangeTime.On(January(end)) });
            await shop.BillAsync(shop.Clock.Now);
        }

        await shop.BillAsync(Shop.Midnight(January(DaysOfJanuary)) + Duration.FromHours(12));
        var days = ends.Count == 0 ? DaysOfJanuary : ends[^1] - 1;
        Assert.Equal(Cents(price * days / DaysOfJanuary), await SumAsync(shop));
    }

    [Fact]
    public void Quantities_up_and_down_cost_each_day_its_quantity()
    {
        var cases =
            from centsPerDay in Gen.Choose(1, 500)
            from first in Gen.Choose(0, 9)
            from changes in Gen.ListOf(Gen.Choose(2, DaysOfJanuary).Zip(Gen.Choose(0, 9)))
            select (PerDay: centsPerDay / 100m, First: first, Changes: changes.DistinctBy(x => x.Item1).OrderBy(x => x.Item1).Take(6).ToList());
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c => Run(() => ChangeQuantitiesAsync(c.PerDay, c.First, c.Changes))));
    }

    /// <summary>A price that is whole cents on each day: rounding has no part in it.</summary>
    private static async Task ChangeQuantitiesAsync(decimal perDay, int first, IReadOnlyList<(int Day, int Quantity)> changes)
    {
        await using var shop = await Shop.OpenAsync();
        await shop.PublishAsync(Shop.PlanOf("seats", Shop.Recurring("line", Price.PerUnit(perDay * DaysOfJanuary))));
        await shop.SubscriberAsync("acme", "seats", quantity: first);
        await shop.BillAsync(January(1));
        foreach (var (day, quantity) in changes)
        {
            shop.Clock.AdvanceTo(Shop.Midnight(January(day)));
            await shop.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = quantity });
            await shop.BillAsync(shop.Clock.Now);
        }

        var expected = Enumerable.Range(1, DaysOfJanuary).Sum(day => perDay * changes.Where(c => c.Day <= day).Select(c => c.Quantity).LastOrDefault(first));
        Assert.Equal(expected, await SumAsync(shop));
    }

    [Fact]
    public void Units_that_come_and_go_cost_their_rounded_part_of_the_month()
    {
        var cases =
            from cents in Gen.Choose(1, 100_000)
            from first in Gen.Choose(1, 5)
            from more in Gen.Choose(1, 5)
            from up in Gen.Choose(2, 30)
            from down in Gen.Choose(up + 1, DaysOfJanuary)
            select (Price: cents / 100m, First: first, More: more, Up: up, Down: down);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c => Run(() => UpAndDownAsync(c.Price, c.First, c.More, c.Up, c.Down))));
    }

    private static async Task UpAndDownAsync(decimal price, int first, int more, int up, int down)
    {
        await using var shop = await Shop.OpenAsync();
        await shop.PublishAsync(Shop.PlanOf("seats", Shop.Recurring("line", Price.PerUnit(price))));
        await shop.SubscriberAsync("acme", "seats", quantity: first);
        await shop.BillAsync(January(1));
        foreach (var (day, quantity) in new[] { (up, first + more), (down, first) })
        {
            shop.Clock.AdvanceTo(Shop.Midnight(January(day)));
            await shop.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = quantity });
            await shop.BillAsync(shop.Clock.Now);
        }

        Assert.Equal((price * first) + Cents(price * more * (down - up) / DaysOfJanuary), await SumAsync(shop));
    }

    [Fact]
    public void A_preview_is_the_run_field_by_field_and_the_run_again_is_nothing()
    {
        var steps =
            from kind in Gen.Elements("usage", "late", "quantity", "plan", "charge", "coupon", "cancel", "credit")
            from days in Gen.Choose(0, 20)
            from number in Gen.Choose(1, 9)
            select (kind, days, number);
        Check.QuickThrowOnFailure(Prop.ForAll(Gen.ListOf(steps).Select(s => s.Take(8).ToList()).ToArbitrary(), s => Run(() => LiveAsync(s))));
    }

    private static async Task LiveAsync(IReadOnlyList<(string Kind, int Days, int Number)> steps)
    {
        await using var shop = await Shop.OpenAsync();
        await shop.Engine.Catalog.PublishAsync(Shop.Tenant, Shop.CatalogOf(
            Shop.PlanOf("small", Shop.Recurring("line", Price.PerUnit(9.99m)), Shop.Metered("calls", Price.Graduated(new PriceTier { UpTo = 20m, UnitAmount = 0.333m }, new PriceTier { UnitAmount = 0.1m }))),
            Shop.PlanOf("large", Shop.Recurring("line", Price.PerUnit(29.95m)), Shop.Recurring("care", Price.Flat(7m), ChargeTiming.InArrears), Shop.Metered("calls", Price.PerUnit(0.05m)))) with
        {
            Coupons = [new Coupon { Code = "ten", PercentOff = 10m, Duration = CouponDuration.Repeating, Periods = 2 }],
        });
        await shop.SubscriberAsync("acme", "small", quantity: 2m);
        var date = January(1);
        await AssertPreviewIsRunAsync(shop, date);
        for (var i = 0; i < steps.Count; i++)
        {
            var (kind, days, number) = steps[i];
            date = date.PlusDays(days);
            shop.Clock.AdvanceTo(Shop.Midnight(date));
            await StepAsync(shop, kind, number, date, $"e{i}");
            await AssertPreviewIsRunAsync(shop, date);
        }

        await AssertPreviewIsRunAsync(shop, date.PlusMonths(2));
    }

    private static async Task StepAsync(Shop shop, string kind, int number, LocalDate date, string id)
    {
        var engine = shop.Engine;
        try
        {
            await (kind switch
            {
                "usage" => engine.Usage.RecordAsync(Shop.Tenant, [Shop.Call("acme", id, date, $"{number}.5")]),
                "late" => engine.Usage.RecordAsync(Shop.Tenant, [Shop.Call("acme", id, January(1).PlusDays(number), $"{number}")]),
                "quantity" => engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = number }),
                "plan" => engine.Subscriptions.ChangePlanAsync(Shop.Tenant, new ChangePlanRequest { SubscriptionId = "acme", Plan = number % 2 == 0 ? "small" : "large" }),
                "charge" => engine.Charges.AddAsync(Shop.Tenant, new AddChargeRequest { CustomerId = "acme", Amount = number, InvoiceNow = number % 2 == 0 }),
                "coupon" => engine.Coupons.ApplyAsync(Shop.Tenant, "ten", "acme", null),
                "cancel" => engine.Subscriptions.CancelAsync(Shop.Tenant, new CancelRequest { SubscriptionId = "acme", When = ChangeTime.On(date.PlusDays(number)) }),
                _ => (Task)engine.Credits.AdjustBalanceAsync(Shop.Tenant, "acme", number),
            });
        }
        catch (BillingException error) when (error.Code == BillingErrorCodes.InvalidState)
        {
            // A subscription that has ended takes no changes; the life goes on with the next step.
        }
    }

    private static async Task AssertPreviewIsRunAsync(Shop shop, LocalDate date)
    {
        var asOf = Shop.Midnight(date);
        shop.Clock.AdvanceTo(asOf);
        var known = (await shop.InvoicesAsync("acme")).Count;
        var before = await shop.DigestAsync();
        var preview = await shop.Engine.Invoices.PreviewAsync(Shop.Tenant, "acme", asOf);
        Assert.Equal(before, await shop.DigestAsync());

        await shop.BillAsync(asOf);

        var made = (await shop.InvoicesAsync("acme")).Skip(known).ToList();
        Assert.Equal(Comparable(preview), Comparable(made));
        var after = await shop.DigestAsync();
        Assert.Empty((await shop.BillAsync(asOf)).Invoices);
        Assert.Equal(after, await shop.DigestAsync());
    }

    /// <summary>All fields but those that only a stored row has: ids, number, version. What a line takes back is named by its place when it is as new.</summary>
    private static string Comparable(IReadOnlyList<InvoiceDocument> documents)
    {
        var places = documents.SelectMany(d => d.Lines.Select(l => (l.Id, Place: $"{d.Invoice.Ordinal}/{l.Position}"))).ToDictionary(p => p.Id, p => p.Place);
        return string.Join('\n', documents.SelectMany(d => d.Lines.Select(l => Describe(l, places)).Prepend(StateText.Of(d.Invoice with { Id = Guid.Empty, Number = null, SeriesNumber = null, Version = 0 }))));
    }

    private static string Describe(InvoiceLine line, Dictionary<Guid, string> places)
    {
        var reverses = line.ReversesLineId is { } id && places.TryGetValue(id, out var place) ? place : $"{line.ReversesLineId}";
        return $"reverses {reverses} " + StateText.Of(line with { Id = Guid.Empty, InvoiceId = Guid.Empty, ReversesLineId = null });
    }

    [Fact]
    public void Order_of_arrival_batches_and_duplicates_of_usage_do_not_change_the_invoice()
    {
        var events =
            from day in Gen.Choose(1, DaysOfJanuary)
            from hour in Gen.Choose(0, 23)
            from tenths in Gen.Choose(0, 500)
            select (day, hour, tenths);
        var cases =
            from list in Gen.NonEmptyListOf(events)
            from keys in Gen.ArrayOf(Gen.Choose(0, 1_000_000), 2 * list.Count)
            from batch in Gen.Choose(1, 5)
            select (Events: list.Select((e, i) => EntryOf(i, e.day, e.hour, e.tenths)).ToList(), Keys: keys, Batch: batch);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c => Run(() => ArriveAsync(c.Events, c.Keys, c.Batch))));
    }

    private static async Task ArriveAsync(List<UsageEntry> events, int[] keys, int batch)
    {
        var shuffled = events.Concat(events).Zip(keys).OrderBy(p => p.Second).Select(p => p.First).Chunk(batch).Select(c => c.ToList()).ToList();
        Assert.Equal(await InvoiceOfAsync([events]), await InvoiceOfAsync(shuffled));
    }

    private static async Task<string> InvoiceOfAsync(List<List<UsageEntry>> batches)
    {
        await using var shop = await Shop.OpenAsync();
        await shop.Engine.Catalog.PublishAsync(Shop.Tenant, new CatalogDefinition
        {
            Meters =
            [
                MeterOf("minutes", MeterAggregation.Sum), MeterOf("peak", MeterAggregation.Max), MeterOf("last", MeterAggregation.Latest),
                MeterOf("kinds", MeterAggregation.UniqueCount), MeterOf("mean", MeterAggregation.Average), MeterOf("count", MeterAggregation.Count),
            ],
            Plans =
            [
                Shop.PlanOf(
                    "all",
                    Shop.Metered("minutes", Price.Graduated(new PriceTier { UpTo = 50m, UnitAmount = 0.07m }, new PriceTier { UnitAmount = 0.03m })),
                    Shop.Metered("peak", Price.PerUnit(0.5m), "peak"),
                    Shop.Metered("last", Price.PerUnit(0.5m), "last"),
                    Shop.Metered("kinds", Price.PerUnit(0.5m), "kinds"),
                    Shop.Metered("mean", Price.PerUnit(0.5m), "mean"),
                    Shop.Metered("count", Price.Package(3m, 1m), "count")),
            ],
        });
        await shop.SubscriberAsync("acme", "all");
        foreach (var batch in batches)
        {
            await shop.Engine.Usage.RecordAsync(Shop.Tenant, batch);
        }

        await shop.BillAsync(new LocalDate(2026, 2, 1));
        return string.Join('\n', (await shop.InvoicesAsync("acme")).SelectMany(d => d.Lines).Select(l => FormattableString.Invariant($"{l.Charge} {l.Quantity / 1.000000m} {l.Amount / 1.000000m}")).Order(StringComparer.Ordinal));
    }

    private static Meter MeterOf(string code, MeterAggregation aggregation) => new() { Code = code, EventType = "call", Aggregation = aggregation, Field = aggregation == MeterAggregation.Count ? null : "minutes" };

    private static UsageEntry EntryOf(int index, int day, int hour, int tenths) =>
        Shop.Call("acme", $"e{index}", January(day), FormattableString.Invariant($"{tenths / 10m}"), hour);

    private static LocalDate January(int day) => new(2026, 1, day);

    private static decimal Cents(decimal amount) => Math.Round(amount, 2, MidpointRounding.AwayFromZero);

    private static async Task<decimal> SumAsync(Shop shop) => (await shop.SumsByChargeAsync("acme")).GetValueOrDefault("line");

    /// <summary>A property is a plain function, so its life is waited for. It runs on threads of the pool: on the runner's own few threads it could wait for one that waits for it.</summary>
    private static void Run(Func<Task> life) => Task.Run(life).GetAwaiter().GetResult();
}
