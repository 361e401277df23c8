using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using FsCheck;
using FsCheck.Fluent;
using NodaTime;

namespace Billing.MoneyTests;

public sealed class CreditTests
{
    [Fact]
    public async Task Grants_are_used_by_priority_then_expiry_then_free_before_bought_then_age()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await GrantAsync(house, "never", 10m, priority: 5);
        await GrantAsync(house, "late", 10m, priority: 5, expires: "2024-12-31");
        await GrantAsync(house, "soon", 10m, priority: 5, expires: "2024-06-30");
        await GrantAsync(house, "first", 10m, priority: 1);
        await GrantAsync(house, "default", 10m);
        var order = CreditOrder.Usable((await house.ReadAsync()).Grants, house.Now).Select(g => g.Id);
        Assert.Equal(["first", "soon", "late", "never", "default"], order);

        var bought = Grant("bought", 10m) with { PaidAmount = 9m, Ordinal = 1 };
        var free = Grant("free", 10m) with { Ordinal = 2 };
        Assert.Equal(["free", "bought"], CreditOrder.Usable([bought, free], house.Now).Select(g => g.Id));
    }

    [Fact]
    public async Task Notes_pay_before_the_balance_and_the_balance_before_grants()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await GrantAsync(house, "g", 10m);
        var first = await house.IssueAsync("acme", 5m);
        Assert.Equal(InvoiceStatus.Paid, first.Status);
        await house.Engine.Credits.AdjustBalanceAsync(House.Tenant, "acme", 4m);
        await house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = first.Id, Amount = 3m });

        var second = await house.IssueAsync("acme", 8m);
        Assert.Equal(8m, second.CreditApplied);
        Assert.Equal(
            [(CreditSource.CreditNote, 3m), (CreditSource.Balance, 4m), (CreditSource.Grant, 1m)],
            (await house.ReadAsync()).CreditUses.Where(u => u.InvoiceId == second.Id).Select(u => (u.Source, u.Amount)));
        Assert.Equal(4m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["g"]);

        // Goodwill 4 was an expense when it was given; of the grant 5 and 1 when they were used.
        Assert.Equal(10m, await house.AccountAsync(LedgerAccounts.CreditExpense));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_balance_below_zero_is_asked_for_with_the_next_invoice_and_comes_back_with_a_void()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await house.Engine.Credits.AdjustBalanceAsync(House.Tenant, "acme", -4m);
        var invoice = await house.IssueAsync("acme", 10m);
        Assert.Equal((-4m, 14m), (invoice.CreditApplied, invoice.AmountDue));
        await house.CheckBooksAsync();

        await house.Engine.Invoices.VoidAsync(House.Tenant, invoice.Id);
        Assert.Equal(-4m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).CreditBalance);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_grant_for_charges_pays_their_lines_with_tax_and_nothing_else()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await house.Engine.Credits.GrantAsync(House.Tenant, new GrantCreditRequest { CustomerId = "acme", Id = "g", Amount = 100m, Charges = ["calls"] });
        var invoice = await house.IssueAsync("acme", new House.Line(10m) { Charge = "calls", Tax = 2m, Discount = 1m }, new House.Line(50m) { Charge = "base" });
        Assert.Equal(11m, invoice.CreditApplied);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Credit_is_gone_at_the_instant_of_its_expiry()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await GrantAsync(house, "promo", 50m, expires: "2024-01-31");
        house.MoveTo(House.At("2024-01-31") - Duration.Epsilon);
        Assert.Equal(50m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["promo"]);
        house.MoveTo("2024-01-31");
        Assert.Equal(0m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["promo"]);
        Assert.Equal(30m, (await house.IssueAsync("acme", 30m)).AmountDue);
        Assert.Equal(1, await house.Engine.Runs.ExpireCreditsAsync(House.Tenant, house.Now));
        Assert.Equal(0, await house.Engine.Runs.ExpireCreditsAsync(House.Tenant, house.Now));
        Assert.Equal(0m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["promo"]);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Bought_credit_can_be_used_when_its_invoice_is_paid_and_is_owed_until_it_is_used()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await house.Engine.Credits.GrantAsync(House.Tenant, new GrantCreditRequest { CustomerId = "acme", Id = "b", Amount = 50m, PaidAmount = 45m, ExpiresAt = House.At("2024-12-01") });
        var item = Assert.Single((await house.ReadAsync()).PendingItems);
        Assert.Equal((45m, true, "b", house.Now), (item.Amount, item.InvoiceNow, item.CreditGrantId, (await house.ReadAsync()).Payer.DueAt));

        var sale = await house.IssueAsync("acme", new House.Line(45m) { ItemId = item.Id });
        Assert.Equal(45m, await house.AccountAsync(LedgerAccounts.CustomerCredit));
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.Revenue));
        Assert.Equal(0m, (await house.IssueAsync("acme", 10m)).CreditApplied);
        Assert.Equal(0m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["b"]);

        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = sale.Id });
        Assert.Equal(10m, (await house.IssueAsync("acme", 10m)).CreditApplied);
        Assert.Equal(40m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["b"]);
        Assert.Equal(36m, await house.AccountAsync(LedgerAccounts.CustomerCredit));
        Assert.Equal(1m, await house.AccountAsync(LedgerAccounts.CreditExpense));

        await house.LiveUntilAsync("2024-12-01");
        Assert.Equal(36m, await house.AccountAsync(LedgerAccounts.Breakage));
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.CustomerCredit));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Credit_is_not_bought_with_granted_credit_and_a_voided_sale_gives_none()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await GrantAsync(house, "free", 100m);
        await house.Engine.Credits.GrantAsync(House.Tenant, new GrantCreditRequest { CustomerId = "acme", Id = "b", Amount = 50m, PaidAmount = 45m });
        var item = Assert.Single((await house.ReadAsync()).PendingItems);
        var sale = await house.IssueAsync("acme", new House.Line(45m) { ItemId = item.Id });
        Assert.Equal(0m, sale.CreditApplied);
        await house.Engine.Invoices.VoidAsync(House.Tenant, sale.Id);
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.CustomerCredit));
        Assert.Equal(0m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Credits["b"]);
    }

    [Fact]
    public async Task Credits_are_checked_at_entry()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await GrantAsync(house, "g", 10m);
        await DocumentTests.RefusedAsync(BillingErrorCodes.Duplicate, () => GrantAsync(house, "g", 10m));
        await DocumentTests.RefusedAsync(BillingErrorCodes.Validation, () => GrantAsync(house, "h", 0m));
        await DocumentTests.RefusedAsync(BillingErrorCodes.Validation, () => GrantAsync(house, "h", 0.001m));
        await DocumentTests.RefusedAsync(BillingErrorCodes.Validation, () => GrantAsync(house, "h", 1m, expires: "2024-01-01"));
        await DocumentTests.RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Credits.AdjustBalanceAsync(House.Tenant, "nobody", 1m));
        await DocumentTests.RefusedAsync(BillingErrorCodes.Validation, () => house.Engine.Credits.AdjustBalanceAsync(House.Tenant, "acme", -0.001m));
        Assert.Equal(["g"], (await house.Engine.Credits.ListGrantsAsync(House.Tenant, "acme")).Select(g => g.Id));
    }

    [Fact]
    public void A_plan_never_uses_more_than_is_open_left_or_eligible()
    {
        var grants = Gen.Choose(1, 5000).SelectMany(cents => Gen.Choose(0, 3).Select(scope => Grant($"g{cents}-{scope}", cents / 100m) with
        {
            Charges = scope switch { 0 => [], 1 => ["a"], 2 => ["b"], _ => ["a", "b"] },
        })).ArrayOf(6);
        Check.QuickThrowOnFailure(Prop.ForAll(grants.ToArbitrary(), given =>
        {
            var lines = new[] { Line("a", 20m), Line("b", 15m), Line(null, 10m), Line("a", -4m) };
            var plan = CreditOrder.Plan(given, lines, 41m, excluded: 3m);
            Assert.True(plan.Sum(p => p.Amount) <= 38m);
            Assert.All(plan, p => Assert.InRange(p.Amount, 0.01m, p.Grant.Remaining));
            Assert.True(plan.Where(p => p.Grant.Charges is ["a"]).Sum(p => p.Amount) <= 16m);
            Assert.True(plan.Where(p => p.Grant.Charges is ["b"]).Sum(p => p.Amount) <= 15m);
            Assert.True(plan.Where(p => p.Grant.Charges.Count > 0).Sum(p => p.Amount) <= 31m);
        }));
    }

    private static Task<CreditGrant> GrantAsync(House house, string id, decimal amount, int priority = 50, string? expires = null) => house.Engine.Credits.GrantAsync(
        House.Tenant,
        new GrantCreditRequest { CustomerId = "acme", Id = id, Amount = amount, Priority = priority, ExpiresAt = expires is null ? null : House.At(expires) });

    private static CreditGrant Grant(string id, decimal amount) => new()
    {
        Tenant = House.Tenant,
        Id = id,
        PayerId = "acme",
        CustomerId = "acme",
        Amount = amount,
        Remaining = amount,
        CreatedAt = House.At("2024-01-01"),
        Ordinal = 1,
    };

    private static InvoiceLine Line(string? charge, decimal amount) => new()
    {
        Tenant = House.Tenant,
        Id = Guid.CreateVersion7(),
        PayerId = "acme",
        InvoiceId = Guid.Empty,
        Position = 1,
        Key = "k",
        Revision = 1,
        Type = InvoiceLineType.Recurring,
        CustomerId = "acme",
        Charge = charge,
        Description = "",
        Amount = amount,
        ExactAmount = amount,
        RecordedAt = House.At("2024-01-01"),
    };
}
