using Billing.Notifications;
using Billing.Storage;
using Billing.Tasks;
using NodaTime;

namespace Billing.Processing;

/// <summary>Delivers messages: leased, handed to event handlers and notifiers, completed. At least once, in order per payer; failures wait longer each time and end as dead letters.</summary>
internal sealed class Dispatcher(EngineCore core, TenantContext tenant)
{
    private const int PageSize = 200;
    private const int MostTries = 6;
    private const int LongestError = 1000;

    private static readonly Duration Lease = Duration.FromMinutes(10);

    private readonly IReadOnlyList<BoundTask<INotifier>> _notifiers = tenant.Tasks.Chain<INotifier>();
    private readonly IReadOnlyList<BoundTask<IBillingEventHandler>> _handlers = tenant.Tasks.Chain<IBillingEventHandler>();

    /// <summary>Delivers until nothing is due.</summary>
    public async Task<DispatchResult> RunAsync(CancellationToken cancellationToken)
    {
        var total = new DispatchResult(0, 0, 0);
        while (true)
        {
            var leased = await core.Storage.LeaseOutboxAsync(tenant.Id, tenant.Now, Lease, PageSize, cancellationToken).ConfigureAwait(false);
            if (leased.Count == 0)
            {
                return total;
            }

            var page = Count(await DeliverAsync(leased, cancellationToken).ConfigureAwait(false));
            core.Metrics.Dispatched(tenant.Id, page);
            total = new DispatchResult(total.Delivered + page.Delivered, total.Failed + page.Failed, total.Dead + page.Dead);
        }
    }

    private static DispatchResult Count(IReadOnlyList<OutboxMessage> messages) => new(
        messages.Count(m => m.State == OutboxState.Done),
        messages.Count(m => m.State == OutboxState.Pending && m.LastError is not null),
        messages.Count(m => m.State == OutboxState.Dead));

    /// <summary>Delivers leased messages in rounds of one message per payer, so that one that fails holds up those after it.</summary>
    private async Task<IReadOnlyList<OutboxMessage>> DeliverAsync(IReadOnlyList<OutboxMessage> leased, CancellationToken cancellationToken)
    {
        var completed = new List<OutboxMessage>();
        var snapshots = await ReadAsync(leased, cancellationToken).ConfigureAwait(false);
        var queues = leased.GroupBy(m => m.PayerId, StringComparer.Ordinal).Select(g => new Queue<OutboxMessage>(g.OrderBy(m => m.Sequence))).ToList();
        while (queues.Count > 0)
        {
            var round = queues.ConvertAll(q => q.Dequeue());
            var errors = await DeliverRoundAsync(round.ConvertAll(m => Complete(m, snapshots)), snapshots, cancellationToken).ConfigureAwait(false);
            var results = round.Select((m, i) => Finish(m, errors[i])).ToList();
            for (var i = queues.Count - 1; i >= 0; i--)
            {
                if (results[i].State == OutboxState.Pending)
                {
                    // Given back untried: they come after the one that failed.
                    results.AddRange(queues[i].Select(m => m with { LeasedUntil = null, Version = m.Version + 1 }));
                    queues[i].Clear();
                }

                if (queues[i].Count == 0)
                {
                    queues.RemoveAt(i);
                }
            }

            await core.Storage.CompleteOutboxAsync(results, CancellationToken.None).ConfigureAwait(false);
            completed.AddRange(results);
        }

        return completed;
    }

    private async Task<IReadOnlyDictionary<string, PayerSnapshot>> ReadAsync(IReadOnlyList<OutboxMessage> messages, CancellationToken cancellationToken)
    {
        if (_notifiers.Count == 0 && _handlers.Count == 0)
        {
            return new Dictionary<string, PayerSnapshot>();
        }

        var payers = messages.Select(m => m.PayerId).Distinct(StringComparer.Ordinal).ToList();
        var snapshots = await core.Storage.ReadPayersAsync(tenant.Id, payers, SnapshotParts.Customers | SnapshotParts.Invoices, cancellationToken).ConfigureAwait(false);
        return snapshots.ToDictionary(s => s.Payer.Id, StringComparer.Ordinal);
    }

    // An invoice has its number only from the commit on that wrote the message too.
    private static OutboxMessage Complete(OutboxMessage message, IReadOnlyDictionary<string, PayerSnapshot> snapshots) =>
        message.Data.TryGetValue("invoiceId", out var id)
        && snapshots.TryGetValue(message.PayerId, out var snapshot)
        && snapshot.Invoices.FirstOrDefault(i => i.Id.ToString() == id)?.Number is { } number
            ? message with { Data = message.Data.With("number", number) }
            : message;

