using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.MoneyTests;

public sealed class CollectionTests
{
    [Fact]
    public async Task An_invoice_is_collected_when_it_is_finalised()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme", "succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        Assert.Equal(InvoiceStatus.Open, invoice.Status);

        var result = await house.CollectAsync();

        Assert.Equal(new Processing.CollectionRunResult(1, 1, 0, 0), result);
        invoice = await house.InvoiceAsync(invoice.Id);
        Assert.Equal(InvoiceStatus.Paid, invoice.Status);
        Assert.Equal("INV-000001", invoice.Number);
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(await house.PaymentAsync()));
        Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        Assert.Equal(["invoice.issued", "payment.succeeded", "invoice.paid"], await house.MessagesAsync());
        await house.CheckBooksAsync();
        Assert.Equal(new Processing.CollectionRunResult(0, 0, 0, 0), await house.CollectAsync());
    }

    [Fact]
    public async Task Nothing_is_collected_without_a_method_by_hand_only_or_when_the_tenant_does_not_want_it()
    {
        await using var house = await House.BuildAsync(new TenantSettings { AutoCollect = false });
        await house.AddCustomerAsync("card", "succeed");
        await house.IssueAsync("card", 20m);
        await house.CollectAsync();
        Assert.Empty(await house.Engine.Payments.ListAsync(House.Tenant, "card"));

        await using var other = await House.BuildAsync();
        await other.AddCustomerAsync("none");
        await other.AddCustomerAsync("manual");
        await other.AddMethodAsync("manual", "succeed", "manual");
        await other.IssueAsync("none", 20m);
        var invoice = await other.IssueAsync("manual", 20m);
        await other.CollectAsync();
        Assert.Empty(await other.Engine.Payments.ListAsync(House.Tenant, "none"));
        Assert.Empty(await other.Engine.Payments.ListAsync(House.Tenant, "manual"));
        var error = await Assert.ThrowsAsync<BillingException>(() => other.Engine.Payments.CollectAsync(House.Tenant, invoice.Id));
        Assert.Equal(BillingErrorCodes.InvalidState, error.Code);
    }

    [Fact]
    public async Task Retries_come_so_many_days_after_the_attempt_before_and_the_last_failure_cancels()
    {
        await using var house = await House.BuildAsync(null, House.Retry("3,5,7", "cancel"));
        await house.AddCustomerAsync("acme", "decline:insufficient_funds");
        await house.SubscribeAsync("s1", "acme");
        var invoice = await house.IssueAsync("acme", new House.Line(20m) { Subscription = "s1" });

        await house.CollectAsync();
        Assert.Equal((PaymentState.Failed, 1, 20m), State(await house.PaymentAsync()));
        Assert.Equal(House.At("2024-01-04"), (await house.PaymentAsync()).NextAttemptAt);
        Assert.True(PaymentStatus.HasFailedAttempt(await house.Engine.Payments.ListAsync(House.Tenant, "acme"), invoice.Id));

        await house.LiveUntilAsync("2024-01-15");
        Assert.Equal((PaymentState.Failed, 3, 20m), State(await house.PaymentAsync()));
        Assert.DoesNotContain((await house.ReadAsync()).Terms, t => t.Kind == SubscriptionTermKind.Cancel);

        await house.LiveUntilAsync("2024-01-16");
        var payment = await house.PaymentAsync();
        Assert.Equal((PaymentState.Failed, 4, 20m), State(payment));
        Assert.Null(payment.NextAttemptAt);
        var cancel = Assert.Single((await house.ReadAsync()).Terms, t => t.Kind == SubscriptionTermKind.Cancel);
        Assert.True(cancel is { ByDunning: true, Credit: false, Sequence: 2 } && cancel.EffectiveAt == House.At("2024-01-16"));
        Assert.Equal(House.At("2024-01-16"), (await house.ReadAsync()).Payer.DueAt);
        Assert.Equal(0m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Retries_keep_the_local_time_of_the_attempt_before()
    {
        await using var house = await House.BuildAsync(null, House.Retry("2"));
        house.MoveTo("2024-03-30T01:30:00Z");
        await house.AddCustomerAsync("acme", "decline:x", "Europe/Berlin");
        await house.IssueAsync("acme", 20m);
        await house.CollectAsync();

        // 02:30 in winter time; on 1 April 02:30 in summer time.
        Assert.Equal(House.At("2024-04-01T00:30:00Z"), (await house.PaymentAsync()).NextAttemptAt);
    }

    [Theory]
    [InlineData("uncollectible", InvoiceStatus.Uncollectible, 0)]
    [InlineData("pause", InvoiceStatus.Open, 20)]
    [InlineData("none", InvoiceStatus.Open, 20)]
    public async Task What_happens_in_the_end_is_the_policys(string then, InvoiceStatus status, int balance)
    {
        await using var house = await House.BuildAsync(null, House.Retry("1", then));
        await house.AddCustomerAsync("acme", "decline:x");
        await house.SubscribeAsync("s1", "acme");
        var invoice = await house.IssueAsync("acme", new House.Line(20m) { Subscription = "s1" });
        await house.LiveUntilAsync("2024-01-02");

        Assert.Equal(status, (await house.InvoiceAsync(invoice.Id)).Status);
        Assert.Equal(balance, (await house.Engine.Customers.GetBalanceAsync(House.Tenant, "acme")).Balance);
        Assert.Equal(then == "pause", (await house.ReadAsync()).Terms.Any(t => t is { Kind: SubscriptionTermKind.Pause, Credit: false, ByDunning: true }));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_hard_decline_is_not_retried_and_ends_the_schedule()
    {
        await using var house = await House.BuildAsync(null, House.Retry("1,1", "uncollectible"));
        await house.AddCustomerAsync("acme", "hardDecline:stolen|succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        await house.LiveUntilAsync("2024-02-01");

        Assert.Equal((PaymentState.Failed, 1, 20m), State(await house.PaymentAsync()));
        Assert.Equal("stolen", (await house.PaymentAsync()).LastCode);
        Assert.Equal(InvoiceStatus.Uncollectible, (await house.InvoiceAsync(invoice.Id)).Status);
    }

    [Fact]
    public async Task An_error_certainly_did_not_charge_and_is_retried()
    {
        await using var house = await House.BuildAsync(null, House.Retry("1"));
        await house.AddCustomerAsync("acme", "error|succeed");
        await house.IssueAsync("acme", 20m);
        await house.LiveUntilAsync("2024-01-02");
        Assert.Equal((PaymentState.Succeeded, 2, 20m), State(await house.PaymentAsync()));
        Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
    }

    [Fact]
    public async Task A_lost_answer_is_asked_for_and_never_charged_again()
    {
        await using var house = await House.BuildAsync(null, House.Retry("1,1,1"));
        await house.AddCustomerAsync("acme", "timeout|succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        Assert.Equal(new Processing.CollectionRunResult(1, 0, 0, 1), await house.CollectAsync());
        Assert.Equal((PaymentState.Unknown, 1, 20m), State(await house.PaymentAsync()));

        house.MoveTo("2024-01-01T00:59:00Z");
        Assert.Equal(0, (await house.CollectAsync()).Attempts);
        house.MoveTo("2024-01-01T01:00:00Z");
        Assert.Equal(new Processing.CollectionRunResult(1, 1, 0, 0), await house.CollectAsync());
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(await house.PaymentAsync()));
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        await house.LiveUntilAsync("2024-02-01");
        Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_lost_answer_that_did_not_charge_is_a_failed_attempt()
    {
        await using var house = await House.BuildAsync(null, House.Retry("3"));
        await house.AddCustomerAsync("acme", "timeoutNotCharged|succeed");
        await house.IssueAsync("acme", 20m);
        await house.LiveUntilAsync("2024-01-03");
        Assert.Equal((PaymentState.Failed, 1, 20m), State(await house.PaymentAsync()));
        await house.LiveUntilAsync("2024-01-04");
        Assert.Equal((PaymentState.Succeeded, 2, 20m), State(await house.PaymentAsync()));
        Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
    }

    [Fact]
    public async Task An_attempt_that_never_reached_the_gateway_is_sent_again_under_its_key_and_costs_no_retry()
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"));
        var reachable = false;
        house.Plugin.Gateway.Charge = c => reachable ? GatewayOutcome.Succeeded(c.Key) : throw new IOException("no route to host");
        await house.AddCustomerAsync("acme", "x");
        var invoice = await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        Assert.Equal((PaymentState.Unknown, 1, 20m), State(await house.PaymentAsync()));

        reachable = true;
        house.MoveTo("2024-01-01T01:00:00Z");
        Assert.Equal(new Processing.CollectionRunResult(1, 1, 0, 0), await house.CollectAsync());
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(await house.PaymentAsync()));
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        Assert.Equal(2, house.Plugin.Gateway.ChargedKeys.Count);
        Assert.Single(house.Plugin.Gateway.ChargedKeys.Distinct(StringComparer.Ordinal));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task An_attempt_that_does_not_reach_the_gateway_for_a_day_has_failed()
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"), House.Retry("3"));
        house.Plugin.Gateway.Charge = _ => throw new IOException("no route to host");
        await house.AddCustomerAsync("acme", "x");
        await house.IssueAsync("acme", 20m);
        await house.LiveUntilAsync("2024-01-03");
        Assert.Equal((PaymentState.Failed, 1, 20m), State(await house.PaymentAsync()));
        Assert.Equal(House.At("2024-01-04"), (await house.PaymentAsync()).NextAttemptAt);
        Assert.Single(house.Plugin.Gateway.ChargedKeys.Distinct(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_pending_payment_is_asked_about_when_the_gateway_said()
    {
        await using var house = await House.BuildAsync(null, House.Retry("5"));
        await house.AddCustomerAsync("good");
        await house.AddMethodAsync("good", "pending;settleDays=3", "ach");
        await house.AddCustomerAsync("bad");
        await house.AddMethodAsync("bad", "pendingThenFail:R01|succeed;settleDays=3", "ach");
        await house.IssueAsync("good", 20m);
        await house.IssueAsync("bad", 30m);
        await house.LiveUntilAsync("2024-01-03");
        Assert.Equal((PaymentState.Pending, 1, 20m), State(await house.PaymentAsync("good")));
        Assert.Equal((PaymentState.Pending, 1, 30m), State(await house.PaymentAsync("bad")));
        await house.LiveUntilAsync("2024-01-04");
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(await house.PaymentAsync("good")));
        Assert.Equal((PaymentState.Failed, 1, 30m), State(await house.PaymentAsync("bad")));

        // Counted from the attempt, not from the news.
        await house.LiveUntilAsync("2024-01-06");
        Assert.Equal((PaymentState.Succeeded, 2, 30m), State(await house.PaymentAsync("bad")));
    }

    [Fact]
    public async Task A_retry_asks_for_what_is_open_then_and_payment_in_full_ends_the_schedule()
    {
        await using var house = await House.BuildAsync(null, House.Retry("1,1,1"));
        await house.AddCustomerAsync("acme", "decline:x|decline:x|succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id, Amount = 5m });
        await house.LiveUntilAsync("2024-01-02");
        Assert.Equal((PaymentState.Failed, 2, 15m), State((await house.ReadAsync()).Payments[0]));

        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id });
        await house.LiveUntilAsync("2024-02-01");
        Assert.Equal((PaymentState.Failed, 2, 15m), State((await house.ReadAsync()).Payments[0]));
        Assert.Equal(0m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Money_that_comes_too_late_is_unapplied()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme");
        await house.AddMethodAsync("acme", "pending;settleDays=2", "ach");
        var invoice = await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        await house.Engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice.Id });
        await house.LiveUntilAsync("2024-01-05");

        var late = (await house.ReadAsync()).Payments[0];
        Assert.Equal((PaymentState.Succeeded, 20m), (late.State, late.UnappliedAmount));
        Assert.Equal(20m, await house.AccountAsync(LedgerAccounts.UnappliedCash));
        await house.CheckBooksAsync();
        await house.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = late.Id });
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.UnappliedCash));
        Assert.Equal(0m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Collecting_by_hand_goes_on_with_a_running_schedule_and_begins_a_new_payment_after_it()
    {
        await using var house = await House.BuildAsync(null, House.Retry("10"));
        await house.AddCustomerAsync("acme", "decline:x|decline:x|succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        var second = await house.Engine.Payments.CollectAsync(House.Tenant, invoice.Id);
        Assert.Equal((PaymentState.Failed, 2, 20m), State(second));
        Assert.Null(second.NextAttemptAt);
        var third = await house.Engine.Payments.CollectAsync(House.Tenant, invoice.Id);
        Assert.NotEqual(second.Id, third.Id);
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(third));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_repeated_command_with_its_key_charges_once()
    {
        await using var house = await House.BuildAsync(new TenantSettings { AutoCollect = false });
        await house.AddCustomerAsync("acme", "succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        var context = new CommandContext(House.Tenant) { IdempotencyKey = "k1" };
        var first = await house.Engine.Payments.CollectAsync(context, invoice.Id);
        var again = await house.Engine.Payments.CollectAsync(context, invoice.Id);
        Assert.Equal(first, again);
        var refund = new CommandContext(House.Tenant) { IdempotencyKey = "k2" };
        await house.Engine.Payments.RefundAsync(refund, new RefundRequest { PaymentId = first.Id, Amount = 5m });
        await house.Engine.Payments.RefundAsync(refund, new RefundRequest { PaymentId = first.Id, Amount = 5m });
        Assert.Equal(15m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task One_customers_lost_answer_is_no_one_elses()
    {
        await using var house = await House.BuildAsync();
        foreach (var (customer, behavior) in new[] { ("a", "succeed"), ("b", "timeout"), ("c", "succeed") })
        {
            await house.AddCustomerAsync(customer, behavior);
            await house.IssueAsync(customer, 20m);
        }

        Assert.Equal(new Processing.CollectionRunResult(3, 2, 0, 1), await house.CollectAsync());
    }

    [Fact]
    public async Task A_gateway_that_throws_or_answers_nonsense_leaves_the_outcome_unknown()
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"));
        house.Plugin.Gateway.Charge = _ => throw new InvalidOperationException("broken");
        house.Plugin.Gateway.Query = _ => throw new InvalidOperationException("still broken");
        await house.AddCustomerAsync("acme", "x");
        await house.IssueAsync("acme", 20m);
        await house.LiveUntilAsync("2024-01-10");
        Assert.Equal((PaymentState.Unknown, 1, 20m), State(await house.PaymentAsync()));
        Assert.Single(house.Plugin.Gateway.ChargedKeys);
        await Assert.ThrowsAsync<BillingException>(() => house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));

        house.Plugin.Gateway.Query = q => GatewayOutcome.Succeeded(q.Key);
        await house.LiveUntilAsync("2024-01-12");
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(await house.PaymentAsync()));
        Assert.Single(house.Plugin.Gateway.ChargedKeys);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task A_link_to_act_at_is_kept_and_the_outcome_asked_for()
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"));
        house.Plugin.Gateway.Charge = _ => new GatewayOutcome { Kind = GatewayOutcomeKind.RequiresAction, ActionLink = "https://bank.example/3ds" };
        house.Plugin.Gateway.Query = q => GatewayOutcome.Succeeded(q.Key);
        await house.AddCustomerAsync("acme", "x");
        await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        Assert.Equal("https://bank.example/3ds", (await house.ReadAsync()).Attempts[0].ActionLink);
        Assert.Contains("payment.action-required", await house.MessagesAsync());
        await house.LiveUntilAsync("2024-01-02");
        Assert.Equal(PaymentState.Succeeded, (await house.PaymentAsync()).State);
    }

    [Fact]
    public async Task No_storage_call_is_under_way_while_a_gateway_works()
    {
        await using var house = await House.BuildAsync(null, House.Task("gateway", "plain"), House.Retry("1"));
        var answers = new Queue<GatewayOutcome>([GatewayOutcome.Declined("x"), GatewayOutcome.Unknown("y"), GatewayOutcome.Succeeded()]);
        house.Plugin.Gateway.Charge = _ => answers.Dequeue();
        await house.AddCustomerAsync("acme", "x");
        await house.IssueAsync("acme", 20m);
        await house.LiveUntilAsync("2024-01-05");
        Assert.Equal(3, house.Plugin.Gateway.ChargedKeys.Count);
        Assert.Equal(2, house.Plugin.Gateway.ChargedKeys.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(0, house.Plugin.Gateway.MostUnderWay);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(2, 0)]
    [InlineData(0, 2)]
    public async Task A_process_may_end_at_any_commit_and_the_next_run_charges_once(int diesBefore, int diesAfter)
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme", "succeed");
        var invoice = await house.IssueAsync("acme", 20m);
        var before = house.Watch.Commits;
        house.Watch.DiesBefore = diesBefore == 0 ? 0 : before + diesBefore;
        house.Watch.DiesAfter = diesAfter == 0 ? 0 : before + diesAfter;
        await Assert.ThrowsAsync<ProcessEndedException>(() => house.CollectAsync());
        house.Watch.DiesBefore = house.Watch.DiesAfter = 0;

        await house.LiveUntilAsync("2024-01-02");
        Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, "acme"));
        Assert.Equal((PaymentState.Succeeded, 1, 20m), State(Assert.Single(await house.Engine.Payments.ListAsync(House.Tenant, "acme"))));
        Assert.Equal(InvoiceStatus.Paid, (await house.InvoiceAsync(invoice.Id)).Status);
        await house.CheckBooksAsync();
    }

    [Fact]
    public async Task Two_workers_at_once_charge_once()
    {
        await using var house = await House.BuildAsync();
        for (var i = 0; i < 20; i++)
        {
            await house.AddCustomerAsync($"c{i}", "succeed");
            await house.IssueAsync($"c{i}", 20m);
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(house.CollectAsync)));
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(20m, await house.Engine.Payments.GetGatewayNetAsync(House.Tenant, $"c{i}"));
            Assert.Single(await house.Engine.Payments.ListAsync(House.Tenant, $"c{i}"));
            await house.CheckBooksAsync($"c{i}");
        }
    }

    [Theory]
    [InlineData("4111 1111 1111 1111", true)]
    [InlineData("5500-0000-0000-0004", true)]
    [InlineData("card_4111111111111111", true)]
    [InlineData("378282246310005", true)]
    [InlineData("4111111111111112", false)]
    [InlineData("tok_1Nv0FGQ9RKHgCVdK", false)]
    [InlineData("test:acme/card;behavior=succeed;settleDays=3", false)]
    [InlineData("123456789012", false)]
    public async Task Card_numbers_are_refused(string token, bool refused)
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var error = await Record.ExceptionAsync(() => house.Engine.Payments.AddMethodAsync(House.Tenant, new AddPaymentMethodRequest { Id = "m", CustomerId = "acme", Type = "card", Token = token }));
        Assert.Equal(refused, error is BillingException { Code: BillingErrorCodes.Validation });
        if (refused)
        {
            Assert.DoesNotContain(token, error!.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_first_method_is_the_default_and_ids_are_unique()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync("acme", "succeed");
        await house.AddCustomerAsync("other");
        Assert.True((await house.ReadAsync()).PaymentMethods[0].IsDefault);
        Assert.False((await house.AddMethodAsync("acme", "succeed", "ach")).IsDefault);
        foreach (var customer in new[] { "acme", "other" })
        {
            var error = await Assert.ThrowsAsync<BillingException>(() => house.Engine.Payments.AddMethodAsync(
                House.Tenant, new AddPaymentMethodRequest { Id = "acme-card", CustomerId = customer, Type = "card", Token = "t" }));
            Assert.Equal(BillingErrorCodes.Duplicate, error.Code);
        }
    }

    private static (PaymentState, int, decimal) State(Payment payment) => (payment.State, payment.Attempts, payment.Amount);
}
