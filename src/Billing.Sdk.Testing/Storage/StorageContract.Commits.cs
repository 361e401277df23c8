using Billing.Customers;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Usage;

namespace Billing.Testing.Storage;

public abstract partial class StorageContract
{
    /// <summary>Row types that the store writes by itself (numbers, due items, answers) or through the calls for usage.</summary>
    private static readonly Type[] NotCommitted = [typeof(InvoiceNumber), typeof(DueItem), typeof(IdempotencyRecord), typeof(UsageRecord), typeof(UsageRollup)];

    private static IEnumerable<Type> CommittedTypes => StorageKeys.Primary.Keys.Except(NotCommitted);

    /// <summary>Every property of every row type comes back as it was written, by insert and by update.</summary>
    public async Task EveryPropertyIsKeptAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var type in CommittedTypes)
        {
            var payer = "payer of " + type.Name;
            await CommitAsync(storage, Batch(TenantA, Changes(TenantA, payer, 0))).ConfigureAwait(false);
            var row = _samples.Row(type, TenantA, payer);
            await CommitAsync(storage, BatchOf(row, payer, 1, RowChange.Insert(row))).ConfigureAwait(false);
            Equal(row, await FindRowAsync(storage, row, payer).ConfigureAwait(false), $"a {type.Name} that was inserted");

            var changed = Rekeyed(_samples.Row(type, TenantA, payer), row, version: 2);
            await CommitAsync(storage, BatchOf(changed, payer, 2, RowChange.Update(changed))).ConfigureAwait(false);
            Equal(changed, await FindRowAsync(storage, row, payer).ConfigureAwait(false), $"a {type.Name} that was updated");

            await CommitAsync(storage, BatchOf(changed, payer, 3, RowChange.Delete(changed))).ConfigureAwait(false);
            Equal(null, await FindRowAsync(storage, row, payer).ConfigureAwait(false), $"a {type.Name} that was deleted");
        }
    }

    /// <summary>A second row with the primary key of a first one loses, and the first one stays.</summary>
    public async Task EveryPrimaryKeyIsUniqueAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var type in CommittedTypes)
        {
            var payer = "payer of " + type.Name;
            var row = _samples.Row(type, TenantA, payer);
            await CommitAsync(storage, Batch(TenantA, Changes(TenantA, payer, 0))).ConfigureAwait(false);
            await CommitAsync(storage, BatchOf(row, payer, 1, RowChange.Insert(row))).ConfigureAwait(false);
            var second = Rekeyed(_samples.Row(type, TenantA, payer), row, version: 1);
            await DuplicateAsync(storage, second, payer, 2, $"a second {type.Name} with the key of a first one").ConfigureAwait(false);
            Equal(row, await FindRowAsync(storage, row, payer).ConfigureAwait(false), $"a {type.Name} after another with its key lost");
            await OtherKeysAreFreeAsync(storage, type, row, payer).ConfigureAwait(false);
        }
    }

    /// <summary>A second row with a further unique key of a first one loses, whether payer or primary key differ.</summary>
    public async Task EveryFurtherKeyIsUniqueAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var (type, keys) in StorageKeys.Unique.Where(k => !NotCommitted.Contains(k.Key)))
        {
            var payer = "payer of " + type.Name;
            var row = _samples.Row(type, TenantA, payer);
            await CommitAsync(storage, Batch(TenantA, Changes(TenantA, payer, 0))).ConfigureAwait(false);
            await CommitAsync(storage, BatchOf(row, payer, 1, RowChange.Insert(row))).ConfigureAwait(false);
            foreach (var key in keys)
            {
                var second = key.Aggregate(_samples.Row(type, TenantA, payer), (copy, name) => RowSamples.With(copy, name, Get(row, name)));
                await DuplicateAsync(storage, second, payer, 2, $"a second {type.Name} with the same {string.Join(" and ", key)}").ConfigureAwait(false);
            }
        }
    }

    /// <summary>Keys of one tenant are free for another.</summary>
    public async Task KeysOfTenantsAreApartAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var type in CommittedTypes)
        {
            var payer = "payer of " + type.Name;
            var row = _samples.Row(type, TenantA, payer);
            var twin = RowSamples.With(row, type == typeof(Tenant) ? nameof(Tenant.Id) : nameof(IBillingRow.Tenant), TenantB);
            foreach (var one in new[] { row, twin })
            {
                await CommitAsync(storage, Batch(one.Tenant, Changes(one.Tenant, payer, 0))).ConfigureAwait(false);
                await CommitAsync(storage, BatchOf(one, payer, 1, RowChange.Insert(one))).ConfigureAwait(false);
            }

            Equal(row, await FindRowAsync(storage, row, payer).ConfigureAwait(false), $"a {type.Name} of the first tenant");
            Equal(twin, await FindRowAsync(storage, twin, payer).ConfigureAwait(false), $"a {type.Name} of the second tenant");
        }
    }

    /// <summary>An update or delete of a row that is not there, or has another version, conflicts.</summary>
    public async Task AStaleRowConflictsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var type in CommittedTypes)
        {
            var payer = "payer of " + type.Name;
            await CommitAsync(storage, Batch(TenantA, Changes(TenantA, payer, 0))).ConfigureAwait(false);
            var row = _samples.Row(type, TenantA, payer);
            await ConflictAsync(storage, row, payer, 1, RowChange.Update(Versioned(row, 2)), "an update of a row that is not there").ConfigureAwait(false);
            await ConflictAsync(storage, row, payer, 1, RowChange.Delete(row), "a delete of a row that is not there").ConfigureAwait(false);
            if (row is IVersionedRow)
            {
                await CommitAsync(storage, BatchOf(row, payer, 1, RowChange.Insert(row))).ConfigureAwait(false);
                await ConflictAsync(storage, row, payer, 2, RowChange.Update(row), "an update to the version that is there").ConfigureAwait(false);
                await ConflictAsync(storage, row, payer, 2, RowChange.Update(Versioned(row, 3)), "an update that skips a version").ConfigureAwait(false);
                await ConflictAsync(storage, row, payer, 2, RowChange.Delete(Versioned(row, 2)), "a delete of another version").ConfigureAwait(false);
                Equal(row, await FindRowAsync(storage, row, payer).ConfigureAwait(false), $"a {type.Name} after stale changes");
            }
        }
    }

    /// <summary>Changes computed from an old state of the payer conflict and write nothing.</summary>
    public async Task AStalePayerConflictsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0))).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 1))).ConfigureAwait(false);
        var line = _samples.Row<InvoiceLine>(TenantA, "p1");
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 1, RowChange.Insert(line))), CommitOutcome.Conflict).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 7, RowChange.Insert(line))), CommitOutcome.Conflict).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "nobody", 1)), CommitOutcome.Conflict).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0)), CommitOutcome.Duplicate).ConfigureAwait(false);
        var snapshot = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
        Equal(2, snapshot.Payer.BillingVersion, "the payer's billing version after stale changes");
        Equal(0, snapshot.Lines.Count, "the number of lines after stale changes");
    }

    /// <summary>When the last row is a duplicate, nothing of the payer is there: no row, due item, answer or number.</summary>
    public async Task ADuplicateInTheLastRowLeavesNothingAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var line = _samples.Row<InvoiceLine>(TenantA, "p1");
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(line)))).ConfigureAwait(false);
        await LosesCompletelyAsync(storage, RowChange.Insert(_samples.Row<InvoiceLine>(TenantA, "p1") with { Key = line.Key, Revision = line.Revision }), CommitOutcome.Duplicate)
            .ConfigureAwait(false);
    }

    /// <summary>When the last row conflicts, nothing of the payer is there.</summary>
    public async Task AConflictInTheLastRowLeavesNothingAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0))).ConfigureAwait(false);
        await LosesCompletelyAsync(storage, RowChange.Update(_samples.Row<Subscription>(TenantA, "p1") with { Version = 2 }), CommitOutcome.Conflict).ConfigureAwait(false);
    }

    /// <summary>Payers of a batch that lose do no harm to the others.</summary>
    public async Task LosersDoNoHarmAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var taken = _samples.Row<Subscription>(TenantA, "old");
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "old", 0, RowChange.Insert(taken)), Changes(TenantA, "stale", 0))).ConfigureAwait(false);
        var good = Enumerable.Range(1, 5).Select(i => (Id: $"good {i}", Line: _samples.Row<InvoiceLine>(TenantA, $"good {i}"))).ToArray();
        var result = await CommitAsync(
            storage,
            Batch(
                TenantA,
                Changes(TenantA, good[0].Id, 0, RowChange.Insert(good[0].Line)),
                Changes(TenantA, "bad 1", 0, RowChange.Insert(taken with { PayerId = "bad 1" })),
                Changes(TenantA, good[1].Id, 0, RowChange.Insert(good[1].Line)),
                Changes(TenantA, "stale", 5, RowChange.Insert(_samples.Row<InvoiceLine>(TenantA, "stale"))),
                Changes(TenantA, good[2].Id, 0, RowChange.Insert(good[2].Line)),
                Changes(TenantA, "bad 2", 0, RowChange.Update(_samples.Row<Invoice>(TenantA, "bad 2") with { Version = 2 })),
                Changes(TenantA, good[3].Id, 0, RowChange.Insert(good[3].Line)),
                Changes(TenantA, good[4].Id, 0, RowChange.Insert(good[4].Line))),
            CommitOutcome.Committed,
            CommitOutcome.Duplicate,
            CommitOutcome.Committed,
            CommitOutcome.Conflict,
            CommitOutcome.Committed,
            CommitOutcome.Conflict,
            CommitOutcome.Committed,
            CommitOutcome.Committed).ConfigureAwait(false);
        Equal($"Subscription {taken.Id}", result.Payers[1].Detail, "the detail of a duplicate");
        foreach (var (id, line) in good)
        {
            SameRows([line], (await SnapshotAsync(storage, TenantA, id).ConfigureAwait(false)).Lines, $"lines of '{id}'");
        }

        Equal(0, (await storage.ReadPayersAsync(TenantA, ["bad 1", "bad 2"], SnapshotParts.All, None).ConfigureAwait(false)).Count, "the number of losers that are there");
        Equal(0, (await SnapshotAsync(storage, TenantA, "stale").ConfigureAwait(false)).Lines.Count, "the number of lines of a stale payer");
    }

    /// <summary>Two payers of one batch that insert the same key: one is written, the other loses.</summary>
    public async Task OneOfTwoPayersGetsAKeyAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var subscription = _samples.Row<Subscription>(TenantA, "p1");
        var batch = Batch(
            TenantA,
            Changes(TenantA, "p1", 0, RowChange.Insert(subscription)),
            Changes(TenantA, "p2", 0, RowChange.Insert(subscription with { PayerId = "p2" })),
            Changes(TenantA, "p3", 0));
        await CommitAsync(storage, batch, CommitOutcome.Committed, CommitOutcome.Duplicate, CommitOutcome.Committed).ConfigureAwait(false);
        Equal("p1", await storage.FindPayerAsync(TenantA, StoredObject.Subscription, subscription.Id, None).ConfigureAwait(false), "the payer of the subscription");
    }

    /// <summary>When a row without a payer loses, nothing of the batch is written.</summary>
    public async Task LosingSharedRowsStopTheBatchAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var run = _samples.Row<RunRecord>(TenantA, "");
        var rejected = _samples.Row<RejectedRecord>(TenantA, "");
        await CommitAsync(storage, Shared(TenantA, RowChange.Insert(run))).ConfigureAwait(false);
        var lost = new[] { (RowChange.Insert(run), CommitOutcome.Duplicate), (RowChange.Update(run with { Version = 9 }), CommitOutcome.Conflict) };
        foreach (var (change, outcome) in lost)
        {
            var batch = Batch(TenantA, Changes(TenantA, "p1", 0)) with { Rows = [RowChange.Insert(rejected), change] };
            var result = await storage.CommitAsync(batch, None).ConfigureAwait(false);
            Equal(outcome, result.Batch.Outcome, "the outcome of rows without a payer");
            Equal(outcome, result.Payers.Single().Outcome, "the outcome of a payer whose batch was stopped");
        }

        Equal(0, (await storage.ReadPayersAsync(TenantA, ["p1"], SnapshotParts.All, None).ConfigureAwait(false)).Count, "the number of payers of a stopped batch");
        Equal(0, (await storage.ListRejectedAsync(TenantA, null, 10, None).ConfigureAwait(false)).Count, "the number of rows of a stopped batch");
    }

    /// <summary>Rows of another tenant or payer, a missing own row and changes of the store's own rows are errors of the caller.</summary>
    public async Task BatchesThatCannotBeAreRefusedAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var own = Changes(TenantA, "p1", 0);
        BillingBatch[] wrong =
        [
            Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(_samples.Row<InvoiceLine>(TenantB, "p1")))),
            Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(_samples.Row<InvoiceLine>(TenantA, "p2")))),
            Batch(TenantA, own with { Rows = [] }),
            Batch(TenantA, own with { ExpectedVersion = 4 }),
            Batch(TenantA, own, own),
            Batch(TenantA, own with { Idempotency = _samples.Row<IdempotencyRecord>(TenantB, "") }),
            Batch(TenantA, own with { Numbers = [new NumberRequest(_samples.Id(), "e", "s", "{n}")] }),
            Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(_samples.Row<DueItem>(TenantA, "p1")))),
            Shared(TenantA, RowChange.Insert(_samples.Row<InvoiceLine>(TenantA, "p1"))),
            Shared(TenantB, RowChange.Insert(_samples.Row<RunRecord>(TenantA, ""))),
        ];
        for (var i = 0; i < wrong.Length; i++)
        {
            var refused = false;
            try
            {
                await storage.CommitAsync(wrong[i], None).ConfigureAwait(false);
            }
            catch (ArgumentException)
            {
                refused = true;
            }

            Require(refused, $"A batch that cannot be (number {i}) was not refused with an ArgumentException.");
        }

        Equal(0, (await storage.ListPayersAsync(TenantA, null, 10, None).ConfigureAwait(false)).Count, "the number of payers of refused batches");
    }

    /// <summary>Deletes come before inserts: a rebuilt draft may give its line keys to new lines.</summary>
    public async Task DeletesComeBeforeInsertsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var old = _samples.Row<InvoiceLine>(TenantA, "p1");
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(old)))).ConfigureAwait(false);
        var anew = _samples.Row<InvoiceLine>(TenantA, "p1") with { Key = old.Key, Revision = old.Revision };
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 1, RowChange.Insert(anew), RowChange.Delete(old)))).ConfigureAwait(false);
        SameRows([anew], (await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false)).Lines, "lines of a rebuilt draft");
    }

    /// <summary>The answer of a command is kept once per command and key, with or without a payer.</summary>
    public async Task AnswersAreKeptOnceAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var record = _samples.Row<IdempotencyRecord>(TenantA, "");
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0) with { Idempotency = record })).ConfigureAwait(false);
        Equal(record, await storage.FindIdempotencyAsync(TenantA, record.Command, record.Key, None).ConfigureAwait(false), "a stored answer");
        Equal(null, await storage.FindIdempotencyAsync(TenantA, record.Command, "other", None).ConfigureAwait(false), "the answer of another key");
        Equal(null, await storage.FindIdempotencyAsync(TenantA, "other", record.Key, None).ConfigureAwait(false), "the answer of another command");

        var again = Batch(TenantA, Changes(TenantA, "p1", 1) with { Idempotency = record with { Answer = "other" } });
        var result = await CommitAsync(storage, again, CommitOutcome.Duplicate).ConfigureAwait(false);
        Equal(nameof(IdempotencyRecord), result.Payers[0].Detail, "the detail of a repeated command");
        var shared = await storage.CommitAsync(new BillingBatch { Tenant = TenantA, Idempotency = record, Payers = [Changes(TenantA, "p2", 0)] }, None).ConfigureAwait(false);
        Equal(CommitOutcome.Duplicate, shared.Batch.Outcome, "the outcome of a repeated command without a payer");
        Equal(nameof(IdempotencyRecord), shared.Batch.Detail, "the detail of a repeated command without a payer");
        Equal(record, await storage.FindIdempotencyAsync(TenantA, record.Command, record.Key, None).ConfigureAwait(false), "a stored answer after repeats");
        Equal("p1", string.Join(' ', await storage.ListPayersAsync(TenantA, null, 10, None).ConfigureAwait(false)), "the payers after repeats");
    }

    /// <summary>Numbers are given in order, per legal entity and series, to winners only, and stand on the invoice.</summary>
    public async Task NumbersAreGivenInOrderAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var (first, second, loser, third) = (Numbered("p1", 0, "INV-{n:4}"), Numbered("p2", 0, "INV-{n:4}"), Numbered("p2", 0, "x{n}"), Numbered("p3", 0, "{n}/31"));
        var result = await CommitAsync(storage, Batch(TenantA, first, second)).ConfigureAwait(false);
        Equal("1 INV-0001 2 INV-0002", string.Join(' ', result.Numbers.Select(n => $"{n.SeriesNumber} {n.Number}")), "the numbers given");
        await CommitAsync(storage, Batch(TenantA, loser), CommitOutcome.Duplicate).ConfigureAwait(false);
        result = await CommitAsync(storage, Batch(TenantA, third)).ConfigureAwait(false);
        Equal("3 3/31", string.Join(' ', result.Numbers.Select(n => $"{n.SeriesNumber} {n.Number}")), "the number after a loser");
        var invoice = (await SnapshotAsync(storage, TenantA, "p2").ConfigureAwait(false)).Invoices.Single();
        Equal((2L, "INV-0002", 1L), (invoice.SeriesNumber ?? 0, invoice.Number ?? "", invoice.Version), "number and version on an invoice");

        var other = Numbered("p4", 0, "{n}") with { };
        other = other with { Numbers = [other.Numbers[0] with { Series = "other" }] };
        result = await CommitAsync(storage, Batch(TenantA, other)).ConfigureAwait(false);
        Equal(1, result.Numbers.Single().SeriesNumber, "the first number of another series");
        var twice = Changes(TenantA, "p2", 1, RowChange.Update(invoice with { Version = 2 })) with { Numbers = second.Numbers };
        await CommitAsync(storage, Batch(TenantA, twice), CommitOutcome.Duplicate).ConfigureAwait(false);
    }

    /// <summary>Commits side by side give numbers without gaps and twins.</summary>
    public async Task NumbersHaveNoGapsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        const int writers = 4, each = 15;
        var batches = Enumerable.Range(0, writers).Select(w => Enumerable.Range(0, each).Select(i =>
            Batch(TenantA, Numbered($"p{w}-{i}", 0, "{n}"), i % 3 == 0 ? Changes(TenantA, $"stale {w} {i}", 5) : Numbered($"q{w}-{i}", 0, "{n}"))).ToArray()).ToArray();
        var results = await Task.WhenAll(batches.Select(own => Task.Run(async () =>
        {
            var given = new List<AssignedNumber>();
            foreach (var batch in own)
            {
                given.AddRange((await storage.CommitAsync(batch, None).ConfigureAwait(false)).Numbers);
            }

            return given;
        }))).ConfigureAwait(false);
        var numbers = results.SelectMany(n => n).Select(n => n.SeriesNumber).Order().ToArray();
        SameRows(Enumerable.Range(1, writers * (each + (each * 2 / 3))).Select(n => (long)n), numbers, "numbers given side by side");
    }

    /// <summary>Of many commits on one payer side by side, exactly those that answer Committed are there.</summary>
    public async Task OnePayerTakesOneCommitAtATimeAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0))).ConfigureAwait(false);
        var batches = Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, 15).Select(_ => _samples.Row<PendingItem>(TenantA, "p1")).ToArray()).ToArray();
        var written = await Task.WhenAll(batches.Select(items => Task.Run(async () =>
        {
            var won = 0;
            foreach (var item in items)
            {
                var version = (await SnapshotAsync(storage, TenantA, "p1", SnapshotParts.Customers).ConfigureAwait(false)).Payer.BillingVersion;
                var result = await storage.CommitAsync(Batch(TenantA, Changes(TenantA, "p1", version, RowChange.Insert(item))), None).ConfigureAwait(false);
                won += result.Payers[0].Outcome == CommitOutcome.Committed ? 1 : 0;
            }

            return won;
        }))).ConfigureAwait(false);
        var snapshot = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
        Equal(1 + written.Sum(), snapshot.Payer.BillingVersion, "the payer's version after commits side by side");
        Equal(written.Sum(), snapshot.PendingItems.Count, "the number of rows after commits side by side");
    }

    private async Task LosesCompletelyAsync(IBillingStorage storage, RowChange last, CommitOutcome outcome)
    {
        var before = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
        var answer = _samples.Row<IdempotencyRecord>(TenantA, "");
        var (transaction, entry, message) = (_samples.Row<LedgerTransaction>(TenantA, "p1"), _samples.Row<LedgerEntry>(TenantA, "p1"), _samples.Row<OutboxMessage>(TenantA, "p1"));
        var changes = Numbered("p1", 1, "{n}");
        changes = changes with
        {
            Rows = [.. changes.Rows, RowChange.Insert(transaction), RowChange.Insert(entry), RowChange.Insert(message), last],
            Due = new Dictionary<DueKind, NodaTime.Instant?> { [DueKind.Billing] = Noon },
            Idempotency = answer,
        };
        var result = await CommitAsync(storage, Batch(TenantA, changes), outcome).ConfigureAwait(false);
        Equal(0, result.Numbers.Count, "the count of numbers given to a loser");
        var after = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
        Equal(before.Payer, after.Payer, "the payer after a lost commit");
        SameRows(before.Lines, after.Lines, "lines after a lost commit");
        Equal(0, after.Invoices.Count, "the number of invoices after a lost commit");
        foreach (var type in new[] { typeof(LedgerTransaction), typeof(LedgerEntry), typeof(OutboxMessage) })
        {
            Equal(0, (await RowsAsync(storage, TenantA, "p1", type).ConfigureAwait(false)).Count, $"the number of {type.Name} after a lost commit");
        }

        Equal(null, await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false), "the due item after a lost commit");
        Equal(null, await storage.FindIdempotencyAsync(TenantA, answer.Command, answer.Key, None).ConfigureAwait(false), "the answer after a lost commit");
        result = await CommitAsync(storage, Batch(TenantA, Numbered("p9", 0, "{n}"))).ConfigureAwait(false);
        Equal(1, result.Numbers[0].SeriesNumber, "the first number after a lost commit");
    }

    private PayerChanges Numbered(string payerId, long expected, string pattern)
    {
        var invoice = _samples.Row<Invoice>(TenantA, payerId) with { SeriesNumber = null, Number = null, LegalEntity = "entity", Series = "series" };
        return Changes(TenantA, payerId, expected, RowChange.Insert(invoice)) with { Numbers = [new NumberRequest(invoice.Id, "entity", "series", pattern)] };
    }

    /// <summary>A row that differs from another in one part of its key is accepted.</summary>
    private async Task OtherKeysAreFreeAsync(IBillingStorage storage, Type type, IBillingRow row, string payer)
    {
        var version = 2L;
        foreach (var part in StorageKeys.Primary[type].Where(p => p != nameof(IPayerRow.PayerId)))
        {
            var other = _samples.Row(type, TenantA, payer);
            if (other is RunShard shard)
            {
                // Sample shards are all of one run.
                other = shard with { RunId = _samples.Id() };
            }

            other = StorageKeys.Primary[type].Where(p => p != part).Aggregate(other, (copy, name) => RowSamples.With(copy, name, Get(row, name)));
            await CommitAsync(storage, BatchOf(other, payer, version, RowChange.Insert(other))).ConfigureAwait(false);
            version++;
        }
    }

    private static async Task DuplicateAsync(IBillingStorage storage, IBillingRow row, string payer, long version, string what)
    {
        var batch = BatchOf(row, payer, version, RowChange.Insert(row));
        var result = await storage.CommitAsync(batch, None).ConfigureAwait(false);
        var outcome = batch.Payers.Count > 0 ? result.Payers[0] : result.Batch;
        Equal(CommitOutcome.Duplicate, outcome.Outcome, $"the outcome of {what}");
        Equal(StorageRules.Describe(row), outcome.Detail, $"the detail of {what}");
    }

    private static async Task ConflictAsync(IBillingStorage storage, IBillingRow row, string payer, long version, RowChange change, string what)
    {
        var batch = BatchOf(row, payer, version, change);
        var result = await storage.CommitAsync(batch, None).ConfigureAwait(false);
        Equal(CommitOutcome.Conflict, batch.Payers.Count > 0 ? result.Payers[0].Outcome : result.Batch.Outcome, $"the outcome of {what} ({row.GetType().Name})");
    }

    /// <summary>The change under its payer, or without one for rows that have none.</summary>
    private static BillingBatch BatchOf(IBillingRow row, string payer, long version, RowChange change) =>
        row is IPayerRow ? Batch(row.Tenant, Changes(row.Tenant, payer, version, change)) : Shared(row.Tenant, change);

    private static async Task<IBillingRow?> FindRowAsync(IBillingStorage storage, IBillingRow like, string payer)
    {
        var key = StorageRules.PrimaryKey(like);
        return (await RowsAsync(storage, like.Tenant, payer, like.GetType()).ConfigureAwait(false)).SingleOrDefault(r => StorageRules.PrimaryKey(r) == key);
    }

    /// <summary>A row with the primary key of another.</summary>
    private static IBillingRow Rekeyed(IBillingRow row, IBillingRow like, long version)
    {
        var copy = StorageKeys.Primary[row.GetType()].Aggregate(row, (r, name) => RowSamples.With(r, name, Get(like, name)));
        return Versioned(copy, version);
    }

    private static IBillingRow Versioned(IBillingRow row, long version) => row switch
    {
        Customer => RowSamples.With(row, nameof(Customer.BillingVersion), version),
        IVersionedRow => RowSamples.With(row, nameof(IVersionedRow.Version), version),
        _ => row,
    };

    private static object? Get(IBillingRow row, string property) => row.GetType().GetProperty(property)!.GetValue(row);
}
