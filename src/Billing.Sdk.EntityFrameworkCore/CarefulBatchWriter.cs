using System.Linq.Expressions;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

/// <summary>
/// Writes one batch within an open transaction, when <see cref="BatchWriter"/> found that something stands against it. Losers are found by halving: whoever cannot be written
/// alone has lost, all others are written.
/// </summary>
internal sealed class CarefulBatchWriter(DbContext context, BillingDatabase database, BillingBatch batch)
{
    private readonly Dictionary<Unit, PayerCommit> _outcomes = [];
    private int _savepoints;

    /// <summary>The outcome, or <see langword="null"/> when another process took an invoice number in between: the transaction then has to be made again.</summary>
    public async Task<CommitResult?> WriteAsync(CancellationToken cancellationToken)
    {
        var shared = new Unit(new PayerChanges { PayerId = string.Empty, ExpectedVersion = 0, Rows = batch.Rows, Idempotency = batch.Idempotency }, isPayer: false);
        await WriteGroupAsync([shared], cancellationToken).ConfigureAwait(false);
        var outcome = _outcomes[shared];
        if (outcome.Outcome != CommitOutcome.Committed)
        {
            return new CommitResult { Batch = outcome, Payers = [.. batch.Payers.Select(p => outcome with { PayerId = p.PayerId })] };
        }

        var units = batch.Payers.Select(p => new Unit(p, isPayer: true)).ToArray();
        await WriteGroupAsync(units, cancellationToken).ConfigureAwait(false);
        var survivors = units.Where(u => _outcomes[u].Outcome == CommitOutcome.Committed);
        var numbers = await GiveNumbersAsync([.. survivors.SelectMany(u => u.Changes.Numbers.Select(n => (u, n)))], cancellationToken).ConfigureAwait(false);
        return numbers is null ? null : new CommitResult { Batch = outcome, Payers = [.. units.Select(u => _outcomes[u])], Numbers = numbers };
    }

    private async Task WriteGroupAsync(IReadOnlyList<Unit> units, CancellationToken cancellationToken)
    {
        if (units.Count == 0)
        {
            return;
        }

        var transaction = context.Database.CurrentTransaction!;
        var savepoint = $"billing_{_savepoints++}";
        await transaction.CreateSavepointAsync(savepoint, cancellationToken).ConfigureAwait(false);
        var current = await UpdatePayersAsync(units, cancellationToken).ConfigureAwait(false);
        var failure = await TryWriteAsync(current, cancellationToken).ConfigureAwait(false);
        if (failure is null)
        {
            await transaction.ReleaseSavepointAsync(savepoint, cancellationToken).ConfigureAwait(false);
            foreach (var unit in current)
            {
                _outcomes[unit] = new PayerCommit(unit.Changes.PayerId, CommitOutcome.Committed);
            }

            return;
        }

        await transaction.RollbackToSavepointAsync(savepoint, cancellationToken).ConfigureAwait(false);
        await transaction.ReleaseSavepointAsync(savepoint, cancellationToken).ConfigureAwait(false);
        await WithoutLosersAsync(current, failure, cancellationToken).ConfigureAwait(false);
    }

