using System.Reflection;
using Billing.Catalog;
using Billing.Credits;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>A tenant sees its own and nothing else, whatever ids it uses.</summary>
public sealed class IsolationTests
{
    private static readonly TenantId Other = new("other");
    private static readonly LocalDate Day = new(2026, 1, 5);

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Reads_with_another_tenants_ids_find_nothing(string store)
    {
        await using var shop = await Shop.OpenAsync(store);
        var engine = shop.Engine;
        await engine.Tenants.CreateAsync(Other, "Other");
        var invoice = await LiveAsync(shop, Shop.Tenant, 10m);

        var run = (await engine.Runs.ListAsync(Shop.Tenant))[0].Id;
        Func<Task>[] notFound =
        [
            () => engine.Customers.GetAsync(Other, "acme"),
            () => engine.Customers.GetBalanceAsync(Other, "acme"),
            () => engine.Subscriptions.GetAsync(Other, "s"),
            () => engine.Subscriptions.ListAsync(Other, "acme"),
            () => engine.Invoices.GetAsync(Other, invoice),
            () => engine.Invoices.ListAsync(Other, "acme"),
            () => engine.Invoices.PreviewAsync(Other, "acme"),
            () => engine.Invoices.PreviewAsync(Other, "acme", shop.Clock.Now),
            () => engine.Payments.ListAsync(Other, "acme"),
            () => engine.Payments.GetGatewayNetAsync(Other, "acme"),
            () => engine.Credits.ListNotesAsync(Other, "acme"),
            () => engine.Credits.ListGrantsAsync(Other, "acme"),
            () => engine.Usage.GetCurrentAsync(Other, "acme"),
            () => engine.Ledger.GetTrialBalanceAsync(Other, Day, "acme"),
            () => engine.Ledger.ListTransactionsAsync(Other, "acme"),
            () => engine.Messages.ListAsync(Other, "acme"),
            () => engine.Runs.FindAsync(Other, run),
            () => engine.Runs.GetProgressAsync(Other, run),
        ];
        foreach (var read in notFound)
        {
            Assert.Equal(BillingErrorCodes.NotFound, (await Assert.ThrowsAsync<BillingException>(read)).Code);
        }

        Assert.Empty(await engine.Customers.ListPayersAsync(Other));
        Assert.Equal(CatalogDefinition.Empty, await engine.Catalog.GetAsync(Other));
        Assert.Empty(await engine.Usage.ListUnattributedAsync(Other));
        Assert.Empty(await engine.Ledger.GetTrialBalanceAsync(Other, Day));
        Assert.Empty(await engine.Ledger.ListTransactionsAsync(Other));
        Assert.Empty(await engine.Messages.ListAsync(Other));
        Assert.Empty(await engine.Mediation.ListRejectedAsync(Other));
        Assert.Empty(await engine.Runs.ListAsync(Other));
        Assert.Empty(await engine.Runs.ListQuarantineAsync(Other));
        Assert.Null(await engine.Runs.GetNextDueAsync(Other));
        Assert.Empty((await engine.Tenants.GetTasksAsync(Other)).Entries);
        Assert.Equal("Other", (await engine.Tenants.GetAsync(Other)).Name);
        Assert.Equal(new Processing.DispatchResult(0, 0, 0), await engine.Runs.DispatchAsync(Other));
    }

