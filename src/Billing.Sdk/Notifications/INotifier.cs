using Billing.Tasks;

namespace Billing.Notifications;

/// <summary>Tells customers: one channel.</summary>
/// <remarks>
/// Asked in order, the next when one says <see cref="NotificationOutcome.NotMine"/>. Called at least once per message, outside any transaction: tell repeats
/// by <see cref="OutboxMessage.Id"/>. A failure is tried again later and never blocks billing. Implementations are thread-safe.
/// </remarks>
[TaskStage("notification", TaskChainKind.First, Critical = false)]
public interface INotifier
{
    /// <summary>Delivers a batch; outcomes in order.</summary>
    ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken);
}

/// <summary>Sees every event: CRM, ERP, provisioning.</summary>
/// <remarks>All configured handlers get every event, at least once, in order per payer. Implementations are thread-safe.</remarks>
[TaskStage("events", TaskChainKind.All, Critical = false)]
public interface IBillingEventHandler
{
    /// <summary>Handles a batch; outcomes in order.</summary>
    ValueTask<IReadOnlyList<NotificationResult>> HandleAsync(IReadOnlyList<OutboxMessage> events, CancellationToken cancellationToken);
}

/// <summary>A message to a customer.</summary>
public sealed record Notification
{
    /// <summary>The message.</summary>
    public required OutboxMessage Message { get; init; }

    /// <summary>Name of the customer, if known.</summary>
    public string? CustomerName { get; init; }

    /// <summary>E-mail address of the customer, if known.</summary>
    public string? Email { get; init; }
}

/// <summary>What became of a delivery.</summary>
public enum NotificationOutcome
{
    /// <summary>Delivered.</summary>
    Delivered,

    /// <summary>Another channel's.</summary>
    NotMine,

    /// <summary>Not delivered; try again.</summary>
    Failed,

    /// <summary>Not delivered; trying again is useless.</summary>
    Refused,
}

/// <summary>What became of a delivery.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="Message">Why, for failures.</param>
public sealed record NotificationResult(NotificationOutcome Outcome, string? Message = null)
{
    /// <summary>Delivered.</summary>
    public static NotificationResult Delivered { get; } = new(NotificationOutcome.Delivered);

    /// <summary>Another channel's.</summary>
    public static NotificationResult NotMine { get; } = new(NotificationOutcome.NotMine);
}
