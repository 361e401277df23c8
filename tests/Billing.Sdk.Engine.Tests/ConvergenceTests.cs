using Billing.Catalog;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>Whatever becomes known after a bill, in whatever order: the lines sum to what the facts come to.</summary>
public sealed class ConvergenceTests
{
    private const decimal SeatPrice = 12.00m;

    public static TheoryData<string, string, bool> Orders()
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var store in new[] { Stores.Memory, Stores.Sqlite })
        {
            foreach (var order in new[] { "late removal quantity", "late quantity removal", "removal late quantity", "removal quantity late", "quantity late removal", "quantity removal late" })
            {
                data.Add(store, order, true);
                data.Add(store, order, false);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public async Task Late_facts_in_any_order_sum_to_a_recomputation_from_the_facts(string store, string order, bool billAfterEach)
    {
        await using var shop = await Shop.OpenAsync(store);
        await shop.PublishAsync(Shop.PlanOf(
            "office",
            Shop.Recurring("seats", Price.PerUnit(SeatPrice)),
            Shop.Metered("calls", Price.Graduated(new PriceTier { UpTo = 1000m, UnitAmount = 0.05m }, new PriceTier { UnitAmount = 0.03m }))));
        await shop.SubscriberAsync("acme", "office", quantity: 3m);
        await shop.CallAsync("acme", "first", new LocalDate(2026, 1, 10), "600");
        await shop.CallAsync("acme", "second", new LocalDate(2026, 1, 20), "700");
        await shop.BillAsync(new LocalDate(2026, 1, 1));
        await shop.BillAsync(new LocalDate(2026, 2, 1));
        Assert.Equal(CallsOf(600m, 700m), (await shop.SumsByChargeAsync("acme"))["calls"]);

        var day = new LocalDate(2026, 2, 10);
        foreach (var fact in order.Split(' '))
        {
            shop.Clock.AdvanceTo(Shop.Midnight(day));
            await LearnAsync(shop, fact);
            if (billAfterEach)
            {
                await shop.BillAsync(day);
            }

            day = day.PlusDays(1);
        }

        await shop.BillAsync(new LocalDate(2026, 3, 1));

        var sums = await shop.SumsByChargeAsync("acme");
        Assert.Equal(CallsOf(700m, 400m), sums["calls"]);
        Assert.Equal(SeatsOf(), sums["seats"]);
        Assert.Empty((await shop.BillAsync(new LocalDate(2026, 3, 1))).Invoices);
    }

    private static Task LearnAsync(Shop shop, string fact) => fact switch
    {
        "late" => shop.CallAsync("acme", "third", new LocalDate(2026, 1, 25), "400"),
        "removal" => shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "first", Remove = true }),
        _ => shop.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = 5m, When = ChangeTime.On(new LocalDate(2026, 1, 16)) }),
    };

    /// <summary>The first thousand minutes at 5 cents, those beyond at 3.</summary>
    private static decimal CallsOf(params decimal[] minutes)
    {
        var all = minutes.Sum();
        return Cents((Math.Min(all, 1000m) * 0.05m) + (Math.Max(0m, all - 1000m) * 0.03m));
    }

    /// <summary>Three seats from January to March, and two more from 16 January on: 16 of its 31 days, then two whole months.</summary>
    private static decimal SeatsOf()
    {
        const int Months = 3;
        return (Months * 3m * SeatPrice) + Cents(2m * SeatPrice * 16m / 31m) + (2m * 2m * SeatPrice);
    }

    private static decimal Cents(decimal amount) => Math.Round(amount, 2, MidpointRounding.AwayFromZero);
}
