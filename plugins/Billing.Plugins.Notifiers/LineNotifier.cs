using System.Text;
using System.Text.Json;
using Billing.Notifications;
using NodaTime.Text;

namespace Billing.Plugins.Notifiers;

/// <summary>Writes each message as one line of JSON. Thread-safe.</summary>
internal sealed class LineNotifier(ILines lines) : INotifier
{
    public async ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        foreach (var notification in notifications)
        {
            text.Append(JsonSerializer.Serialize(LineOf(notification), NotifiersJson.Default.MessageLine)).Append('\n');
        }

        await lines.WriteAsync(text.ToString(), cancellationToken).ConfigureAwait(false);
        return [.. notifications.Select(_ => NotificationResult.Delivered)];
    }

    private static MessageLine LineOf(Notification notification) => new()
    {
        Id = notification.Message.Id.ToString(),
        Name = notification.Message.Name,
        Customer = notification.Message.CustomerId,
        CustomerName = notification.CustomerName,
        Email = notification.Email,
        OccurredAt = InstantPattern.ExtendedIso.Format(notification.Message.OccurredAt),
        Data = notification.Message.Data.ToDictionary(StringComparer.Ordinal),
    };
}

/// <summary>Where lines go.</summary>
internal interface ILines
{
    /// <summary>Writes whole lines; those of two calls never mix.</summary>
    Task WriteAsync(string text, CancellationToken cancellationToken);
}

/// <summary>Lines on standard output.</summary>
internal sealed class ConsoleLines : ILines
{
    public Task WriteAsync(string text, CancellationToken cancellationToken) => Console.Out.WriteAsync(text.AsMemory(), cancellationToken);
}

/// <summary>Lines at the end of a file.</summary>
internal sealed class FileLines(string path) : ILines, IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);

    public async Task WriteAsync(string text, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await File.AppendAllTextAsync(path, text, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();
}
