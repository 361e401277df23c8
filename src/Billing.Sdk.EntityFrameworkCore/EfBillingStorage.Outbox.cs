using Billing.Notifications;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Billing.EntityFrameworkCore;

public partial class EfBillingStorage<TContext>
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<OutboxMessage>> LeaseOutboxAsync(
        TenantId? tenant, Instant now, Duration lease, int maximum, CancellationToken cancellationToken)
    {
        if (tenant is not null || !_database.ConfinesTenants)
        {
            return await LeaseAsync(tenant, now, lease, maximum, cancellationToken).ConfigureAwait(false);
        }

        // The database shows one tenant's messages at a time.
        var leased = new List<OutboxMessage>();
        foreach (var one in await ListTenantsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (leased.Count < maximum)
            {
                leased.AddRange(await LeaseAsync(one.Id, now, lease, maximum - leased.Count, cancellationToken).ConfigureAwait(false));
            }
        }

        return leased;
    }

    private Task<IReadOnlyList<OutboxMessage>> LeaseAsync(
        TenantId? tenant, Instant now, Duration lease, int maximum, CancellationToken cancellationToken) => WriteAsync<IReadOnlyList<OutboxMessage>>(
        tenant,
        async (context, cancel) =>
        {
            await _database.LockOutboxAsync(context, tenant, cancel).ConfigureAwait(false);

            // In order of sequence, so that a limit never takes a later message before an earlier one of its payer.
            var free = await Pending(context, tenant)
                .Where(m => m.DueAt <= now && (m.LeasedUntil == null || m.LeasedUntil <= now))
                .Where(m => !Pending(context, tenant).Any(e =>
                    e.Tenant == m.Tenant && e.PayerId == m.PayerId && e.Sequence < m.Sequence && (e.DueAt > now || e.LeasedUntil > now)))
                .OrderBy(m => m.Tenant).ThenBy(m => m.PayerId).ThenBy(m => m.Sequence)
                .Take(maximum)
                .ToListAsync(cancel).ConfigureAwait(false);
            var leased = free.ConvertAll(m => m with { LeasedUntil = now + lease, Version = m.Version + 1 });
            var lost = await _database.UpdateAsync(context, leased.ConvertAll(m => new StoredRow(m, m.Version - 1)), each: true, cancel).ConfigureAwait(false);
            return lost.Count == 0
                ? leased
                : throw new RaceException(new InvalidOperationException("Another dispatcher leased a message in between; those behind it must wait."));
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task CompleteOutboxAsync(IReadOnlyList<OutboxMessage> messages, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        foreach (var ofTenant in messages.GroupBy(m => m.Tenant))
        {
            var rows = ofTenant.Select(m => new StoredRow(m, m.Version - 1)).ToArray();
            await WriteAsync(ofTenant.Key, (context, cancel) => _database.UpdateAsync(context, rows, each: true, cancel), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<OutboxMessage>> ListOutboxAsync(
        TenantId tenant, string? payerId, Guid? after, int maximum, CancellationToken cancellationToken) => ListAsync(
        tenant,
        context =>
        {
            var messages = OfPayer<OutboxMessage>(context, tenant, payerId);
            if (after is { } id)
            {
                messages = messages.Where(m => m.Id.CompareTo(id) > 0);
            }

            return messages.OrderBy(m => m.Id).Take(maximum);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<Instant?> ReadNextOutboxDueAsync(TenantId tenant, CancellationToken cancellationToken) => ReadAsync(
        tenant,
        async (context, cancel) =>
        {
            // A payer's first pending message decides: the others wait for it.
            var heads = Pending(context, tenant)
                .Where(m => !Pending(context, tenant).Any(e => e.PayerId == m.PayerId && e.Sequence < m.Sequence));
            var next = await heads.Where(m => m.LeasedUntil == null || m.LeasedUntil <= m.DueAt).MinAsync(m => (Instant?)m.DueAt, cancel).ConfigureAwait(false);
            var free = await heads.Where(m => m.LeasedUntil > m.DueAt).MinAsync(m => m.LeasedUntil, cancel).ConfigureAwait(false);
            return next is { } due && free is { } until ? Instant.Min(due, until) : next ?? free;
        },
        cancellationToken);

    private static IQueryable<OutboxMessage> Pending(DbContext context, TenantId? tenant)
    {
        var pending = context.Set<OutboxMessage>().AsNoTracking().Where(m => m.State == OutboxState.Pending);
        return tenant is { } one ? pending.Where(m => m.Tenant == one) : pending;
    }
}
