using Billing.Notifications;
using Billing.Storage;
using NodaTime;

namespace Billing.InMemory;

public sealed partial class InMemoryBillingStorage
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<OutboxMessage>> LeaseOutboxAsync(
        TenantId? tenant, Instant now, Duration lease, int maximum, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var leased = new List<OutboxMessage>();
        var tenants = _tenants.Values.Where(t => tenant is null || t.Id == tenant).OrderBy(t => t.Id);
        foreach (var rows in tenants)
        {
            lock (rows.Gate)
            {
                var free = rows.Pending.Values
                    .OrderBy(messages => messages.Values.First().DueAt)
                    .SelectMany(messages => messages.Values.TakeWhile(m => IsFree(m, now)))
                    .Take(maximum - leased.Count)
                    .ToArray();
                foreach (var message in free)
                {
                    var taken = message with { LeasedUntil = now + lease, Version = message.Version + 1 };
                    rows.Put(taken);
                    leased.Add(taken);
                }
            }
        }

        return Task.FromResult<IReadOnlyList<OutboxMessage>>(leased);
    }

    /// <inheritdoc/>
    public Task CompleteOutboxAsync(IReadOnlyList<OutboxMessage> messages, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var ofTenant in messages.GroupBy(m => m.Tenant))
        {
            Write(Open(ofTenant.Key, cancellationToken), rows =>
            {
                foreach (var message in ofTenant)
                {
                    if (rows.Find<OutboxMessage>(message.Id) is { } stored && stored.Version == message.Version - 1)
                    {
                        rows.Put(message);
                    }
                }

                return true;
            });
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<OutboxMessage>> ListOutboxAsync(
        TenantId tenant, string? payerId, Guid? after, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows =>
            OfPayer<OutboxMessage>(rows, payerId).Where(m => after is not { } id || m.Id.CompareTo(id) > 0).OrderBy(m => m.Id).Take(maximum));

    /// <inheritdoc/>
    public Task<Instant?> ReadNextOutboxDueAsync(TenantId tenant, CancellationToken cancellationToken) =>
        Read(
            Find(tenant, cancellationToken),
            rows => rows.Pending.Values
                .Select(messages => messages.Values.First())
                .Select(m => (Instant?)(m.LeasedUntil is { } until && until > m.DueAt ? until : m.DueAt))
                .Min(),
            null);

    private static bool IsFree(OutboxMessage message, Instant now) =>
        message.DueAt <= now && (message.LeasedUntil is not { } until || until <= now);
}
