using Billing.Customers;
using Billing.Invoicing;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

/// <summary>
/// Writes one batch within an open transaction as if nothing stood against it: every table once, by the same number of steps whatever the number of payers, and last of all the invoices
/// that get numbers, so that two batches wait for each other only there. Payers that changed meanwhile are left out; whatever else stands against it is left to
/// <see cref="CarefulBatchWriter"/>, after everything was taken back.
/// </summary>
internal sealed class BatchWriter(DbContext context, BillingDatabase database, BillingBatch batch)
{
    private readonly RowSets _rows = new();
    private readonly List<PayerChanges> _survivors = new(batch.Payers.Count);

    /// <summary>The outcome, or <see langword="null"/> when the batch has to be taken back and written with care.</summary>
    public async Task<CommitResult?> WriteAsync(CancellationToken cancellationToken)
    {
        _rows.Add(batch.Rows, batch.Idempotency);
        var payers = await UpdatePayersAsync(cancellationToken).ConfigureAwait(false);
        foreach (var payer in _survivors)
        {
            _rows.Add(payer);
        }

        try
        {
            if (!await ChangeRowsAsync(cancellationToken).ConfigureAwait(false))
            {
                return null;
            }

            await database.InsertAsync(context, _rows.Inserts(), cancellationToken).ConfigureAwait(false);
            await DueItems.SetAsync(context, database, batch.Tenant, _survivors, cancellationToken).ConfigureAwait(false);
            var numbers = await WriteNumberedAsync(cancellationToken).ConfigureAwait(false);
            return numbers is null ? null : new CommitResult { Batch = new PayerCommit(string.Empty, CommitOutcome.Committed), Payers = payers, Numbers = numbers };
        }
        catch (Exception exception) when (exception is TakenKeyException || database.IsUniqueViolation(exception))
        {
            return null;
        }
    }

    /// <summary>Writes the payers' own rows under their versions, which tells who goes on.</summary>
    private async Task<PayerCommit[]> UpdatePayersAsync(CancellationToken cancellationToken)
    {
        var own = new List<StoredRow>(batch.Payers.Count);
        foreach (var payer in batch.Payers)
        {
            if (OwnUpdate(payer) is { } row)
            {
                own.Add(new StoredRow(row, payer.ExpectedVersion));
            }
        }

        var stale = own.Count == 0 ? [] : await database.UpdateAsync(context, own, each: true, cancellationToken).ConfigureAwait(false);
        var lost = stale.Count == 0 ? null : new HashSet<object>(stale, ReferenceEqualityComparer.Instance);
        var outcomes = new PayerCommit[batch.Payers.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            var payer = batch.Payers[i];
            var isLost = lost is not null && OwnUpdate(payer) is { } row && lost.Contains(row);
            outcomes[i] = new PayerCommit(payer.PayerId, isLost ? CommitOutcome.Conflict : CommitOutcome.Committed);
            if (!isLost)
            {
                _survivors.Add(payer);
            }
        }

        return outcomes;
    }

    private async Task<bool> ChangeRowsAsync(CancellationToken cancellationToken) =>
        (_rows.Deletes.Count == 0 || (await database.DeleteAsync(context, _rows.Deletes, cancellationToken).ConfigureAwait(false)).Count == 0)
        && (_rows.Updates.Count == 0 || (await database.UpdateAsync(context, _rows.Updates, each: false, cancellationToken).ConfigureAwait(false)).Count == 0);

    /// <summary>Gives the numbers and writes the invoices with them; <see langword="null"/> when one of the drafts among them was changed meanwhile.</summary>
    private async Task<IReadOnlyList<AssignedNumber>?> WriteNumberedAsync(CancellationToken cancellationToken)
    {
        if (_rows.Numbered.Count == 0)
        {
            return [];
        }

        var last = await LastNumbersAsync(cancellationToken).ConfigureAwait(false);
        var given = new List<AssignedNumber>(_rows.Numbered.Count);
        var (inserts, drafts, numbers) = (new List<object>(_rows.Numbered.Count), new List<StoredRow>(), new List<object>(_rows.Numbered.Count));
        foreach (var (request, operation, row) in _rows.Numbered)
        {
            var number = ++last[(request.LegalEntity, request.Series)];
            var assigned = new AssignedNumber(request.InvoiceId, number, NumberPattern.Format(request.Pattern, number));
            var invoice = row with { SeriesNumber = number, Number = assigned.Number };
            given.Add(assigned);
            numbers.Add(new InvoiceNumber { Tenant = batch.Tenant, LegalEntity = request.LegalEntity, Series = request.Series, Number = number, InvoiceId = request.InvoiceId });
            if (operation == RowOperation.Insert)
            {
                inserts.Add(invoice);
            }
            else
            {
                drafts.Add(new StoredRow(invoice, invoice.Version - 1));
            }
        }

        if (drafts.Count > 0 && (await database.UpdateAsync(context, drafts, each: false, cancellationToken).ConfigureAwait(false)).Count > 0)
        {
            return null;
        }

        inserts.AddRange(numbers);
        await database.InsertAsync(context, inserts, cancellationToken).ConfigureAwait(false);
        return given;
    }