    [Fact]
    public void The_reads_above_are_all_that_facades_have()
    {
        string[] known =
        [
            "CatalogFacade.GetAsync", "CreditFacade.ListGrantsAsync", "CreditFacade.ListNotesAsync", "CustomerFacade.GetAsync", "CustomerFacade.GetBalanceAsync",
            "CustomerFacade.ListPayersAsync", "InvoiceFacade.GetAsync", "InvoiceFacade.ListAsync", "InvoiceFacade.PreviewAsync", "LedgerFacade.GetTrialBalanceAsync",
            "LedgerFacade.ListTransactionsAsync", "MediationFacade.ListRejectedAsync", "MessageFacade.ListAsync", "PaymentFacade.GetGatewayNetAsync", "PaymentFacade.ListAsync",
            "RunFacade.DispatchAsync", "RunFacade.FindAsync", "RunFacade.GetNextDueAsync", "RunFacade.GetProgressAsync", "RunFacade.ListAsync", "RunFacade.ListQuarantineAsync", "SubscriptionFacade.GetAsync", "SubscriptionFacade.ListAsync",
            "TenantFacade.GetAsync", "TenantFacade.GetTasksAsync", "UsageFacade.GetCurrentAsync", "UsageFacade.ListUnattributedAsync",
        ];
        var reads = typeof(BillingEngine).GetProperties()
            .SelectMany(p => p.PropertyType.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(m => m.GetParameters() is [{ } first, ..] && first.ParameterType == typeof(TenantId))
            .Select(m => $"{m.DeclaringType!.Name}.{m.Name}")
            .Distinct()
            .Order(StringComparer.Ordinal);
        Assert.Equal(known, reads);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Commands_with_another_tenants_ids_find_nothing_and_change_nothing(string store)
    {
        await using var shop = await Shop.OpenAsync(store);
        var engine = shop.Engine;
        await engine.Tenants.CreateAsync(Other, "Other");
        var invoice = await LiveAsync(shop, Shop.Tenant, 10m);
        var payment = (await engine.Payments.ListAsync(Shop.Tenant, "acme"))[0].Id;
        var before = await shop.DigestAsync();

        Func<Task>[] commands =
        [
            () => engine.Customers.ChangeTimeZoneAsync(Other, "acme", "Asia/Tokyo"),
            () => engine.Subscriptions.CancelAsync(Other, new CancelRequest { SubscriptionId = "s" }),
            () => engine.Charges.AddAsync(Other, new AddChargeRequest { CustomerId = "acme", Amount = 1m }),
            () => engine.Credits.GrantAsync(Other, new GrantCreditRequest { CustomerId = "acme", Id = "gift", Amount = 1m }),
            () => engine.Credits.IssueNoteAsync(Other, new CreditNoteRequest { InvoiceId = invoice }),
            () => engine.Invoices.VoidAsync(Other, invoice),
            () => engine.Payments.PayAsync(Other, new PayRequest { InvoiceId = invoice, Amount = 1m }),
            () => engine.Payments.RefundAsync(Other, new RefundRequest { PaymentId = payment }),
            () => engine.Usage.CorrectAsync(Other, new CorrectUsageRequest { Id = "e1", Remove = true }),
            () => engine.Runs.BillCustomerAsync(Other, "acme"),
        ];
        foreach (var command in commands)
        {
            Assert.Equal(BillingErrorCodes.NotFound, (await Assert.ThrowsAsync<BillingException>(command)).Code);
        }

        Assert.Empty((await engine.Runs.BillAsync(Other, shop.Clock.Now + Duration.FromDays(100))).Invoices);
        Assert.Equal(0, await engine.Usage.DropEventsAsync(Other, Instant.MaxValue));
        Assert.Equal(before, await shop.DigestAsync());
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Two_tenants_with_the_same_ids_have_their_own_figures(string store)
    {
        await using var shop = await Shop.OpenAsync(store);
        await shop.Engine.Tenants.CreateAsync(Other, "Other");
        await LiveAsync(shop, Shop.Tenant, 10m);
        await LiveAsync(shop, Other, 70m);

        foreach (var (tenant, price) in new[] { (Shop.Tenant, 10m), (Other, 70m) })
        {
            var document = Assert.Single(await shop.Engine.Invoices.ListAsync(tenant, "acme"));
            Assert.Equal((price, 1L), (document.Invoice.Total, document.Invoice.SeriesNumber));
            Assert.Equal(price - 1m, (await shop.Engine.Customers.GetBalanceAsync(tenant, "acme")).Balance);
            Assert.Equal(price, (await shop.Engine.Usage.GetCurrentAsync(tenant, "acme"))["minutes"]);
            Assert.Equal(price, Assert.Single(await shop.Engine.Credits.ListGrantsAsync(tenant, "acme")).Amount);
            Assert.Equal(price - 1m, (await shop.Engine.Ledger.GetTrialBalanceAsync(tenant, Day)).Single(b => b.Account == Ledger.LedgerAccounts.Receivable).Natural);
        }
    }

    /// <summary>A customer with a subscription, an invoice that is partly paid, a credit and usage; the figures follow from the price.</summary>
    private static async Task<Guid> LiveAsync(Shop shop, TenantId tenant, decimal price)
    {
        var engine = shop.Engine;
        var context = new CommandContext(tenant) { IdempotencyKey = "same-key" };
        await engine.Catalog.PublishAsync(context, Shop.CatalogOf(Shop.PlanOf("basic", Shop.Recurring("seat", Price.Flat(price)), Shop.Metered("calls", Price.PerUnit(1m)))));
        await engine.Customers.CreateAsync(context, new CreateCustomerRequest { Id = "acme" });
        await engine.Subscriptions.SubscribeAsync(context, new SubscribeRequest { Id = "s", CustomerId = "acme", Plan = "basic" });
        var run = await engine.Runs.BillAsync(tenant, shop.Clock.Now);
        var invoice = Assert.Single(run.Invoices).Id;
        await engine.Payments.PayAsync(context, new PayRequest { InvoiceId = invoice, Amount = 1m });
        await engine.Credits.GrantAsync(context, new GrantCreditRequest { CustomerId = "acme", Id = "credit", Amount = price });
        var results = await engine.Usage.RecordAsync(tenant, [Shop.Call("acme", "e1", Day.PlusDays(-4), FormattableString.Invariant($"{price}"), hour: 0)]);
        Assert.Equal(UsageStatus.Accepted, results[0].Status);
        return invoice;
    }
}
