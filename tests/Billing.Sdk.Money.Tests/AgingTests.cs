using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;

namespace Billing.MoneyTests;

public sealed class AgingTests
{
    private const string ThreeSteps = """
        {"days":5,"name":"reminder","actions":["notify"]},{"days":10,"name":"suspension","actions":["suspend","fee:10.00","fee:1.5%"]},{"days":30,"name":"end","actions":["cancel"]}
        """;

    [Fact]
    public async Task Steps_come_so_many_days_after_the_due_date()
    {
        await using var house = await House.BuildAsync(new TenantSettings { PaymentTermDays = 14 }, House.Aging(ThreeSteps));
        await house.AddCustomerAsync();
        await house.SubscribeAsync("s1", "acme");
        await house.IssueAsync("acme", new House.Line(100m) { Subscription = "s1" });

        await house.LiveUntilAsync("2024-01-19");
        Assert.DoesNotContain("invoice.overdue", await house.MessagesAsync());
        await house.LiveUntilAsync("2024-01-20");
        Assert.Equal(["invoice.issued", "dunning.step", "invoice.overdue"], await house.MessagesAsync());
        await house.LiveUntilAsync("2024-01-24");
        Assert.Null((await house.ReadAsync()).Subscriptions[0].SuspendedAt);
        await house.LiveUntilAsync("2024-01-25");
        Assert.Equal(House.At("2024-01-25"), (await house.ReadAsync()).Subscriptions[0].SuspendedAt);
        Assert.Equal([10m, 1.5m], (await house.ReadAsync()).PendingItems.Select(i => i.Amount));
        Assert.All((await house.ReadAsync()).PendingItems, i => Assert.True(i is { Type: InvoiceLineType.Fee, InvoiceNow: true, FeeOfInvoiceId: not null }));
        Assert.Equal(House.At("2024-01-25"), (await house.ReadAsync()).Payer.DueAt);
        await house.LiveUntilAsync("2024-02-13");
        Assert.Single((await house.ReadAsync()).Terms);
        await house.LiveUntilAsync("2024-02-14");
        Assert.Contains((await house.ReadAsync()).Terms, t => t is { Kind: SubscriptionTermKind.Cancel, ByDunning: true, Credit: false });
        Assert.Null((await house.ReadAsync()).Invoices[0].NextAgingAt);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Days_are_the_payers()
    {
        await using var house = await House.BuildAsync(null, House.Aging("""{"days":1,"name":"a","actions":["notify"]}"""));
        house.MoveTo("2024-01-10T12:00:00Z");
        await house.AddCustomerAsync("acme", timeZone: "America/Los_Angeles");
        await house.IssueAsync("acme", 100m);
        Assert.Equal(0, (await house.Engine.Runs.AgeAsync(House.Tenant, house.Now)).Steps);
        Assert.Equal(House.At("2024-01-11T08:00:00Z"), (await house.ReadAsync()).Invoices[0].NextAgingAt);
    }

    [Fact]
    public async Task An_invoice_paid_in_time_has_no_steps_and_fees_do_not_age()
    {
        await using var house = await House.BuildAsync(null, House.Aging("""{"days":0,"name":"a","actions":["notify"]}"""));
        await house.AddCustomerAsync();
        var invoice = await house.IssueAsync("acme", 100m);
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id });
        var fee = await house.IssueAsync("acme", new House.Line(10m) { Type = InvoiceLineType.Fee });
        Assert.True(fee.FeesOnly);
        Assert.Null(fee.NextAgingAt);
        await house.LiveUntilAsync("2024-03-01");
        Assert.DoesNotContain("invoice.overdue", await house.MessagesAsync());
    }

    [Fact]
    public async Task A_suspension_is_lifted_when_nothing_is_overdue_any_more()
    {
        await using var house = await House.BuildAsync(null, House.Aging("""{"days":1,"name":"a","actions":["suspend"]}"""));
        await house.AddCustomerAsync();
        await house.SubscribeAsync("s1", "acme");
        var first = await house.IssueAsync("acme", new House.Line(100m) { Subscription = "s1" });
        var second = await house.IssueAsync("acme", new House.Line(50m) { Subscription = "s1" });
        await house.LiveUntilAsync("2024-01-05");
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = first.Id });
        Assert.NotNull((await house.ReadAsync()).Subscriptions[0].SuspendedAt);
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = second.Id });
        Assert.Null((await house.ReadAsync()).Subscriptions[0].SuspendedAt);
        Assert.Equal("subscription.reactivated", (await house.MessagesAsync())[^1]);
    }

    [Fact]
    public async Task After_an_outage_a_run_does_one_step_per_invoice()
    {
        await using var house = await House.BuildAsync(null, House.Aging(ThreeSteps));
        await house.AddCustomerAsync();
        await house.SubscribeAsync("s1", "acme");
        await house.IssueAsync("acme", new House.Line(100m) { Subscription = "s1" });
        house.MoveTo("2024-06-01");
        Assert.Equal(1, (await house.Engine.Runs.AgeAsync(House.Tenant, house.Now)).Steps);
        Assert.Equal(1, (await house.ReadAsync()).Invoices[0].AgingStepsDone);
        Assert.Equal(1, (await house.Engine.Runs.AgeAsync(House.Tenant, house.Now)).Steps);
        Assert.Equal(1, (await house.Engine.Runs.AgeAsync(House.Tenant, house.Now)).Steps);
        Assert.Equal(0, (await house.Engine.Runs.AgeAsync(House.Tenant, house.Now)).Steps);
    }

    [Fact]
    public async Task Steps_done_before_are_not_repeated_when_a_refund_opens_the_invoice_again()
    {
        await using var house = await House.BuildAsync(
            new TenantSettings { PaymentTermDays = 10 },
            House.Aging("""{"days":1,"name":"a","actions":["notify"]},{"days":3,"name":"b","actions":["notify"]}"""));
        await house.AddCustomerAsync();
        var invoice = await house.IssueAsync("acme", 100m);
        await house.LiveUntilAsync("2024-01-12");
        var payment = await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id });
        house.MoveTo("2024-02-01");
        await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment.Id });
        await house.LiveUntilAsync("2024-02-13");
        Assert.Equal(1, (await house.InvoiceAsync(invoice.Id)).AgingStepsDone);
        await house.LiveUntilAsync("2024-02-14");
        Assert.Equal(2, (await house.InvoiceAsync(invoice.Id)).AgingStepsDone);
    }

    [Fact]
    public async Task A_step_can_write_off_and_one_can_collect_again()
    {
        await using var house = await House.BuildAsync(null, House.Aging("""{"days":1,"name":"a","actions":["retry"]},{"days":2,"name":"b","actions":["writeOff"]}"""));
        await house.AddCustomerAsync("good", "decline:x|succeed");
        await house.AddCustomerAsync("bad", "decline:x");
        var good = await house.IssueAsync("good", 100m);
        var bad = await house.IssueAsync("bad", 100m);
        await house.LiveUntilAsync("2024-01-05");
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(good.Id)).Status);
        Assert.Equal(InvoiceStatus.Uncollectible, (await house.InvoiceAsync(bad.Id)).Status);
        Assert.Equal(2, (await house.ReadAsync("bad")).Payments.Count);
        await house.CheckBooksAsync("good");
        await house.CheckBooksAsync("bad");
    }
}
