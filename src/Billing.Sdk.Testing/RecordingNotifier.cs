using Billing.Notifications;
using Billing.Tasks;

namespace Billing.Testing;

/// <summary>A notifier that delivers nothing and keeps everything: task <c>recording</c> of stage <c>notification</c>.</summary>
/// <remarks>A message that comes a second time (deliveries are at least once) is kept once. Thread-safe.</remarks>
public sealed class RecordingNotifier : INotifier
{
    /// <summary>Name of the task in configurations.</summary>
    public const string TaskName = "recording";

    private readonly Lock _gate = new();
    private readonly List<Notification> _sent = [];
    private readonly HashSet<Guid> _known = [];

    /// <summary>What was sent, in order.</summary>
    public IReadOnlyList<Notification> Sent
    {
        get
        {
            lock (_gate)
            {
                return [.. _sent];
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(notifications);
        lock (_gate)
        {
            _sent.AddRange(notifications.Where(n => _known.Add(n.Message.Id)));
        }

        return ValueTask.FromResult<IReadOnlyList<NotificationResult>>([.. notifications.Select(_ => NotificationResult.Delivered)]);
    }

    /// <summary>A plugin that offers this notifier to all tenants of a host.</summary>
    public IBillingPlugin AsPlugin() => new Plugin(this);

    private sealed class Plugin(RecordingNotifier notifier) : IBillingPlugin
    {
        public void Configure(IPluginBuilder builder) => builder.AddTask<INotifier>(TaskName, _ => notifier);
    }
}
