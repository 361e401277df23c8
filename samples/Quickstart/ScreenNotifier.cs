using Billing;
using Billing.Notifications;
using Billing.Tasks;

namespace Quickstart;

/// <summary>A task of the host's own, linked in and not loaded: it shows each message as a customer would get it.</summary>
internal sealed class ScreenPlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) => builder.AddTask<INotifier>("quickstart/screen", _ => new ScreenNotifier());

    private sealed class ScreenNotifier : INotifier
    {
        public ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
        {
            foreach (var notification in notifications)
            {
                Show(notification);
            }

            return new([.. notifications.Select(_ => NotificationResult.Delivered)]);
        }

        private static void Show(Notification notification)
        {
            var message = notification.Message;
            var facts = new[] { "number", "total", "amount", "amountDue", "code", "step", "retryAt", "subscription" }
                .Where(key => message.Data.TryGetValue(key, out var value) && value.Length > 0)
                .Select(key => $"{key} {message.Data[key]}");
            Screen.Line($"    → {notification.CustomerName}: {message.Name} ({string.Join(", ", facts)})");
        }
    }
}
