using Billing.Customers;
using Billing.Invoicing;
using Billing.Storage;

namespace Billing.InMemory;

public sealed partial class InMemoryBillingStorage
{
    /// <inheritdoc/>
    public Task<CommitResult> CommitAsync(BillingBatch batch, CancellationToken cancellationToken)
    {
        StorageRules.Check(batch);
        return Write(Open(batch.Tenant, cancellationToken), rows => Commit(rows, batch));
    }

    private static CommitResult Commit(TenantRows rows, BillingBatch batch)
    {
        var shared = WriteAll(new Changes(rows), string.Empty, batch.Rows, batch.Idempotency);
        if (shared.Outcome != CommitOutcome.Committed)
        {
            return new CommitResult { Batch = shared, Payers = [.. batch.Payers.Select(p => shared with { PayerId = p.PayerId })] };
        }

        var numbers = new List<AssignedNumber>();
        var payers = batch.Payers.Select(payer => WritePayer(rows, payer, numbers)).ToArray();
        return new CommitResult { Batch = shared, Payers = payers, Numbers = numbers.ToArray() };
    }

    private static PayerCommit WritePayer(TenantRows rows, PayerChanges payer, List<AssignedNumber> numbers)
    {
        var stored = rows.Find<Customer>(payer.PayerId);
        if (payer.ExpectedVersion > 0 && (stored is null || stored.BillingVersion != payer.ExpectedVersion))
        {
            return new PayerCommit(payer.PayerId, CommitOutcome.Conflict);
        }

        var changes = new Changes(rows);
        var result = WriteAll(changes, payer.PayerId, payer.Rows, payer.Idempotency);
        if (result.Outcome != CommitOutcome.Committed)
        {
            return result;
        }

        foreach (var kind in payer.Due.Keys)
        {
            var before = rows.Find<DueItem>(kind, payer.PayerId);
            if (StorageRules.After(before, payer, rows.Id, kind) is { } item)
            {
                changes.Put(item);
            }
            else if (before is not null)
            {
                changes.Remove(before);
            }
        }

        var given = new List<AssignedNumber>();
        foreach (var request in payer.Numbers)
        {
            var number = new InvoiceNumber
            {
                Tenant = rows.Id,
                LegalEntity = request.LegalEntity,
                Series = request.Series,
                Number = rows.NextNumber(request.LegalEntity, request.Series),
                InvoiceId = request.InvoiceId,
            };
            var printed = NumberPattern.Format(request.Pattern, number.Number);
            if (!rows.IsFree(number, replaces: false))
            {
                changes.Undo();
                return new PayerCommit(payer.PayerId, CommitOutcome.Duplicate, $"{nameof(InvoiceNumber)} of invoice {request.InvoiceId}");
            }

            changes.Put(number);
            changes.Put(rows.Find<Invoice>(request.InvoiceId)! with { SeriesNumber = number.Number, Number = printed });
            given.Add(new AssignedNumber(request.InvoiceId, number.Number, printed));
        }

        numbers.AddRange(given);
        return result;
    }

    /// <summary>Writes deletes, updates and inserts, in this order, or nothing.</summary>
    private static PayerCommit WriteAll(Changes changes, string payerId, IReadOnlyList<RowChange> rows, IdempotencyRecord? idempotency)
    {
        var inserts = rows.Where(c => c.Operation == RowOperation.Insert);
        if (idempotency is not null)
        {
            inserts = inserts.Append(RowChange.Insert(idempotency));
        }

        var ordered = rows.Where(c => c.Operation == RowOperation.Delete).Concat(rows.Where(c => c.Operation == RowOperation.Update)).Concat(inserts);
        foreach (var (operation, row) in ordered)
        {
            var outcome = changes.Write(operation, row);
            if (outcome != CommitOutcome.Committed)
            {
                changes.Undo();
                var detail = row is IdempotencyRecord ? nameof(IdempotencyRecord) : StorageRules.Describe(row);
                return new PayerCommit(payerId, outcome, outcome == CommitOutcome.Duplicate ? detail : null);
            }
        }

        return new PayerCommit(payerId, CommitOutcome.Committed);
    }

    /// <summary>What has been written so far and can be taken back.</summary>
    private sealed class Changes(TenantRows rows)
    {
        private readonly Stack<(IBillingRow Written, IBillingRow? Before)> _done = new();

        public CommitOutcome Write(RowOperation operation, IBillingRow row)
        {
            var stored = rows.Find(row);
            if (operation == RowOperation.Insert)
            {
                if (!rows.IsFree(row, replaces: false))
                {
                    return CommitOutcome.Duplicate;
                }

                Put(row);
                return CommitOutcome.Committed;
            }

            var expected = row is IVersionedRow versioned ? versioned.Version - (operation == RowOperation.Update ? 1 : 0) : (long?)null;
            if (stored is null || (expected is { } version && ((IVersionedRow)stored).Version != version))
            {
                return CommitOutcome.Conflict;
            }

            if (operation == RowOperation.Delete)
            {
                Remove(row);
                return CommitOutcome.Committed;
            }

            if (!rows.IsFree(row, replaces: true))
            {
                return CommitOutcome.Duplicate;
            }

            Put(row);
            return CommitOutcome.Committed;
        }

        public void Put(IBillingRow row)
        {
            var stored = rows.Find(row);
            _done.Push((row, stored));
            rows.Put(row, stored);
        }

        public void Remove(IBillingRow row)
        {
            if (rows.Find(row) is { } stored)
            {
                _done.Push((row, stored));
                rows.Remove(row);
            }
        }

        public void Undo()
        {
            while (_done.TryPop(out var change))
            {
                if (change.Before is null)
                {
                    rows.Remove(change.Written);
                }
                else
                {
                    rows.Put(change.Before);
                }
            }
        }
    }
}