    /// <summary>Errors by message, each beginning with the marks of the tasks to try again; <see langword="null"/>: delivered.</summary>
    private async Task<IReadOnlyList<Error?>> DeliverRoundAsync(List<OutboxMessage> messages, IReadOnlyDictionary<string, PayerSnapshot> snapshots, CancellationToken cancellationToken)
    {
        var errors = new Error?[messages.Count];
        foreach (var handler in _handlers)
        {
            var mark = $"[{handler.Stage.Name}/{handler.Name}]";
            var places = Enumerable.Range(0, messages.Count).Where(i => IsToTry(messages[i], mark)).ToList();
            var outcome = await core.Invoker.InvokeAsync(handler, places.ConvertAll(i => messages[i]), static (task, batch, token) => task.HandleAsync(batch, token), cancellationToken).ConfigureAwait(false);
            Collect(errors, places, mark, outcome);
        }

        await NotifyAsync(messages, snapshots, errors, cancellationToken).ConfigureAwait(false);
        return errors;
    }

    private async Task NotifyAsync(List<OutboxMessage> messages, IReadOnlyDictionary<string, PayerSnapshot> snapshots, Error?[] errors, CancellationToken cancellationToken)
    {
        const string Mark = "[notification]";
        var open = Enumerable.Range(0, messages.Count).Where(i => messages[i].Notify && IsToTry(messages[i], Mark)).ToList();
        foreach (var notifier in _notifiers)
        {
            var batch = open.ConvertAll(i => NotificationOf(messages[i], snapshots));
            var outcome = await core.Invoker.InvokeAsync(notifier, batch, static (task, notifications, token) => task.NotifyAsync(notifications, token), cancellationToken).ConfigureAwait(false);
            Collect(errors, open, Mark, outcome);
            open = outcome.Failure is null ? [.. open.Where((_, i) => outcome.Results[i].Outcome == NotificationOutcome.NotMine)] : [];
        }
    }

    private static void Collect(Error?[] errors, List<int> places, string mark, TaskOutcome<NotificationResult> outcome)
    {
        for (var i = 0; i < places.Count; i++)
        {
            var error = outcome.Failure is { } failure
                ? new Error(mark, failure.Message, false)
                : outcome.Results[i].Outcome switch
                {
                    NotificationOutcome.Failed => new Error(mark, outcome.Results[i].Message ?? "failed", false),
                    NotificationOutcome.Refused => new Error(mark, outcome.Results[i].Message ?? "refused", true),
                    _ => null,
                };
            errors[places[i]] = Error.Join(errors[places[i]], error);
        }
    }

    // The first time all are tried; later only those whose mark the last error carries, so that nobody is told twice because another failed.
    private static bool IsToTry(OutboxMessage message, string mark) => message.LastError is not { } error || error.Contains(mark, StringComparison.Ordinal);

    private static Notification NotificationOf(OutboxMessage message, IReadOnlyDictionary<string, PayerSnapshot> snapshots)
    {
        var contact = snapshots.TryGetValue(message.PayerId, out var snapshot)
            ? snapshot.Contacts.Where(c => c.CustomerId == message.CustomerId && c.ValidFrom <= message.OccurredAt).MaxBy(c => c.ValidFrom)
            : null;
        return new Notification { Message = message, CustomerName = contact?.Name, Email = contact?.Email };
    }

    private OutboxMessage Finish(OutboxMessage message, Error? error)
    {
        var tried = message with { Attempts = message.Attempts + 1, LeasedUntil = null, Version = message.Version + 1 };
        if (error is null)
        {
            return tried with { State = OutboxState.Done, LastError = null };
        }

        var text = error.Marks + " " + error.Text;
        tried = tried with { LastError = text.Length <= LongestError ? text : text[..LongestError] };
        return error.Final || tried.Attempts >= MostTries
            ? tried with { State = OutboxState.Dead }
            : tried with { DueAt = tenant.Now + Backoff(tried.Attempts) };
    }

    // 1, 4, 16, 64, 256 minutes.
    private static Duration Backoff(int attempts) => Duration.FromMinutes(1 << (2 * (attempts - 1)));

    /// <summary>What failed, and whether trying again is useless.</summary>
    private sealed record Error(string Marks, string Text, bool Final)
    {
        public static Error? Join(Error? first, Error? second) =>
            first is null ? second
            : second is null ? first
            : new Error(first.Marks + second.Marks, first.Text + " " + second.Text, first.Final && second.Final);
    }
}