    private async Task WithoutLosersAsync(List<Unit> units, Failure failure, CancellationToken cancellationToken)
    {
        if (units.Count == 1)
        {
            var detail = failure.Outcome == CommitOutcome.Duplicate ? failure.Detail ?? await FindTakenAsync(units[0], cancellationToken).ConfigureAwait(false) : null;
            _outcomes[units[0]] = new PayerCommit(units[0].Changes.PayerId, failure.Outcome, detail);
        }
        else if (failure.Losers.Count > 0)
        {
            foreach (var loser in failure.Losers)
            {
                _outcomes[loser] = new PayerCommit(loser.Changes.PayerId, failure.Outcome, failure.Detail);
            }

            await WriteGroupAsync(units.FindAll(u => !failure.Losers.Contains(u)), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await WriteGroupAsync(units.GetRange(0, units.Count / 2), cancellationToken).ConfigureAwait(false);
            await WriteGroupAsync(units.GetRange(units.Count / 2, units.Count - (units.Count / 2)), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the payers' own rows under their versions; gives the units whose payer is as expected.</summary>
    private async Task<List<Unit>> UpdatePayersAsync(IReadOnlyList<Unit> units, CancellationToken cancellationToken)
    {
        var rows = units.Where(u => u.OwnUpdate is not null).ToDictionary<Unit, object>(u => u.OwnUpdate!, ReferenceEqualityComparer.Instance);
        var stored = rows.Values.Select(u => new StoredRow(u.OwnUpdate!, u.Changes.ExpectedVersion)).ToArray();
        foreach (var row in await database.UpdateAsync(context, stored, each: true, cancellationToken).ConfigureAwait(false))
        {
            _outcomes[rows[row]] = new PayerCommit(rows[row].Changes.PayerId, CommitOutcome.Conflict);
        }

        return units.Where(u => !_outcomes.ContainsKey(u)).ToList();
    }

    /// <summary>Writes deletes, updates and inserts, in this order. A failure leaves the clean-up to the caller's savepoint.</summary>
    private async Task<Failure?> TryWriteAsync(List<Unit> units, CancellationToken cancellationToken)
    {
        if (units.Count == 0)
        {
            return null;
        }

        try
        {
            var deletes = units.SelectMany(u => u.Rows(RowOperation.Delete), (u, row) => (u, new StoredRow(row, (row as IVersionedRow)?.Version))).ToArray();
            var gone = await database.DeleteAsync(context, [.. deletes.Select(d => d.Item2)], cancellationToken).ConfigureAwait(false);
            if (gone.Count > 0)
            {
                return Conflicts(deletes, gone);
            }

            var updates = units.SelectMany(u => u.Rows(RowOperation.Update), (u, row) => (u, new StoredRow(row, (row as IVersionedRow)?.Version - 1))).ToArray();
            var stale = await database.UpdateAsync(context, [.. updates.Select(d => d.Item2)], each: false, cancellationToken).ConfigureAwait(false);
            if (stale.Count > 0)
            {
                return Conflicts(updates, stale);
            }

            var taken = TakenWithin(units) ?? await NumberedAsync(units, cancellationToken).ConfigureAwait(false);
            if (taken is not null)
            {
                return taken;
            }

            await DueItems.SetAsync(context, database, batch.Tenant, [.. units.Select(u => u.Changes)], cancellationToken).ConfigureAwait(false);
            await database.InsertAsync(context, [.. units.SelectMany(u => u.Inserts())], cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception) when (database.IsUniqueViolation(exception))
        {
            return new Failure(CommitOutcome.Duplicate, [], null);
        }
    }

    private static Failure Conflicts((Unit Unit, StoredRow Row)[] changes, IReadOnlyList<object> lost) => new(
        CommitOutcome.Conflict, [.. changes.Where(c => lost.Contains(c.Row.Row, ReferenceEqualityComparer.Instance)).Select(c => c.Unit).Distinct()], null);

    /// <summary>Two inserts of these units with one key.</summary>
    private static Failure? TakenWithin(List<Unit> units)
    {
        var keys = new HashSet<(Type, int, RowKey)>();
        foreach (var unit in units)
        {
            var inserts = unit.Rows(RowOperation.Insert);
            foreach (var row in unit.Changes.Idempotency is { } record ? inserts.Append(record) : inserts)
            {
                var free = keys.Add((row.GetType(), -1, StorageRules.PrimaryKey(row)));
                var others = StorageRules.UniqueKeys(row);
                for (var i = 0; i < others.Length; i++)
                {
                    free &= keys.Add((row.GetType(), i, others[i]));
                }

                if (!free)
                {
                    return new Failure(CommitOutcome.Duplicate, [], units.Count == 1 ? Detail(row) : null);
                }
            }
        }

        return null;
    }

    /// <summary>Units that ask for a number for an invoice that has one.</summary>
    private async Task<Failure?> NumberedAsync(List<Unit> units, CancellationToken cancellationToken)
    {
        var invoices = units.SelectMany(u => u.Changes.Numbers).Select(n => n.InvoiceId).ToArray();
        foreach (var part in invoices.Chunk(500))
        {
            var taken = await context.Set<InvoiceNumber>().AsNoTracking()
                .Where(n => n.Tenant == batch.Tenant && part.Contains(n.InvoiceId)).Select(n => n.InvoiceId)
                .ToListAsync(cancellationToken).ConfigureAwait(false);
            if (taken.Count > 0)
            {
                return new Failure(
                    CommitOutcome.Duplicate,
                    [.. units.Where(u => u.Changes.Numbers.Any(n => n.InvoiceId == taken[0]))],
                    $"{nameof(InvoiceNumber)} of invoice {taken[0]}");
            }
        }

        return null;
    }

    private async Task<IReadOnlyList<AssignedNumber>?> GiveNumbersAsync((Unit Unit, NumberRequest Request)[] requests, CancellationToken cancellationToken)
    {
        var last = new Dictionary<(string, string), long>();
        var given = new List<AssignedNumber>();
        var (numbers, invoices) = (new List<InvoiceNumber>(), new List<StoredRow>());

        // In one order, so that two pages with several series do not wait for each other.
        foreach (var (entity, name) in requests.Select(r => (r.Request.LegalEntity, r.Request.Series)).Distinct().Order())
        {
            await database.LockNumbersAsync(context, batch.Tenant, entity, name, cancellationToken).ConfigureAwait(false);
        }

        foreach (var (unit, request) in requests)
        {
            var series = (request.LegalEntity, request.Series);
            if (!last.TryGetValue(series, out var number))
            {
                number = await context.Set<InvoiceNumber>()
                    .Where(n => n.Tenant == batch.Tenant && n.LegalEntity == request.LegalEntity && n.Series == request.Series)
                    .MaxAsync(n => (long?)n.Number, cancellationToken).ConfigureAwait(false) ?? 0;
            }

            last[series] = ++number;
            var assigned = new AssignedNumber(request.InvoiceId, number, NumberPattern.Format(request.Pattern, number));
            var invoice = unit.Invoice(request.InvoiceId);
            given.Add(assigned);
            numbers.Add(new InvoiceNumber { Tenant = batch.Tenant, LegalEntity = request.LegalEntity, Series = request.Series, Number = number, InvoiceId = request.InvoiceId });
            invoices.Add(new StoredRow(invoice with { SeriesNumber = number, Number = assigned.Number }, invoice.Version));
        }

        try
        {
            await database.UpdateAsync(context, invoices, each: false, cancellationToken).ConfigureAwait(false);
            await database.InsertAsync(context, numbers, cancellationToken).ConfigureAwait(false);
            return given;
        }
        catch (Exception exception) when (database.IsUniqueViolation(exception))
        {
            return null;
        }
    }

    /// <summary>The first row of a losing unit whose key is taken, for the message.</summary>
    private async Task<string?> FindTakenAsync(Unit unit, CancellationToken cancellationToken)
    {
        foreach (var row in unit.Rows(RowOperation.Insert).Concat(unit.Rows(RowOperation.Update)))
        {
            if (await IsTakenAsync(row, cancellationToken).ConfigureAwait(false))
            {
                return Detail(row);
            }
        }

        return unit.Changes.Idempotency is not null ? nameof(IdempotencyRecord) : null;
    }

    private async Task<bool> IsTakenAsync(IBillingRow row, CancellationToken cancellationToken)
    {
        var type = row.GetType();
        var method = typeof(CarefulBatchWriter).GetMethod(nameof(AnyAsync), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance)!.MakeGenericMethod(type);
        foreach (var names in StorageKeys.Unique.GetValueOrDefault(type, []).Prepend(StorageKeys.Primary[type]))
        {
            if (await ((Task<bool>)method.Invoke(this, [row, names, cancellationToken])!).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }

    private Task<bool> AnyAsync<T>(T row, string[] names, CancellationToken cancellationToken)
        where T : class, IBillingRow
    {
        var parameter = Expression.Parameter(typeof(T), "row");
        var given = Expression.Constant(row);
        var same = names.Prepend(BillingModel.TenantProperty(typeof(T)))
            .Select(name => (Expression)Expression.Equal(Expression.Property(parameter, name), Expression.Property(given, name)))
            .Aggregate(Expression.AndAlso);
        return context.Set<T>().AsNoTracking().AnyAsync(Expression.Lambda<Func<T, bool>>(same, parameter), cancellationToken);
    }

    private static string Detail(IBillingRow row) => row is IdempotencyRecord ? nameof(IdempotencyRecord) : StorageRules.Describe(row);

    private sealed record Failure(CommitOutcome Outcome, IReadOnlyList<Unit> Losers, string? Detail);

    /// <summary>What is written together or not at all: the changes of a payer, or the rows without one.</summary>
    private sealed class Unit
    {
        public Unit(PayerChanges changes, bool isPayer)
        {
            Changes = changes;
            if (isPayer && changes.ExpectedVersion > 0)
            {
                OwnUpdate = (Customer)changes.Rows.First(c => c.Row is Customer customer && customer.Id == changes.PayerId).Row;
            }
        }

        public PayerChanges Changes { get; }

        /// <summary>The payer's own row, when it is there already.</summary>
        public Customer? OwnUpdate { get; }

        public IEnumerable<IBillingRow> Rows(RowOperation operation) =>
            Changes.Rows.Where(c => c.Operation == operation && !ReferenceEquals(c.Row, OwnUpdate)).Select(c => c.Row);

        public IEnumerable<object> Inserts()
        {
            var rows = Rows(RowOperation.Insert);
            return Changes.Idempotency is { } record ? rows.Append(record) : rows;
        }

        public Invoice Invoice(Guid id) => Changes.Rows.Where(c => c.Operation != RowOperation.Delete).Select(c => c.Row).OfType<Invoice>().First(i => i.Id == id);
    }
}