    /// <summary>The last number of each series; from here on no other batch gives numbers of them where the database can see to that.</summary>
    private async Task<Dictionary<(string Entity, string Series), long>> LastNumbersAsync(CancellationToken cancellationToken)
    {
        var last = new Dictionary<(string Entity, string Series), long>();
        foreach (var (request, _, _) in _rows.Numbered)
        {
            last.TryAdd((request.LegalEntity, request.Series), 0);
        }

        // In one order, so that two batches with several series do not wait for each other.
        foreach (var (entity, series) in last.Keys.OrderBy(k => k.Entity, StringComparer.Ordinal).ThenBy(k => k.Series, StringComparer.Ordinal).ToArray())
        {
            await database.LockNumbersAsync(context, batch.Tenant, entity, series, cancellationToken).ConfigureAwait(false);
            last[(entity, series)] = await BillingDatabase.Of<InvoiceNumber>(context, batch.Tenant)
                .Where(n => n.LegalEntity == entity && n.Series == series)
                .MaxAsync(n => (long?)n.Number, cancellationToken).ConfigureAwait(false) ?? 0;
        }

        return last;
    }

    private static Customer? OwnUpdate(PayerChanges payer)
    {
        if (payer.ExpectedVersion > 0)
        {
            foreach (var change in payer.Rows)
            {
                if (RowSets.IsOwn(change, payer))
                {
                    return (Customer)change.Row;
                }
            }
        }

        return null;
    }

    /// <summary>All rows of a batch, sorted into what happens to them and by type in one pass.</summary>
    private sealed class RowSets
    {
        private readonly Dictionary<Type, List<object>> _inserts = [];
        private Type? _lastType;
        private List<object> _lastSet = [];
        private int _count;

        public List<StoredRow> Deletes { get; } = [];

        public List<StoredRow> Updates { get; } = [];

        public List<(NumberRequest Request, RowOperation Operation, Invoice Row)> Numbered { get; } = [];

        public static bool IsOwn(RowChange change, PayerChanges payer) => change.Row is Customer customer && customer.Id == payer.PayerId;

        public void Add(IReadOnlyList<RowChange> rows, IdempotencyRecord? answer)
        {
            foreach (var change in rows)
            {
                Add(change);
            }

            if (answer is not null)
            {
                Insert(answer);
            }
        }

        public void Add(PayerChanges payer)
        {
            foreach (var change in payer.Rows)
            {
                var isWrittenApart = (payer.ExpectedVersion > 0 && IsOwn(change, payer)) || IsNumbered(change, payer);
                if (!isWrittenApart)
                {
                    Add(change);
                }
            }

            foreach (var request in payer.Numbers)
            {
                AddNumbered(request, payer.Rows);
            }

            if (payer.Idempotency is { } answer)
            {
                Insert(answer);
            }
        }

        /// <summary>Type after type.</summary>
        public IReadOnlyList<object> Inserts()
        {
            var all = new List<object>(_count);
            foreach (var set in _inserts.Values)
            {
                all.AddRange(set);
            }

            return all;
        }

        private void Add(RowChange change)
        {
            switch (change.Operation)
            {
                case RowOperation.Insert:
                    Insert(change.Row);
                    break;
                case RowOperation.Update:
                    Updates.Add(new StoredRow(change.Row, (change.Row as IVersionedRow)?.Version - 1));
                    break;
                default:
                    Deletes.Add(new StoredRow(change.Row, (change.Row as IVersionedRow)?.Version));
                    break;
            }
        }

        private void Insert(object row)
        {
            var type = row.GetType();
            if (type != _lastType)
            {
                if (!_inserts.TryGetValue(type, out var set))
                {
                    _inserts.Add(type, set = []);
                }

                (_lastType, _lastSet) = (type, set);
            }

            _lastSet.Add(row);
            _count++;
        }

        private void AddNumbered(NumberRequest request, IReadOnlyList<RowChange> rows)
        {
            foreach (var (operation, row) in rows)
            {
                if (operation != RowOperation.Delete && row is Invoice invoice && invoice.Id == request.InvoiceId)
                {
                    Numbered.Add((request, operation, invoice));
                    return;
                }
            }
        }

        private static bool IsNumbered(RowChange change, PayerChanges payer)
        {
            if (payer.Numbers.Count > 0 && change.Row is Invoice invoice && change.Operation != RowOperation.Delete)
            {
                foreach (var request in payer.Numbers)
                {
                    if (request.InvoiceId == invoice.Id)
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }
}
