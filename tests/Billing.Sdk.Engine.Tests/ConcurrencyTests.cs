using Billing.Catalog;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Storage;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class ConcurrencyTests
{
    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Eight_runs_at_once_bill_each_of_200_payers_once_with_numbers_without_gaps(string store)
    {
        const int Payers = 200;
        await using var shop = await Shop.OpenAsync(store);
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("seat", Price.Flat(10m))));
        for (var i = 0; i < Payers; i++)
        {
            await shop.SubscriberAsync($"p{i:000}", "basic");
        }

        var asOf = shop.Clock.Now;
        var runs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => shop.Engine.Runs.BillAsync(Shop.Tenant, asOf))));

        var made = runs.SelectMany(r => r.Invoices).ToList();
        Assert.Equal(Payers, made.Count);
        Assert.Equal(Payers, made.Select(i => i.PayerId).Distinct().Count());
        Assert.Empty(runs.SelectMany(r => r.Quarantined));
        var stored = new List<InvoiceDocument>();
        for (var i = 0; i < Payers; i++)
        {
            stored.Add(Assert.Single(await shop.InvoicesAsync($"p{i:000}")));
        }

        Assert.Equal(Enumerable.Range(1, Payers).Select(n => (long?)n), stored.Select(d => d.Invoice.SeriesNumber).Order());
        Assert.All(stored, d => Assert.Equal(10m, Assert.Single(d.Lines).Amount));
        var balances = await shop.Engine.Ledger.GetTrialBalanceAsync(Shop.Tenant, new LocalDate(2026, 1, 1));
        Assert.Equal(Payers * 10m, balances.Single(b => b.Account == Ledger.LedgerAccounts.Receivable).Natural);
        Assert.Equal(0m, balances.Sum(b => b.Net));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Of_200_charges_that_8_threads_add_to_one_payer_none_is_lost(string store)
    {
        const int Threads = 8;
        const int Each = 25;
        await using var shop = await Shop.OpenAsync(store);
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "acme" });

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                await AddAsync(shop, $"{thread}-{i}");
            }
        })));

        var snapshot = Assert.Single(await shop.Storage.ReadPayersAsync(Shop.Tenant, ["acme"], SnapshotParts.PendingItems, CancellationToken.None));
        Assert.Equal(Threads * Each, snapshot.PendingItems.Count);
        Assert.Equal(Threads * Each, snapshot.PendingItems.Select(i => i.Description).Distinct().Count());
        await shop.Engine.Charges.AddAsync(Shop.Tenant, new AddChargeRequest { CustomerId = "acme", Amount = 1m, InvoiceNow = true });
        var run = await shop.BillAsync(shop.Clock.Now);
        Assert.Equal((Threads * Each) + 1m, Assert.Single(run.Invoices).Total);
    }

    /// <summary>A command that came too late eight times is told so with <c>conflict</c>, and its caller asks again under the same key.</summary>
    private static async Task AddAsync(Shop shop, string description)
    {
        var context = new CommandContext(Shop.Tenant) { IdempotencyKey = description };
        while (true)
        {
            try
            {
                await shop.Engine.Charges.AddAsync(context, new AddChargeRequest { CustomerId = "acme", Amount = 1m, Description = description });
                return;
            }
            catch (BillingException error) when (error.Code == BillingErrorCodes.Conflict)
            {
                await Task.Yield();
            }
        }
    }
}
