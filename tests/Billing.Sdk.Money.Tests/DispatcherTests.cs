using Billing.Notifications;
using Billing.Processing;
using NodaTime;

namespace Billing.MoneyTests;

public sealed class DispatcherTests
{
    private static readonly Tasks.TaskEntry Letters = House.Task("notification", "letters") with { Order = 1 };
    private static readonly Tasks.TaskEntry Mails = House.Task("notification", "mails") with { Order = 2 };
    private static readonly Tasks.TaskEntry Crm = House.Task("events", "crm");

    [Fact]
    public async Task Notifiers_get_what_customers_are_told_and_handlers_everything_in_order()
    {
        await using var house = await House.BuildAsync(null, Letters, Crm);
        await house.AddCustomerAsync("acme", "succeed");
        await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        Assert.Equal(new DispatchResult(3, 0, 0), await house.Engine.Runs.DispatchAsync(House.Tenant));
        Assert.Equal(["invoice.issued", "payment.succeeded"], house.Plugin.Letters.Got.Select(n => n.Message.Name));
        Assert.Equal(["invoice.issued", "payment.succeeded", "invoice.paid"], house.Plugin.Crm.Got.Select(m => m.Name));
        var letter = house.Plugin.Letters.Got[0];
        Assert.Equal(("Name of acme", "acme@example.com"), (letter.CustomerName, letter.Email));
        Assert.Equal(
            ["20.00", "USD", "2024-01-01", "INV-000001", "20.00"],
            new[] { "amountDue", "currency", "dueDate", "number", "total" }.Select(k => letter.Message.Data[k]));
        Assert.Equal(new DispatchResult(0, 0, 0), await house.Engine.Runs.DispatchAsync(House.Tenant));
        Assert.All(await house.Engine.Messages.ListAsync(House.Tenant), m => Assert.Equal(OutboxState.Done, m.State));
    }

    [Fact]
    public async Task The_next_notifier_is_asked_when_one_says_not_mine()
    {
        await using var house = await House.BuildAsync(null, Letters, Mails);
        house.Plugin.Letters.Answer = n => n.Message.Name == "invoice.issued" ? NotificationResult.NotMine : NotificationResult.Delivered;
        await house.AddCustomerAsync("acme", "succeed");
        await house.IssueAsync("acme", 20m);
        await house.CollectAsync();
        await house.Engine.Runs.DispatchAsync(House.Tenant);
        Assert.Equal(["invoice.issued"], house.Plugin.Mails.Got.Select(n => n.Message.Name));
    }

    [Fact]
    public async Task Without_a_notifier_messages_are_done()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await house.IssueAsync("acme", 20m);
        Assert.Equal(new DispatchResult(1, 0, 0), await house.Engine.Runs.DispatchAsync(House.Tenant));
        Assert.Null(await house.Engine.Runs.GetNextDueAsync(House.Tenant));
    }

    [Fact]
    public async Task A_failure_waits_longer_each_time_holds_up_what_follows_and_ends_as_a_dead_letter()
    {
        await using var house = await House.BuildAsync(null, Letters, Crm);
        house.Plugin.Letters.Answer = n => n.Message.Data["total"] == "1.00" ? new NotificationResult(NotificationOutcome.Failed, "no paper") : NotificationResult.Delivered;
        await house.AddCustomerAsync();
        await house.IssueAsync("acme", 1m);
        await house.IssueAsync("acme", 2m);
        await house.AddCustomerAsync("other");
        await house.IssueAsync("other", 3m);
        var start = house.Now;

        Assert.Equal(new DispatchResult(1, 1, 0), await house.Engine.Runs.DispatchAsync(House.Tenant));
        foreach (var (minutes, tries) in new[] { (1, 2), (5, 3), (21, 4), (85, 5) })
        {
            Assert.Equal(start + Duration.FromMinutes(minutes), await house.Engine.Runs.GetNextDueAsync(House.Tenant));
            house.MoveTo(start + Duration.FromMinutes(minutes));
            Assert.Equal(new DispatchResult(0, 1, 0), await house.Engine.Runs.DispatchAsync(House.Tenant));
            Assert.Equal(tries, (await house.Engine.Messages.ListAsync(House.Tenant, "acme"))[0].Attempts);
        }

        house.MoveTo(start + Duration.FromMinutes(341));
        Assert.Equal(new DispatchResult(1, 0, 1), await house.Engine.Runs.DispatchAsync(House.Tenant));
        var dead = (await house.Engine.Messages.ListAsync(House.Tenant, "acme"))[0];
        Assert.Equal((OutboxState.Dead, 6, "[notification] no paper"), (dead.State, dead.Attempts, dead.LastError));

        // The handler had taken it the first time and did not get it again.
        Assert.Equal(["1.00", "3.00", "2.00"], house.Plugin.Crm.Got.Select(m => m.Data["total"]));
    }

    [Fact]
    public async Task Nobody_is_told_twice_because_another_failed()
    {
        await using var house = await House.BuildAsync(null, Letters, Crm);
        house.Plugin.Crm.Answer = _ => throw new InvalidOperationException("down");
        await house.AddCustomerAsync();
        await house.IssueAsync("acme", 1m);
        await house.Engine.Runs.DispatchAsync(House.Tenant);
        house.Plugin.Crm.Answer = _ => NotificationResult.Delivered;
        house.MoveTo(house.Now + Duration.FromMinutes(1));
        Assert.Equal(new DispatchResult(1, 0, 0), await house.Engine.Runs.DispatchAsync(House.Tenant));
        Assert.Single(house.Plugin.Letters.Got);
        Assert.Equal(2, house.Plugin.Crm.Got.Count);
    }

    [Fact]
    public async Task A_refusal_is_final()
    {
        await using var house = await House.BuildAsync(null, Letters);
        house.Plugin.Letters.Answer = _ => new NotificationResult(NotificationOutcome.Refused, "no such address");
        await house.AddCustomerAsync();
        await house.IssueAsync("acme", 1m);
        Assert.Equal(new DispatchResult(0, 0, 1), await house.Engine.Runs.DispatchAsync(House.Tenant));
    }

    [Fact]
    public async Task Two_dispatchers_share_the_work()
    {
        await using var house = await House.BuildAsync(null, Crm);
        for (var i = 0; i < 30; i++)
        {
            await house.AddCustomerAsync($"c{i}");
            await house.IssueAsync($"c{i}", 1m);
            await house.IssueAsync($"c{i}", 2m);
        }

        var results = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => house.Engine.Runs.DispatchAsync(House.Tenant)));
        Assert.Equal(60, results.Sum(r => r.Delivered));
        Assert.Equal(60, house.Plugin.Crm.Got.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_dispatcher_that_ended_leaves_messages_that_are_delivered_after_its_lease()
    {
        await using var house = await House.BuildAsync(null, Letters);
        await house.AddCustomerAsync();
        await house.IssueAsync("acme", 1m);
        Assert.Single(await house.Storage.LeaseOutboxAsync(House.Tenant, house.Now, Duration.FromMinutes(10), 10, default));
        Assert.Equal(0, (await house.Engine.Runs.DispatchAsync(House.Tenant)).Delivered);
        house.MoveTo(house.Now + Duration.FromMinutes(10));
        Assert.Equal(1, (await house.Engine.Runs.DispatchAsync(House.Tenant)).Delivered);
    }
}
