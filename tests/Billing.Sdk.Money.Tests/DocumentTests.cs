using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using NodaTime;

namespace Billing.MoneyTests;

public sealed class DocumentTests
{
    [Fact]
    public async Task Money_by_hand_comes_in_parts_and_what_is_too_much_becomes_credit_balance()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var invoice = await house.IssueAsync("acme", 100m);
        foreach (var (amount, balance) in new[] { (33.33m, 66.67m), (33.33m, 33.34m), (40m, 0m) })
        {
            await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id, Amount = amount, Method = "cash" });
            Assert.Equal(balance, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Balance);
            await house.CheckBooksAsync();
        }

        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        Assert.Equal(6.66m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).CreditBalance);
        var next = await house.IssueAsync("acme", 10m);
        Assert.Equal((6.66m, 3.34m), (next.CreditApplied, next.AmountDue));
        await RefusedAsync(BillingErrorCodes.InvalidState, () => house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id }));
        await RefusedAsync(BillingErrorCodes.Validation, () => house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = next.Id, Amount = 0.001m }));
        await house.CheckBooksAsync();

        // The credit has been used: of the 40 only what the invoice took can go back.
        await RefusedAsync(BillingErrorCodes.AmountExceeds, async () => await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = (await house.PaymentAsync()).Id }));
        await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = (await house.PaymentAsync()).Id, Amount = 33.34m });
        Assert.Equal(33.34m, (await house.InvoiceAsync(invoice.Id)).AmountDue);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_refund_opens_the_debt_again_and_more_than_is_left_is_refused()
    {
        await using var house = await House.BuildAsync(new TenantSettings { PaymentTermDays = 14 });
        await house.AddCustomerAsync("acme", "succeed");
        var invoice = await house.IssueAsync("acme", 100m);
        await house.CollectAsync();
        var payment = await house.PaymentAsync();
        house.MoveTo("2024-02-01");
        Assert.Equal(PaymentState.Succeeded, (await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id, Amount = 80m })).State);
        Assert.Equal(PaymentState.PartiallyRefunded, (await house.PaymentAsync()).State);
        invoice = await house.InvoiceAsync(invoice.Id);
        Assert.Equal((InvoiceStatus.Open, 80m, new LocalDate(2024, 2, 15)), (invoice.Status, invoice.AmountDue, invoice.DueDate));
        Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await RefusedAsync(BillingErrorCodes.AmountExceeds, () => house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id, Amount = 20.01m }));
        await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id });
        Assert.Equal(PaymentState.Refunded, (await house.PaymentAsync()).State);
        Assert.Equal(100m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Balance);
        await RefusedAsync(BillingErrorCodes.AmountExceeds, () => house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id, Amount = 1m }));

        // It is not collected again by itself.
        await house.LiveUntilAsync("2024-03-01");
        Assert.Equal(0m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_refund_that_the_gateway_cannot_do_books_nothing()
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"));
        await house.AddCustomerAsync("acme", "x");
        await house.IssueAsync("acme", 100m);
        await house.CollectAsync();
        var refund = await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = (await house.PaymentAsync()).Id });
        Assert.Equal(PaymentState.Failed, refund.State);
        Assert.Equal((PaymentState.Succeeded, 0m), ((await house.PaymentAsync()).State, (await house.PaymentAsync()).RefundedAmount));
        await house.CheckBooksAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refund_without_an_answer_reserves_its_amount_and_is_sent_again_under_its_key(bool crash)
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"));
        await house.AddCustomerAsync("acme", "x");
        var invoice = await house.IssueAsync("acme", 100m);
        await house.CollectAsync();
        var payment = await house.PaymentAsync();
        house.Plugin.Gateway.Refund = _ => throw new TimeoutException();
        house.Watch.DiesAfter = crash ? house.Watch.Commits + 1 : 0;
        var refunding = house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id, Amount = 60m });
        if (crash)
        {
            await Assert.ThrowsAsync<ProcessEndedException>(() => refunding);
            house.Watch.DiesAfter = 0;
        }
        else
        {
            Assert.Equal(PaymentState.Unknown, (await refunding).State);
        }

        await RefusedAsync(BillingErrorCodes.AmountExceeds, () => house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id, Amount = 41m }));
        await house.LiveUntilAsync("2024-01-01T05:00:00Z");
        Assert.Equal(0m, (await house.PaymentAsync()).RefundedAmount);
        house.Plugin.Gateway.Refund = r => GatewayOutcome.Succeeded(r.Key);
        await house.LiveUntilAsync("2024-01-02");
        Assert.Equal(60m, (await house.PaymentAsync()).RefundedAmount);
        Assert.Equal(60m, (await house.InvoiceAsync(invoice.Id)).AmountDue);
        Assert.Single(house.Plugin.Gateway.RefundedKeys.Distinct());
        Assert.Null((await house.PaymentAsync()).NextAttemptAt);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_dispute_takes_the_money_away_until_it_is_won_and_opens_the_debt_when_it_is_lost()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme", "succeed");
        var invoice = await house.IssueAsync("acme", 90m);
        await house.CollectAsync();
        var payment = await house.PaymentAsync();
        await RefusedAsync(BillingErrorCodes.InvalidState, () => house.Engine.Payments.WinDisputeAsync(House.Tenant, payment.Id));

        Assert.Equal(PaymentState.Disputed, (await house.Engine.Payments.DisputeAsync(House.Tenant, payment.Id)).State);
        Assert.Equal((90m, 0m), (await house.AccountAsync(LedgerAccounts.DisputedReceivable), await house.AccountAsync(LedgerAccounts.Cash)));
        Assert.Equal(PaymentState.Succeeded, (await house.Engine.Payments.WinDisputeAsync(House.Tenant, payment.Id)).State);
        Assert.Equal(90m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();

        await house.Engine.Payments.DisputeAsync(House.Tenant, payment.Id);
        house.MoveTo("2024-03-01");
        await house.Engine.Payments.LoseDisputeAsync(House.Tenant, payment.Id);
        invoice = await house.InvoiceAsync(invoice.Id);
        Assert.Equal((InvoiceStatus.Open, 90m, new LocalDate(2024, 3, 1)), (invoice.Status, invoice.AmountDue, invoice.DueDate));
        Assert.Equal(0m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await RefusedAsync(BillingErrorCodes.InvalidState, () => house.Engine.Payments.LoseDisputeAsync(House.Tenant, payment.Id));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_void_reverses_the_books_and_gives_credit_back()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await house.Engine.Credits.AdjustBalanceAsync(House.Tenant, "acme", 5m);
        await house.Engine.Credits.GrantAsync(House.Tenant, new GrantCreditRequest { CustomerId = "acme", Id = "g", Amount = 3m });
        var invoice = await house.IssueAsync("acme", new House.Line(10m) { Type = InvoiceLineType.Recurring, Tax = 2m, From = new(2024, 1, 1), To = new(2024, 2, 1) });
        Assert.Equal((8m, 4m), (invoice.CreditApplied, invoice.AmountDue));
        house.MoveTo("2024-01-15");
        var voided = await house.Engine.Invoices.VoidAsync(House.Tenant, invoice.Id);

        Assert.Equal((InvoiceStatus.Void, 0m), (voided.Status, voided.AmountDue));
        var balance = await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme");
        Assert.Equal((0m, 5m, 3m), (balance.Balance, balance.CreditBalance, balance.Credits["g"]));
        foreach (var account in new[] { LedgerAccounts.Revenue, LedgerAccounts.DeferredRevenue, LedgerAccounts.TaxPayable, LedgerAccounts.Receivable })
        {
            Assert.Equal(0m, await house.AccountAsync(account));
        }

        Assert.All((await house.ReadAsync()).Lines, l => Assert.True(l.Voided));
        await house.CheckBooksAsync();
        await RefusedAsync(BillingErrorCodes.InvalidState, () => house.Engine.Invoices.VoidAsync(House.Tenant, invoice.Id));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(30)]
    public async Task A_void_takes_back_what_a_note_for_unused_time_has_left_and_bears_what_was_used(int used)
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var invoice = await house.IssueAsync("acme", new House.Line(100m) { Type = InvoiceLineType.Recurring, Tax = 20m, From = new(2024, 1, 1), To = new(2024, 2, 1) });
        var id = Guid.CreateVersion7();
        await house.ChangeAsync("acme", work =>
        {
            var line = work.LinesOf(invoice.Id).Single();
            var credit = work.Put(line with { Id = Guid.CreateVersion7(), InvoiceId = id, Key = "credit", Type = InvoiceLineType.Credit, Amount = -25m, ExactAmount = -25m, Tax = -5m, ReversesLineId = line.Id });
            return Processing.CreditNotes.IssueForLines(work, id, invoice.Id, [credit]);
        });
        Assert.Equal((30m, 5m), ((await house.Engine.Credits.ListNotesAsync(House.Tenant, "acme"))[0].Total, (await house.Engine.Credits.ListNotesAsync(House.Tenant, "acme"))[0].Tax));
        await RefusedAsync(BillingErrorCodes.AmountExceeds, () => house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Amount = 90.01m }));
        await house.CheckBooksAsync();
        if (used > 0)
        {
            await house.IssueAsync("acme", used);
        }

        await house.Engine.Invoices.VoidAsync(House.Tenant, invoice.Id);
        await house.CheckBooksAsync();
        Assert.Equal(0m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).CreditBalance);
        Assert.Equal(used, await house.AccountAsync(LedgerAccounts.CreditExpense));
        Assert.Equal(used, await house.AccountAsync(LedgerAccounts.Revenue));
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.DeferredRevenue));
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.TaxPayable));
    }

    [Fact]
    public async Task A_paid_invoice_is_not_voided_but_one_that_was_given_up_is()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var paid = await house.IssueAsync("acme", 10m);
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = paid.Id });
        await RefusedAsync(BillingErrorCodes.InvalidState, () => house.Engine.Invoices.VoidAsync(House.Tenant, paid.Id));

        var lost = await house.IssueAsync("acme", 90m);
        Assert.Equal(InvoiceStatus.Uncollectible, (await house.Engine.Invoices.MarkUncollectibleAsync(House.Tenant, lost.Id)).Status);
        Assert.Equal(0m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Balance);
        Assert.Equal(90m, await house.AccountAsync(LedgerAccounts.BadDebt));
        await RefusedAsync(BillingErrorCodes.InvalidState, () => house.Engine.Invoices.MarkUncollectibleAsync(House.Tenant, lost.Id));
        await house.CheckBooksAsync();
        Assert.Equal(InvoiceStatus.Void, (await house.Engine.Invoices.VoidAsync(House.Tenant, lost.Id)).Status);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_debt_that_was_given_up_can_still_be_paid()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var invoice = await house.IssueAsync("acme", 90m);
        await house.Engine.Invoices.MarkUncollectibleAsync(House.Tenant, invoice.Id);
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id, Amount = 40m });
        Assert.Equal(50m, await house.AccountAsync(LedgerAccounts.BadDebt));
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id });
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_credit_note_is_shared_over_the_lines_with_their_tax_and_pays_the_next_invoice()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var invoice = await house.IssueAsync("acme", new House.Line(100m) { Charge = "a", Tax = 20m }, new House.Line(50m) { Charge = "b", Tax = 10m });
        var note = await house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Amount = 90m });
        Assert.Equal((90m, 15m, 90m, 1), (note.Total, note.Tax, note.Remaining, note.Ordinal));
        Assert.Equal([60m, 30m], (await house.ReadAsync()).Lines.Select(l => l.CreditedAmount));
        Assert.Equal(180m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Balance);
        Assert.Equal(75m, await house.AccountAsync(LedgerAccounts.Revenue));
        await house.CheckBooksAsync();

        var next = await house.IssueAsync("acme", 100m);
        Assert.Equal((90m, 10m), (next.CreditApplied, next.AmountDue));
        Assert.Equal(0m, (await house.Engine.Credits.ListNotesAsync(House.Tenant, "acme"))[0].Remaining);

        var line = await house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Lines = [new CreditNoteLine(null, "b", null)] });
        Assert.Equal((30m, 5m), (line.Total, line.Tax));
        await RefusedAsync(BillingErrorCodes.AmountExceeds, () => house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Amount = 60.01m }));
        await RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Lines = [new CreditNoteLine(null, "b", 1m)] }));
        await house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id });
        Assert.Equal(180m, (await house.ReadAsync()).Lines.Where(l => l.InvoiceId == invoice.Id).Sum(l => l.CreditedAmount));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_credit_note_can_lower_its_own_invoice_or_pay_money_back()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme", "succeed");
        await house.Engine.Credits.AdjustBalanceAsync(House.Tenant, "acme", 20m);
        var invoice = await house.IssueAsync("acme", 100m);
        await RefusedAsync(BillingErrorCodes.AmountExceeds, () => house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Amount = 80.01m, To = CreditNoteTarget.Invoice }));
        var lowered = await house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, Amount = 30m, To = CreditNoteTarget.Invoice });
        Assert.Equal(0m, lowered.Remaining);
        Assert.Equal(50m, (await house.InvoiceAsync(invoice.Id)).AmountDue);
        await house.CollectAsync();
        Assert.Equal(50m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));

        // 50 came through the gateway, so 20 of the 70 stay credit.
        var refunded = await house.Engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice.Id, To = CreditNoteTarget.Refund });
        Assert.Equal((70m, 20m), (refunded.Total, refunded.Remaining));
        Assert.Equal(0m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.Revenue));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_negative_invoice_is_paid_out_to_the_credit_balance()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme", "succeed");
        var invoice = await house.IssueAsync("acme", new House.Line(-9.31m) { Type = InvoiceLineType.Credit, Tax = -1m });
        Assert.Equal((InvoiceStatus.Paid, -10.31m, 0m), (invoice.Status, invoice.Total, invoice.AmountDue));
        Assert.Equal(10.31m, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).CreditBalance);
        Assert.Equal(10.31m, await house.AccountAsync(LedgerAccounts.CustomerCredit));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task What_is_asked_of_other_customers_or_of_nothing_is_not_found()
    {
        await using var house = await House.BuildAsync();
        await RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Invoices.GetAsync(House.Tenant, Guid.CreateVersion7()));
        await RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Invoices.ListAsync(House.Tenant, "nobody"));
        await RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = Guid.CreateVersion7() }));
        await RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Payments.DisputeAsync(House.Tenant, Guid.CreateVersion7()));
        await RefusedAsync(BillingErrorCodes.NotFound, () => house.Engine.Customers.GetBalanceAsync(House.Tenant, "nobody"));
    }

    internal static async Task RefusedAsync(string code, Func<Task> call) => Assert.Equal(code, (await Assert.ThrowsAsync<BillingException>(call)).Code);
}
