using Billing.Customers;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Storage;

/// <summary>The contract in its plainest form: dictionaries, copied before each try. Slow and obviously right; only for comparison with a store.</summary>
internal sealed class StorageModel
{
    private Dictionary<(Type, TenantId, RowKey), IBillingRow> _rows = [];

    public HashSet<(TenantId, Guid)> UsageKeys { get; } = [];

    public List<UsageRecord> Events { get; } = [];

    public List<UsageRollup> Rollups { get; } = [];

    public IEnumerable<T> Rows<T>(TenantId tenant)
        where T : IBillingRow => _rows.Values.OfType<T>().Where(r => r.Tenant == tenant);

    public CommitOutcome[] Commit(BillingBatch batch) => [.. batch.Payers.Select(p => CommitPayer(batch.Tenant, p))];

    public UsageOutcome Append(UsageAppend append)
    {
        if (!UsageKeys.Add((append.Record.Tenant, append.Record.Hash)))
        {
            return UsageOutcome.Duplicate;
        }

        Events.Add(append.Record);
        Rollups.AddRange(append.Rollups);
        return UsageOutcome.Accepted;
    }

    /// <summary>The marks of one call on stored events.</summary>
    public void Mark(IEnumerable<DueItem> marks)
    {
        foreach (var group in marks.GroupBy(m => (m.Tenant, m.Kind, m.PayerId)))
        {
            var stored = Rows<DueItem>(group.Key.Tenant).SingleOrDefault(d => d.Kind == group.Key.Kind && d.PayerId == group.Key.PayerId);
            var all = stored is null ? group : group.Append(stored);
            Put(group.First() with { DueAt = all.Min(m => m.DueAt), ReopensFrom = all.Min(m => m.ReopensFrom), Version = (stored?.Version ?? 0) + 1 });
        }
    }

    public OutboxMessage[] Lease(TenantId tenant, Instant now, Duration lease)
    {
        var taken = Rows<OutboxMessage>(tenant).Where(m => m.State == OutboxState.Pending).GroupBy(m => m.PayerId)
            .SelectMany(g => g.OrderBy(m => m.Sequence).TakeWhile(m => m.DueAt <= now && !(m.LeasedUntil > now)))
            .Select(m => m with { LeasedUntil = now + lease, Version = m.Version + 1 }).ToArray();
        Array.ForEach(taken, Put);
        return taken;
    }

    public void Complete(OutboxMessage message)
    {
        if (Rows<OutboxMessage>(message.Tenant).Any(m => m.Id == message.Id && m.Version == message.Version - 1))
        {
            Put(message);
        }
    }

    private CommitOutcome CommitPayer(TenantId tenant, PayerChanges payer)
    {
        var before = new Dictionary<(Type, TenantId, RowKey), IBillingRow>(_rows);
        var outcome = Write(tenant, payer);
        if (outcome != CommitOutcome.Committed)
        {
            _rows = before;
        }

        return outcome;
    }

    private CommitOutcome Write(TenantId tenant, PayerChanges payer)
    {
        if (payer.ExpectedVersion > 0 && !Rows<Customer>(tenant).Any(c => c.Id == payer.PayerId && c.BillingVersion == payer.ExpectedVersion))
        {
            return CommitOutcome.Conflict;
        }

        foreach (var operation in new[] { RowOperation.Delete, RowOperation.Update, RowOperation.Insert })
        {
            foreach (var change in payer.Rows.Where(c => c.Operation == operation))
            {
                if (Write(change) is var outcome and not CommitOutcome.Committed)
                {
                    return outcome;
                }
            }
        }

        if (payer.Idempotency is { } record && Write(RowChange.Insert(record)) != CommitOutcome.Committed)
        {
            return CommitOutcome.Duplicate;
        }

        foreach (var (kind, at) in payer.Due)
        {
            var item = new DueItem { Tenant = tenant, Kind = kind, PayerId = payer.PayerId, DueAt = at ?? default };
            var stored = (DueItem?)_rows.GetValueOrDefault(KeyOf(item));
            if (stored is not null && (!payer.DueSeen.TryGetValue(kind, out var seen) || seen != stored.Version))
            {
                // Marked meanwhile: the earlier moment stays.
                Put(stored with { DueAt = at is { } wanted && wanted < stored.DueAt ? wanted : stored.DueAt, Version = stored.Version + 1 });
            }
            else if (at is not null)
            {
                Put(item with { Version = (stored?.Version ?? 0) + 1 });
            }
            else
            {
                _rows.Remove(KeyOf(item));
            }
        }

        return Number(tenant, payer);
    }

    private CommitOutcome Number(TenantId tenant, PayerChanges payer)
    {
        foreach (var request in payer.Numbers)
        {
            var given = Rows<InvoiceNumber>(tenant).Where(n => n.LegalEntity == request.LegalEntity && n.Series == request.Series);
            var number = given.Select(n => n.Number).DefaultIfEmpty().Max() + 1;
            var row = new InvoiceNumber { Tenant = tenant, LegalEntity = request.LegalEntity, Series = request.Series, Number = number, InvoiceId = request.InvoiceId };
            if (Write(RowChange.Insert(row)) != CommitOutcome.Committed)
            {
                return CommitOutcome.Duplicate;
            }

            Put(Rows<Invoice>(tenant).Single(i => i.Id == request.InvoiceId) with { SeriesNumber = number, Number = NumberPattern.Format(request.Pattern, number) });
        }

        return CommitOutcome.Committed;
    }

    private CommitOutcome Write(RowChange change)
    {
        var (operation, row) = change;
        var stored = _rows.GetValueOrDefault(KeyOf(row));
        if (operation == RowOperation.Insert ? stored is not null : stored is null)
        {
            return operation == RowOperation.Insert ? CommitOutcome.Duplicate : CommitOutcome.Conflict;
        }

        if (stored is IVersionedRow old && old.Version != ((IVersionedRow)row).Version - (operation == RowOperation.Update ? 1 : 0))
        {
            return CommitOutcome.Conflict;
        }

        _rows.Remove(KeyOf(row));
        if (operation == RowOperation.Delete)
        {
            return CommitOutcome.Committed;
        }

        var unique = StorageRules.UniqueKeys(row);
        if (_rows.Values.Any(r => r.GetType() == row.GetType() && r.Tenant == row.Tenant && StorageRules.UniqueKeys(r).Zip(unique).Any(k => k.First == k.Second)))
        {
            return CommitOutcome.Duplicate;
        }

        Put(row);
        return CommitOutcome.Committed;
    }

    private void Put(IBillingRow row) => _rows[KeyOf(row)] = row;

    private static (Type, TenantId, RowKey) KeyOf(IBillingRow row) => (row.GetType(), row.Tenant, StorageRules.PrimaryKey(row));
}
