using Billing.Catalog;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class VoipTests
{
    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Twenty_dollars_ahead_and_a_hundred_minutes_behind_make_a_second_invoice_of_25(string store)
    {
        await using var shop = await Shop.OpenAsync(store);
        await shop.PublishAsync(Shop.PlanOf("voip", Shop.Recurring("line", Price.Flat(20m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("acme", "voip");
        await shop.BillAsync(new LocalDate(2026, 1, 1));
        await shop.CallAsync("acme", "c1", new LocalDate(2026, 1, 10), "60");
        await shop.CallAsync("acme", "c2", new LocalDate(2026, 1, 31), "40");

        await shop.BillAsync(new LocalDate(2026, 2, 1));

        var documents = await shop.InvoicesAsync("acme");
        Assert.Equal([20m, 25m], documents.Select(d => d.Invoice.Total));
        Assert.Equal([("calls", 5m, 100m), ("line", 20m, 1m)], documents[1].Lines.Select(l => (l.Charge!, l.Amount, l.Quantity)).Order());
        var balances = await shop.Engine.Ledger.GetTrialBalanceAsync(Shop.Tenant, new LocalDate(2026, 2, 1));
        Assert.Equal(0m, balances.Sum(b => b.Net));
        Assert.Equal(45m, balances.Single(b => b.Account == Ledger.LedgerAccounts.Receivable).Natural);
        Assert.Equal(25m, balances.Single(b => b.Account == Ledger.LedgerAccounts.Revenue).Natural);
        Assert.Equal(20m, balances.Single(b => b.Account == Ledger.LedgerAccounts.DeferredRevenue).Natural);
    }
}
