using Billing.Catalog;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>What is settled is not read again, and what reaches back is billed all the same.</summary>
public sealed class SettledTests
{
    private static readonly LocalDate Start = new(2026, 1, 1);

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_run_reads_as_much_of_an_old_account_as_of_a_young_one(string store)
    {
        HookedStorage? hooks = null;
        await using var shop = await Shop.OpenAsync(HookedStorage.Options(store, h => hooks = h));
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.Flat(20m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("acme", "basic");
        var read = new List<(int Lines, int Invoices, int Queries)>();
        var queries = 0;
        hooks!.Before = (name, arguments) => queries += name == nameof(IBillingStorage.ReadUsageAsync) ? ((IReadOnlyList<UsageQuery>)arguments[1]!).Count : 0;
        hooks.After = (name, answer) =>
        {
            if (name == nameof(IBillingStorage.ReadPayersAsync))
            {
                var snapshot = ((IReadOnlyList<PayerSnapshot>)answer!)[0];
                read.Add((snapshot.Lines.Count, snapshot.Invoices.Count(i => i.Status != InvoiceStatus.Open), 0));
            }
            else if (name == nameof(IBillingStorage.CommitAsync) && queries > 0)
            {
                read[^1] = read[^1] with { Queries = queries };
                queries = 0;
            }
        };

        for (var month = 0; month < 40; month++)
        {
            await shop.CallAsync("acme", $"call-{month}", Start.PlusMonths(month).PlusDays(3), "100");
            read.Clear();
            var run = await shop.BillAsync(Start.PlusMonths(month + 1));
            Assert.Equal(month == 0 ? 45m : 25m, run.Invoices.Sum(i => i.Total));
            if (month > 3)
            {
                Assert.Equal([(4, 0, 2)], read);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    public async Task Usage_that_comes_months_late_is_billed_once_with_the_next_invoice(int monthsLate)
    {
        await using var shop = await Shop.OpenAsync();
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.Flat(20m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("acme", "basic");
        for (var month = 1; month <= 10; month++)
        {
            await shop.CallAsync("acme", $"call-{month}", Start.PlusMonths(month - 1).PlusDays(3), "100");
            await shop.BillAsync(Start.PlusMonths(month));
        }

        await shop.CallAsync("acme", "late", Start.PlusMonths(9 - monthsLate).PlusDays(5), "60");
        Assert.Empty((await shop.BillAsync(Start.PlusMonths(10).PlusDays(1))).Invoices);

        // 20.00 for the month to come, 3.00 for the late call.
        Assert.Equal(23m, Assert.Single((await shop.BillAsync(Start.PlusMonths(11))).Invoices).Total);
        Assert.Equal(20m, Assert.Single((await shop.BillAsync(Start.PlusMonths(12))).Invoices).Total);
    }

    [Fact]
    public async Task A_command_between_late_usage_and_the_next_run_does_not_lose_it()
    {
        await using var shop = await Shop.OpenAsync();
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.PerUnit(10m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("acme", "basic");
        for (var month = 0; month <= 6; month++)
        {
            await shop.BillAsync(Start.PlusMonths(month));
        }

        await shop.CallAsync("acme", "late", Start.PlusMonths(1).PlusDays(5), "60");
        await shop.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = 2m, When = ChangeTime.EndOfPeriod });
        await shop.BillAsync(shop.Clock.Now);
        await shop.BillAsync(Start.PlusMonths(7));
        Assert.Equal(3m, (await shop.SumsByChargeAsync("acme"))["calls"]);
    }

    [Fact]
    public async Task A_change_that_takes_effect_in_a_settled_period_is_charged()
    {
        await using var shop = await Shop.OpenAsync();
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.PerUnit(10m))));
        await shop.SubscriberAsync("acme", "basic");
        for (var month = 0; month <= 8; month++)
        {
            await shop.BillAsync(Start.PlusMonths(month));
        }

        await shop.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = 3m, When = ChangeTime.At(Shop.Midnight(Start.PlusMonths(2))) });
        await shop.BillAsync(shop.Clock.Now);

        // Nine months at 10.00, and from March on two more units for seven months.
        Assert.Equal(90m + 140m, (await shop.SumsByChargeAsync("acme"))["fee"]);
        await shop.BillAsync(Start.PlusMonths(9));
        Assert.Equal(260m, (await shop.SumsByChargeAsync("acme"))["fee"]);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Usage_that_is_stored_between_a_pages_read_and_its_commit_is_billed_once(string store)
    {
        HookedStorage? hooks = null;
        await using var shop = await Shop.OpenAsync(HookedStorage.Options(store, h => hooks = h));
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.Flat(20m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("acme", "basic");
        await shop.BillAsync(Start);
        await shop.CallAsync("acme", "call", Start.PlusDays(2), "100");
        shop.Clock.AdvanceTo(Shop.Midnight(Start.PlusDays(10)));
        await shop.Engine.Subscriptions.CancelAsync(Shop.Tenant, new CancelRequest { SubscriptionId = "acme" });
        hooks!.Before = (name, arguments) =>
        {
            if (name == nameof(IBillingStorage.CommitAsync) && ((BillingBatch)arguments[0]!).Payers.Count > 0)
            {
                // The page has read everything. It bills the end of the subscription: nothing lies ahead for the payer afterwards.
                hooks.Before = null;
                shop.CallAsync("acme", "between", Start.PlusDays(5), "60").GetAwaiter().GetResult();
            }
        };

        await shop.BillAsync(shop.Clock.Now);
        Assert.Equal(5m, (await shop.SumsByChargeAsync("acme"))["calls"]);
        Assert.NotNull(await shop.Engine.Runs.GetNextDueAsync(Shop.Tenant));
        await shop.BillAsync(shop.Clock.Now);
        Assert.Equal(8m, (await shop.SumsByChargeAsync("acme"))["calls"]);
        Assert.Empty((await shop.BillAsync(Start.PlusMonths(5))).Invoices);
        Assert.Equal(8m, (await shop.SumsByChargeAsync("acme"))["calls"]);
    }
}
