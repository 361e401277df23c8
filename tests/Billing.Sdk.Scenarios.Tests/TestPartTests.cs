using Billing.Notifications;
using Billing.Testing;
using NodaTime;

namespace Billing.Scenarios;

public class TestPartTests
{
    [Fact]
    public void A_test_clock_shows_what_it_is_set_to_and_advances_forward_only()
    {
        var clock = new TestClock(Documents.Day(2024, 1, 1));
        clock.AdvanceTo(Documents.Day(2024, 1, 3));
        clock.AdvanceTo(Documents.Day(2024, 1, 2));
        Assert.Equal(Documents.Day(2024, 1, 3), clock.GetCurrentInstant());

        clock.Advance(Duration.FromHours(1));
        Assert.Equal(Instant.FromUtc(2024, 1, 3, 1, 0), clock.Now);

        clock.Now = Documents.Day(2024, 1, 1);
        Assert.Equal(Documents.Day(2024, 1, 1), clock.GetCurrentInstant());
    }

    [Fact]
    public async Task A_recording_notifier_keeps_each_message_once_in_order()
    {
        var notifier = new RecordingNotifier();
        var (first, second) = (Message(1, "invoice.issued"), Message(2, "payment.failed"));
        await notifier.NotifyAsync([first], CancellationToken.None);
        var answers = await notifier.NotifyAsync([first, second], CancellationToken.None);

        Assert.Equal([NotificationResult.Delivered, NotificationResult.Delivered], answers);
        Assert.Equal(["invoice.issued", "payment.failed"], notifier.Sent.Select(n => n.Message.Name));
    }

    private static Notification Message(int number, string name) => new()
    {
        Message = new OutboxMessage
        {
            Tenant = Billing.Testing.Scenarios.ScenarioHost.Tenant,
            Id = new Guid(number, 0, 0, new byte[8]),
            PayerId = "acme",
            CustomerId = "acme",
            Sequence = number,
            Name = name,
            OccurredAt = Documents.Day(2024, 1, 1),
            DueAt = Documents.Day(2024, 1, 1),
            Version = 1,
        },
    };
}
