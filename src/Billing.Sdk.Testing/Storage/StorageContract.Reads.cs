using System.Globalization;
using Billing.Catalog;
using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Storage;

public abstract partial class StorageContract
{
    private static readonly (SnapshotParts Part, Type[] Types)[] Parts =
    [
        (SnapshotParts.Customers, [typeof(Customer), typeof(CustomerContact)]),
        (SnapshotParts.Subscriptions, [typeof(Subscription), typeof(SubscriptionTerm)]),
        (SnapshotParts.Lines, [typeof(InvoiceLine)]),
        (SnapshotParts.PendingItems, [typeof(PendingItem)]),
        (SnapshotParts.Redemptions, [typeof(CouponRedemption)]),
        (SnapshotParts.Credits, [typeof(CreditGrant), typeof(CreditNote), typeof(CreditUse)]),
        (SnapshotParts.Invoices, [typeof(Invoice)]),
        (SnapshotParts.Payments, [typeof(Payment), typeof(PaymentAttempt), typeof(Refund)]),
        (SnapshotParts.PaymentMethods, [typeof(PaymentMethod)]),
        (SnapshotParts.Quarantine, [typeof(QuarantineItem)]),
    ];

    /// <summary>A page gives the payers that exist in the order asked for; children and strangers are no payers.</summary>
    public async Task PagesKeepTheirOrderAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var child = Payer(TenantA, "child", 1) with { PayerId = "p1", ParentId = "p1" };
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(child)), Changes(TenantA, "p2", 0), Changes(TenantA, "p3", 0))).ConfigureAwait(false);
        var page = await storage.ReadPayersAsync(TenantA, ["p3", "nobody", "child", "p1", "p2"], SnapshotParts.All, None).ConfigureAwait(false);
        Equal("p3 p1 p2", string.Join(' ', page.Select(p => p.Payer.Id)), "the payers of a page");
        Equal("child p1", string.Join(' ', page[1].Customers.Select(c => c.Id)), "the customers of a payer");
        Equal(0, (await storage.ReadPayersAsync(TenantA, [], SnapshotParts.All, None).ConfigureAwait(false)).Count, "the size of an empty page");
        var many = Enumerable.Range(0, 1200).Select(i => "x" + i).Append("p2").ToArray();
        Equal("p2", string.Join(' ', (await storage.ReadPayersAsync(TenantA, many, SnapshotParts.All, None).ConfigureAwait(false)).Select(p => p.Payer.Id)), "the payers of a large page");
    }

    /// <summary>A snapshot has the parts asked for and no others.</summary>
    public async Task SnapshotsHaveThePartsAskedForAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var rows = Parts.SelectMany(p => p.Types).Select(t => RowChange.Insert(_samples.Row(t, TenantA, "p1"))).ToArray();
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, rows), Changes(TenantA, "p2", 0))).ConfigureAwait(false);
        foreach (var (part, _) in Parts)
        {
            var snapshot = await SnapshotAsync(storage, TenantA, "p1", part).ConfigureAwait(false);
            Equal(Payer(TenantA, "p1", 1), snapshot.Payer, $"the payer when {part} are asked for");
            foreach (var (other, types) in Parts)
            {
                foreach (var type in types)
                {
                    var given = PartOf(snapshot, type).Where(r => r is not Customer { Id: "p1" });
                    SameRows(other == part ? rows.Select(r => r.Row).Where(r => r.GetType() == type) : [], given, $"{type.Name} when {part} are asked for");
                }
            }
        }

        var empty = await SnapshotAsync(storage, TenantA, "p2").ConfigureAwait(false);
        Equal(1, Parts.SelectMany(p => p.Types).Sum(t => PartOf(empty, t).Count), "the number of rows of another payer");
    }

    /// <summary>The lists of a snapshot are in their order, whatever the order of writing.</summary>
    public async Task SnapshotsAreInOrderAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var (s1, s2) = (_samples.Row<Subscription>(TenantA, "p1") with { Id = "a" }, _samples.Row<Subscription>(TenantA, "p1") with { Id = "b" });
        SubscriptionTerm Term(string subscription, int sequence) => _samples.Row<SubscriptionTerm>(TenantA, "p1") with { SubscriptionId = subscription, Sequence = sequence };
        var terms = new[] { Term("a", 1), Term("a", 2), Term("a", 10), Term("b", 1) };
        var lines = Many<InvoiceLine>();
        var invoices = Many<Invoice>().Select((r, i) => r with { Ordinal = i + 1 }).Reverse().Select((r, i) => r with { Ordinal = i + 1 }).ToArray();
        var payments = Many<Payment>().Reverse().Select((r, i) => r with { Ordinal = i + 9 }).ToArray();
        var attempts = Many<PaymentAttempt>().Reverse().Select((r, i) => r with { PaymentId = payments[2].Id, Number = i + 1 }).ToArray();
        var methods = Many<PaymentMethod>().Reverse().Select((r, i) => r with { AddedAt = Noon + Duration.FromDays(i) }).ToArray();
        var grants = Many<CreditGrant>().Reverse().Select((r, i) => r with { Ordinal = i + 9 }).ToArray();
        var redemptions = Many<CouponRedemption>();
        IEnumerable<IBillingRow> all = [.. terms, s1, s2, .. lines, .. invoices, .. payments, .. attempts, .. methods, .. grants, .. redemptions];
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, [.. all.Reverse().Select(RowChange.Insert)]))).ConfigureAwait(false);
        var snapshot = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
        SameRows([s1, s2], snapshot.Subscriptions, "subscriptions, by id");
        SameRows(terms, snapshot.Terms, "terms, by subscription and sequence");
        SameRows(lines, snapshot.Lines, "lines, in order of creation");
        SameRows(invoices, snapshot.Invoices, "invoices, by ordinal");
        SameRows(payments, snapshot.Payments, "payments, by ordinal");
        SameRows(attempts, snapshot.Attempts, "attempts, by payment and number");
        SameRows(methods, snapshot.PaymentMethods, "payment methods, in order of addition");
        SameRows(grants, snapshot.Grants, "grants, by ordinal");
        SameRows(redemptions, snapshot.Redemptions, "redemptions, in order of application");

        T[] Many<T>()
            where T : IBillingRow => Enumerable.Range(0, 5).Select(_ => _samples.Row<T>(TenantA, "p1")).ToArray();
    }

    /// <summary>A customer that gets another payer is found there, with its rows, and no longer with the old one.</summary>
    public async Task CustomersCanChangeTheirPayerAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var child = Payer(TenantA, "child", 1) with { PayerId = "p1", ParentId = "p1" };
        var subscription = _samples.Row<Subscription>(TenantA, "p1") with { CustomerId = "child" };
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(child), RowChange.Insert(subscription)), Changes(TenantA, "p2", 0))).ConfigureAwait(false);
        var moved = child with { PayerId = "p2", ParentId = "p2", BillingVersion = 2 };
        var taken = subscription with { PayerId = "p2", Version = 2 };
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p2", 1, RowChange.Update(moved), RowChange.Update(taken)))).ConfigureAwait(false);
        var (first, second) = (await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false), await SnapshotAsync(storage, TenantA, "p2").ConfigureAwait(false));
        Equal((1, 0), (first.Customers.Count, first.Subscriptions.Count), "customers and subscriptions of the old payer");
        SameRows([moved], second.Customers.Where(c => c.Id == "child"), "children of the new payer");
        SameRows([taken], second.Subscriptions, "subscriptions of the new payer");
        Equal("p2", await storage.FindPayerAsync(TenantA, StoredObject.Customer, "child", None).ConfigureAwait(false), "the payer of a child that moved");
    }

    /// <summary>Payers are listed in pages by id; children are not among them.</summary>
    public async Task PayersAreListedInPagesAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var child = Payer(TenantA, "p15", 1) with { PayerId = "p2" };
        var payers = Enumerable.Range(1, 9).Select(i => $"p{i}").ToArray();
        await CommitAsync(storage, Batch(TenantA, [.. payers.Reverse().Select(p => p == "p2" ? Changes(TenantA, p, 0, RowChange.Insert(child)) : Changes(TenantA, p, 0))])).ConfigureAwait(false);
        var listed = new List<string>();
        for (var page = await storage.ListPayersAsync(TenantA, null, 4, None).ConfigureAwait(false); page.Count > 0; page = await storage.ListPayersAsync(TenantA, page[^1], 4, None).ConfigureAwait(false))
        {
            Require(page.Count <= 4, "A page has more payers than asked for.");
            listed.AddRange(page);
        }

        SameRows(payers, listed, "payers listed in pages");
        Equal("p2", string.Join(' ', await storage.ListPayersAsync(TenantA, "p12", 1, None).ConfigureAwait(false)), "the payer after an id that is not there");
    }

    /// <summary>The payer of each kind of object is found, and of an unknown one not.</summary>
    public async Task PayersOfObjectsAreFoundAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var (subscription, invoice, payment, method, attempt) = (
            _samples.Row<Subscription>(TenantA, "p1"), _samples.Row<Invoice>(TenantA, "p1"), _samples.Row<Payment>(TenantA, "p1"),
            _samples.Row<PaymentMethod>(TenantA, "p1"), _samples.Row<PaymentAttempt>(TenantA, "p1"));
        var rows = new IBillingRow[] { subscription, invoice, payment, method, attempt };
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, [.. rows.Select(RowChange.Insert)]))).ConfigureAwait(false);
        var ids = new (StoredObject Kind, string Id)[]
        {
            (StoredObject.Customer, "p1"), (StoredObject.Subscription, subscription.Id), (StoredObject.Invoice, invoice.Id.ToString()),
            (StoredObject.Payment, payment.Id.ToString()), (StoredObject.PaymentMethod, method.Id), (StoredObject.PaymentAttemptKey, attempt.Key),
        };
        foreach (var (kind, id) in ids)
        {
            Equal("p1", await storage.FindPayerAsync(TenantA, kind, id, None).ConfigureAwait(false), $"the payer of a {kind}");
            Equal(null, await storage.FindPayerAsync(TenantA, kind, "unknown", None).ConfigureAwait(false), $"the payer of an unknown {kind}");
            Equal(null, await storage.FindPayerAsync(TenantB, kind, id, None).ConfigureAwait(false), $"the payer of another tenant's {kind}");
        }
    }

    /// <summary>Subscriptions come with their terms and the due moment of their payer, by id.</summary>
    public async Task SubscriptionsComeWithTheirTermsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var subscriptions = Enumerable.Range(1, 3).Select(i => _samples.Row<Subscription>(TenantA, "p1") with { Id = "s" + i, CustomerId = i < 3 ? "c1" : "c2" }).ToArray();
        var terms = Enumerable.Range(1, 3).Select(i => _samples.Row<SubscriptionTerm>(TenantA, "p1") with { SubscriptionId = "s2", Sequence = i }).ToArray();
        var other = _samples.Row<Subscription>(TenantA, "p2") with { Id = "s9", CustomerId = "c9" };
        var first = Changes(TenantA, "p1", 0, [.. subscriptions.Concat<IBillingRow>(terms).Reverse().Select(RowChange.Insert)]);
        first = first with { Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon, [DueKind.Aging] = Noon - Duration.FromDays(1) } };
        await CommitAsync(storage, Batch(TenantA, first, Changes(TenantA, "p2", 0, RowChange.Insert(other)))).ConfigureAwait(false);
        var byId = await storage.ReadSubscriptionsAsync(TenantA, ["s9", "s2", "unknown", "s2"], None).ConfigureAwait(false);
        SameRows([subscriptions[1], other], byId.Select(s => s.Subscription), "subscriptions read by id");
        SameRows(terms, byId[0].Terms, "terms of a subscription");
        Equal((Noon, null, 0), (byId[0].DueAt, byId[1].DueAt, byId[1].Terms.Count), "due moments of the payers");
        var byCustomer = await storage.ReadSubscriptionsOfCustomersAsync(TenantA, ["c1", "c9", "c1"], None).ConfigureAwait(false);
        SameRows([subscriptions[0], subscriptions[1], other], byCustomer.Select(s => s.Subscription), "subscriptions read by customer");
    }

    /// <summary>Customers are found by their ids, those that another pays for too; unknown ones are left out.</summary>
    public async Task CustomersAreFoundAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var child = _samples.Row<Customer>(TenantA, "p1") with { Id = "c1", PayerId = "p1" };
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, "p1", 0, RowChange.Insert(child)), Changes(TenantA, "p2", 0))).ConfigureAwait(false);
        var found = await storage.FindCustomersAsync(TenantA, ["p2", "unknown", "c1", "c1"], None).ConfigureAwait(false);
        Equal("c1 p2", string.Join(' ', found.Order(StringComparer.Ordinal)), "the customers that exist");
        Equal(0, (await storage.FindCustomersAsync(TenantB, ["p2", "c1"], None).ConfigureAwait(false)).Count, "the number of another tenant's customers found");
        Equal(0, (await storage.FindCustomersAsync(TenantA, [], None).ConfigureAwait(false)).Count, "the number of customers found by no id");
    }

    /// <summary>Due items are set, moved and removed with the commit; others stay. They are read by time, then tenant and payer.</summary>
    public async Task DueItemsFollowTheirPayersAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var seen = new Dictionary<DueKind, long> { [DueKind.Billing] = 1 };
        PayerChanges Due(TenantId tenant, string payer, long version, params (DueKind Kind, Instant? At)[] due) =>
            Changes(tenant, payer, version) with { Due = due.ToDictionary(d => d.Kind, d => d.At) };
        await CommitAsync(storage, Batch(
            TenantA,
            Due(TenantA, "p2", 0, (DueKind.Billing, Noon)),
            Due(TenantA, "p1", 0, (DueKind.Billing, Noon), (DueKind.Aging, Noon)),
            Due(TenantA, "p3", 0, (DueKind.Billing, Noon + Duration.FromHours(1))),
            Due(TenantA, "p4", 0, (DueKind.Billing, Noon - Duration.FromHours(1))))).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantB, Due(TenantB, "p0", 0, (DueKind.Billing, Noon)))).ConfigureAwait(false);
        await CheckAsync(TenantA, Noon, 10, "tenant-a p4, tenant-a p1, tenant-a p2").ConfigureAwait(false);
        await CheckAsync(null, Noon, 10, "tenant-a p4, tenant-a p1, tenant-a p2, tenant-b p0").ConfigureAwait(false);
        await CheckAsync(null, Noon, 2, "tenant-a p4, tenant-a p1").ConfigureAwait(false);
        Equal("p4", (await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false))?.PayerId, "the next due payer");

        await CommitAsync(storage, Batch(
            TenantA,
            Due(TenantA, "p4", 1, (DueKind.Billing, null)) with { DueSeen = seen },
            Due(TenantA, "p1", 1, (DueKind.Billing, Noon + Duration.FromHours(2))) with { DueSeen = seen },
            Changes(TenantA, "p2", 1))).ConfigureAwait(false);
        await CheckAsync(TenantA, Noon + Duration.FromDays(1), 10, "tenant-a p2, tenant-a p3, tenant-a p1").ConfigureAwait(false);
        Equal(Noon, (await storage.ReadNextDueAsync(TenantA, DueKind.Aging, None).ConfigureAwait(false))?.DueAt, "a due item of another kind");
        Equal(null, await storage.ReadNextDueAsync(TenantA, DueKind.CreditExpiry, None).ConfigureAwait(false), "the next due item of a kind without any");

        async Task CheckAsync(TenantId? tenant, Instant upTo, int maximum, string expected)
        {
            var items = await storage.ReadDueAsync(tenant, DueKind.Billing, upTo, maximum, None).ConfigureAwait(false);
            Equal(expected, string.Join(", ", items.Select(d => $"{d.Tenant} {d.PayerId}")), "due payers");
        }
    }

    /// <summary>A due item that was marked after a commit's snapshot keeps the earlier moment; the commit is not lost by it.</summary>
    public async Task MarksSurviveCommitsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var seen = new Dictionary<DueKind, long> { [DueKind.Billing] = 1 };
        PayerChanges Due(long version, Instant? at, bool isSeen) => Changes(TenantA, "p1", version) with
        {
            Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = at },
            DueSeen = isSeen ? seen : new Dictionary<DueKind, long>(),
        };
        await CommitAsync(storage, Batch(TenantA, Due(0, Noon, isSeen: false))).ConfigureAwait(false);
        SameRows([Item(Noon, 1)], (await SnapshotAsync(storage, TenantA, "p1", SnapshotParts.Quarantine).ConfigureAwait(false)).Due, "due items of a payer");

        await MarkAsync(Noon + Minutes(10)).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Due(1, Noon + Minutes(500), isSeen: true))).ConfigureAwait(false);
        await CheckAsync(Item(Noon, 3) with { ReopensFrom = Noon - Minutes(1) }).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Due(2, null, isSeen: true))).ConfigureAwait(false);
        await CheckAsync(Item(Noon, 4) with { ReopensFrom = Noon - Minutes(1) }).ConfigureAwait(false);
        seen[DueKind.Billing] = 4;
        await CommitAsync(storage, Batch(TenantA, Due(3, Noon + Minutes(500), isSeen: true))).ConfigureAwait(false);
        await CheckAsync(Item(Noon + Minutes(500), 5)).ConfigureAwait(false);
        seen[DueKind.Billing] = 5;
        await CommitAsync(storage, Batch(TenantA, Due(4, null, isSeen: true))).ConfigureAwait(false);
        await CheckAsync(null).ConfigureAwait(false);

        // Marked for the first time after a snapshot that saw none.
        await MarkAsync(Noon + Minutes(10)).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantA, Due(5, Noon + Minutes(5), isSeen: false))).ConfigureAwait(false);
        await CheckAsync(Item(Noon + Minutes(5), 2) with { ReopensFrom = Noon - Minutes(1) }).ConfigureAwait(false);

        DueItem Item(Instant at, long version) => new() { Tenant = TenantA, Kind = DueKind.Billing, PayerId = "p1", DueAt = at, Version = version };

        Task MarkAsync(Instant at) =>
            storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 1m) with { MakesDue = Item(at, 1) with { ReopensFrom = Noon - Minutes(1) } }], None);

        async Task CheckAsync(DueItem? expected) =>
            Equal(expected, await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false), "the due item");
    }

    /// <summary>Due payers can be counted, cut into ranges and read range by range, in order of their ids.</summary>
    public async Task DuePayersAreCutIntoRangesAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var ids = Enumerable.Range(0, 11).Select(i => $"p{i * 3:00}").ToArray();
        var payers = ids.Reverse().Select((id, i) => Changes(TenantA, id, 0) with { Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon - Minutes(i), [DueKind.Aging] = Noon } });
        var later = Changes(TenantA, "p04", 0) with { Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon + Minutes(1) } };
        await CommitAsync(storage, Batch(TenantA, [.. payers, later])).ConfigureAwait(false);
        await CommitAsync(storage, Batch(TenantB, Changes(TenantB, "p05", 0) with { Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon } })).ConfigureAwait(false);

        foreach (var size in new[] { 1, 4, 11, 12 })
        {
            var ranges = await storage.SplitDueAsync(TenantA, DueKind.Billing, Noon, size, None).ConfigureAwait(false);
            Equal(11, ranges.Total, "the number of due payers");
            SameRows(ids.Where((_, i) => (i + 1) % size == 0), ranges.Borders, $"borders of ranges of {size}");
        }

        Equal(0, (await storage.SplitDueAsync(TenantA, DueKind.Collection, Noon, 3, None).ConfigureAwait(false)).Total, "the number of payers due for something else");
        await CheckAsync(null, null, 3, "p00 p03 p06").ConfigureAwait(false);
        await CheckAsync("p03", null, 3, "p06 p09 p12").ConfigureAwait(false);
        await CheckAsync("p04", "p12", 10, "p06 p09 p12").ConfigureAwait(false);
        await CheckAsync("p24", null, 10, "p27 p30").ConfigureAwait(false);
        await CheckAsync(null, "p", 10, "").ConfigureAwait(false);

        async Task CheckAsync(string? after, string? through, int maximum, string expected)
        {
            var items = await storage.ReadDueRangeAsync(TenantA, DueKind.Billing, Noon, after, through, maximum, None).ConfigureAwait(false);
            Equal(expected, string.Join(' ', items.Select(d => d.PayerId)), $"due payers after '{after}' through '{through}'");
        }
    }

    /// <summary>A snapshot of what is open leaves out what the payer's own row says is settled.</summary>
    public async Task OpenSnapshotsLeaveOutWhatIsSettledAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var lines = Enumerable.Range(0, 4).Select(i => _samples.Row<InvoiceLine>(TenantA, "p1") with { RecordedAt = Noon + Minutes(i) }).ToArray();
        var items = Enumerable.Range(0, 4).Select(i => _samples.Row<PendingItem>(TenantA, "p1") with { RecordedAt = Noon + Minutes(i) }).ToArray();
        items[0] = items[0] with { InvoiceId = null };
        var invoices = Enumerable.Range(1, 4).Select(i => _samples.Row<Invoice>(TenantA, "p1") with { Ordinal = i }).ToArray();
        IBillingRow[] rows = [.. lines, .. items, .. invoices, _samples.Row<InvoiceLine>(TenantA, "p2")];
        await CommitAsync(storage, Batch(
            TenantA,
            Changes(TenantA, "p1", 0, [.. rows[..^1].Select(RowChange.Insert)]),
            Changes(TenantA, "p2", 0, RowChange.Insert(rows[^1])))).ConfigureAwait(false);
        await CheckAsync("p1", "4 4 4").ConfigureAwait(false);
        var settled = Changes(TenantA, "p1", 1);
        var payer = (Customer)settled.Rows[0].Row with { HistoryFrom = Noon + Minutes(2), FirstOpenInvoice = 4 };
        await CommitAsync(storage, Batch(TenantA, settled with { Rows = [RowChange.Update(payer)] })).ConfigureAwait(false);
        await CheckAsync("p1", "2 3 1").ConfigureAwait(false);
        await CheckAsync("p2", "1 0 0").ConfigureAwait(false);
        var all = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
        Equal((4, 4, 4), (all.Lines.Count, all.PendingItems.Count, all.Invoices.Count), "the number of rows of a whole snapshot");

        async Task CheckAsync(string payerId, string expected)
        {
            var open = await SnapshotAsync(storage, TenantA, payerId, SnapshotParts.All | SnapshotParts.OpenOnly).ConfigureAwait(false);
            Equal(expected, $"{open.Lines.Count} {open.PendingItems.Count} {open.Invoices.Count}", "the number of open lines, items and invoices");
            SameRows(lines.Where(l => l.PayerId == payerId).TakeLast(open.Lines.Count), open.Lines.Where(l => l.PayerId == "p1"), "open lines");
        }
    }

    /// <summary>A run and its shards are found by the run's id, shards by number.</summary>
    public async Task RunsAreFoundWithTheirShardsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var run = _samples.Row<RunRecord>(TenantA, "");
        var shards = new[] { 2, 10, 1 }.Select(n => _samples.Row<RunShard>(TenantA, "") with { RunId = run.Id, Number = n }).ToArray();
        var other = _samples.Row<RunShard>(TenantA, "");
        await CommitAsync(storage, Shared(TenantA, [RowChange.Insert(run), .. shards.Append(other).Select(RowChange.Insert)])).ConfigureAwait(false);
        Equal(run, await storage.FindRunAsync(TenantA, run.Id, None).ConfigureAwait(false), "a run");
        Equal(null, await storage.FindRunAsync(TenantB, run.Id, None).ConfigureAwait(false), "another tenant's run");
        SameRows(shards.OrderBy(s => s.Number), await storage.ListRunShardsAsync(TenantA, run.Id, None).ConfigureAwait(false), "shards of a run");
        Equal(0, (await storage.ListRunShardsAsync(TenantB, run.Id, None).ConfigureAwait(false)).Count, "the number of another tenant's shards");

        // A worker that lost its shard writes nothing of its page.
        var page = Batch(TenantA, Changes(TenantA, "p1", 0)) with { Rows = [RowChange.Update(shards[0] with { Version = 3 })] };
        var result = await storage.CommitAsync(page, None).ConfigureAwait(false);
        Equal((CommitOutcome.Conflict, CommitOutcome.Conflict), (result.Batch.Outcome, result.Payers[0].Outcome), "the outcome of a page of a lost shard");
        Equal(0, (await storage.ReadPayersAsync(TenantA, ["p1"], SnapshotParts.Customers, None).ConfigureAwait(false)).Count, "the number of payers written with a lost shard");
        await CommitAsync(storage, page with { Rows = [RowChange.Update(shards[0] with { Cursor = "p1", Version = 2 })] }).ConfigureAwait(false);
        Equal("p1", (await storage.ListRunShardsAsync(TenantA, run.Id, None).ConfigureAwait(false))[1].Cursor, "the cursor of a shard");
    }

    /// <summary>Postings are read up to their day, of one payer or all, in order; transactions in pages.</summary>
    public async Task PostingsAreReadInOrderAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var day = new LocalDate(2030, 5, 6);
        var entries = Enumerable.Range(0, 6).Select(i => _samples.Row<LedgerEntry>(TenantA, i % 2 == 0 ? "p1" : "p2") with { AccountingDate = day.PlusDays(i) }).ToArray();
        var transactions = Enumerable.Range(0, 6).Select(i => _samples.Row<LedgerTransaction>(TenantA, i % 2 == 0 ? "p1" : "p2")).ToArray();
        PayerChanges Of(string payer) => Changes(TenantA, payer, 0, [.. entries.Concat<IPayerRow>(transactions).Where(r => r.PayerId == payer).Reverse().Select(RowChange.Insert)]);
        await CommitAsync(storage, Batch(TenantA, Of("p2"), Of("p1"))).ConfigureAwait(false);
        SameRows(entries[..4], await storage.ReadLedgerAsync(TenantA, null, day.PlusDays(3), None).ConfigureAwait(false), "postings of all payers");
        SameRows([entries[0], entries[2]], await storage.ReadLedgerAsync(TenantA, "p1", day.PlusDays(3), None).ConfigureAwait(false), "postings of a payer");
        SameRows(transactions[..4], await storage.ListLedgerTransactionsAsync(TenantA, null, null, 4, None).ConfigureAwait(false), "the first page of transactions");
        SameRows(transactions[4..], await storage.ListLedgerTransactionsAsync(TenantA, null, transactions[3].Id, 4, None).ConfigureAwait(false), "the second page of transactions");
        SameRows([transactions[3], transactions[5]], await storage.ListLedgerTransactionsAsync(TenantA, "p2", transactions[1].Id, 4, None).ConfigureAwait(false), "transactions of a payer");
    }

    /// <summary>Tenants, catalogs, runs, rejected records, quarantine and redemptions are listed in their order and limits.</summary>
    public async Task ListsAreInOrderAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var tenant in new[] { TenantB, TenantA })
        {
            await CommitAsync(storage, Shared(tenant, RowChange.Insert(_samples.Row<Tenant>(tenant, "")))).ConfigureAwait(false);
        }

        Equal("tenant-a tenant-b", string.Join(' ', (await storage.ListTenantsAsync(None).ConfigureAwait(false)).Select(t => t.Id)), "the tenants");
        var versions = Enumerable.Range(1, 12).Select(i => new CatalogVersion
        {
            Tenant = TenantA, Number = i, EffectiveAt = Noon, RecordedAt = Noon, Definition = CatalogDefinition.Empty, Actor = "a",
        }).ToArray();
        Equal(0, await storage.ReadCatalogNumberAsync(TenantA, None).ConfigureAwait(false), "the catalog number without a catalog");
        await CommitAsync(storage, Shared(TenantA, [.. versions.Reverse().Select(RowChange.Insert)])).ConfigureAwait(false);
        SameRows(versions, await storage.ReadCatalogAsync(TenantA, None).ConfigureAwait(false), "catalog versions");
        Equal(12, await storage.ReadCatalogNumberAsync(TenantA, None).ConfigureAwait(false), "the catalog number");

        var runs = Enumerable.Range(0, 3).Select(i => _samples.Row<RunRecord>(TenantA, "") with { StartedAt = Noon + Duration.FromHours(i) }).ToArray();
        var rejected = Enumerable.Range(0, 4).Select(i => _samples.Row<RejectedRecord>(TenantA, "") with { RecordedAt = Noon + Duration.FromHours(i), Feed = i % 2 == 0 ? "x" : "y" }).ToArray();
        await CommitAsync(storage, Shared(TenantA, [.. runs.Concat<IBillingRow>(rejected.Reverse()).Select(RowChange.Insert)])).ConfigureAwait(false);
        SameRows([runs[2], runs[1]], await storage.ListRunsAsync(TenantA, 2, None).ConfigureAwait(false), "the newest runs");
        SameRows(rejected[..3], await storage.ListRejectedAsync(TenantA, null, 3, None).ConfigureAwait(false), "rejected records");
        SameRows([rejected[1], rejected[3]], await storage.ListRejectedAsync(TenantA, "y", 3, None).ConfigureAwait(false), "rejected records of a feed");

        var quarantine = new[] { "q1", "q2" }.Select(p => _samples.Row<QuarantineItem>(TenantA, p)).ToArray();
        var redemptions = quarantine.Select(q => _samples.Row<CouponRedemption>(TenantA, q.PayerId) with { Coupon = "HALF" }).ToArray();
        await CommitAsync(storage, Batch(TenantA, [.. quarantine.Zip(redemptions).Reverse().Select(q =>
            Changes(TenantA, q.First.PayerId, 0, RowChange.Insert(q.First), RowChange.Insert(q.Second)))])).ConfigureAwait(false);
        SameRows(quarantine, await storage.ListQuarantineAsync(TenantA, None).ConfigureAwait(false), "payers in quarantine");
        Equal(2, await storage.CountRedemptionsAsync(TenantA, "HALF", None).ConfigureAwait(false), "redemptions of a coupon");
        Equal(0, await storage.CountRedemptionsAsync(TenantA, "half", None).ConfigureAwait(false), "redemptions of another coupon");
    }

    /// <summary>Every read of another tenant's ids answers nothing.</summary>
    public async Task TenantsSeeNothingOfEachOtherAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var (record, append) = await FillAsync(storage).ConfigureAwait(false);
        foreach (var type in CommittedTypes.Except([typeof(Tenant)]))
        {
            Equal(true, (await RowsAsync(storage, TenantA, "p1", type).ConfigureAwait(false)).Count > 0, $"whether the tenant itself finds its {type.Name}");
            Equal(0, (await RowsAsync(storage, TenantB, "p1", type).ConfigureAwait(false)).Count, $"the number of another tenant's {type.Name}");
        }

        Equal(null, await storage.FindTenantAsync(TenantB, None).ConfigureAwait(false), "a tenant that is not there");
        Equal(null, await storage.FindIdempotencyAsync(TenantB, record.Command, record.Key, None).ConfigureAwait(false), "another tenant's answer");
        Equal(0, (await storage.ListPayersAsync(TenantB, null, 10, None).ConfigureAwait(false)).Count, "another tenant's payers");
        Equal(0, (await storage.ListQuarantineAsync(TenantB, None).ConfigureAwait(false)).Count, "another tenant's quarantine");
        Equal(0, (await storage.ReadLedgerAsync(TenantB, null, new LocalDate(9000, 1, 1), None).ConfigureAwait(false)).Count, "another tenant's postings");
        Equal(0, (await storage.ListLedgerTransactionsAsync(TenantB, null, null, 10, None).ConfigureAwait(false)).Count, "another tenant's transactions");
        Equal(0, (await storage.ListOutboxAsync(TenantB, null, null, 10, None).ConfigureAwait(false)).Count, "another tenant's messages");
        Equal(0, (await storage.LeaseOutboxAsync(TenantB, Noon + Duration.FromDays(20000), Duration.FromMinutes(1), 10, None).ConfigureAwait(false)).Count, "another tenant's messages to deliver");
        Equal(null, await storage.ReadNextOutboxDueAsync(TenantB, None).ConfigureAwait(false), "when another tenant's message is due");
        Equal(0, (await storage.ReadDueAsync(TenantB, DueKind.Billing, Noon, 10, None).ConfigureAwait(false)).Count, "another tenant's due items");
        Equal(null, await storage.ReadNextDueAsync(TenantB, DueKind.Billing, None).ConfigureAwait(false), "another tenant's next due item");
        var coupon = (await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false)).Redemptions[0].Coupon;
        Equal(0, await storage.CountRedemptionsAsync(TenantB, coupon, None).ConfigureAwait(false), "another tenant's redemptions");
        await NoForeignUsageAsync(storage, append).ConfigureAwait(false);
    }

    /// <summary>What a caller does to an answer does not reach the store.</summary>
    public async Task AnswersAreCopiesAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var rows = new List<RowChange> { RowChange.Insert(_samples.Row<InvoiceLine>(TenantA, "p1")) };
        var changes = Changes(TenantA, "p1", 0);
        rows.InsertRange(0, changes.Rows);
        var due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon };
        await CommitAsync(storage, Batch(TenantA, changes with { Rows = rows, Due = due })).ConfigureAwait(false);
        rows.Clear();
        due[DueKind.Billing] = null;
        for (var i = 0; i < 2; i++)
        {
            var snapshot = await SnapshotAsync(storage, TenantA, "p1").ConfigureAwait(false);
            Equal(1, snapshot.Lines.OfType<InvoiceLine>().Count(), "the number of lines after a caller changed its lists");
            Spoil(snapshot.Lines);
            var items = await storage.ReadDueAsync(TenantA, DueKind.Billing, Noon, 5, None).ConfigureAwait(false);
            Equal(1, items.OfType<DueItem>().Count(), "the number of due items after a caller changed its lists");
            Spoil(items);
        }

        static void Spoil<T>(IReadOnlyList<T> answer)
            where T : class
        {
            if (answer is IList<T> { IsReadOnly: false } or T[])
            {
                ((IList<T>)answer)[0] = null!;
            }
        }
    }

    /// <summary>One row of each type for payer <c>p1</c> of the first tenant, with due items, an answer and usage.</summary>
    private async Task<(IdempotencyRecord Record, UsageAppend Append)> FillAsync(IBillingStorage storage)
    {
        var answer = _samples.Row<IdempotencyRecord>(TenantA, "");
        var rows = CommittedTypes.Select(t => _samples.Row(t, TenantA, "p1"))
            .Select(r => r is OutboxMessage message ? message with { State = OutboxState.Pending, LeasedUntil = null } : r).ToArray();
        var changes = Changes(TenantA, "p1", 0, [.. rows.Where(r => r is IPayerRow).Select(RowChange.Insert)]);
        var batch = Batch(TenantA, changes with { Idempotency = answer, Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon } });
        await CommitAsync(storage, batch with { Rows = [.. rows.Where(r => r is not IPayerRow).Select(RowChange.Insert)] }).ConfigureAwait(false);
        var append = Usage("s1", Noon, 5m);
        Equal(UsageOutcome.Accepted, (await storage.AppendUsageAsync(TenantA, [append, Usage(null, Noon, 1m)], None).ConfigureAwait(false))[0], "the outcome of a new event");
        return (answer, append);
    }

    private static async Task NoForeignUsageAsync(IBillingStorage storage, UsageAppend append)
    {
        var record = append.Record;
        Equal(null, await storage.FindUsageAsync(TenantB, record.Hash, None).ConfigureAwait(false), "another tenant's event");
        Equal(0, (await storage.ReadUsageBucketAsync(TenantB, "s1", record.Event.Type, Noon, None).ConfigureAwait(false)).Count, "another tenant's events of a bucket");
        Equal(0, (await storage.ListUnattributedUsageAsync(TenantB, 10, None).ConfigureAwait(false)).Count, "another tenant's unattributed usage");
        var query = new UsageQuery { SubscriptionId = "s1", Meter = "m", EventType = record.Event.Type, From = Noon - Duration.FromHours(1), To = Noon + Duration.FromHours(1) };
        var data = await storage.ReadUsageAsync(TenantB, [query, query with { NeedsEvents = true }], None).ConfigureAwait(false);
        Equal((2, 0, 0, false), (data.Count, data.Sum(d => d.Groups.Count), data.Sum(d => d.Events.Count), data.Any(d => d.RollupsMissing)), "another tenant's usage");
        Equal(0, await storage.DeleteUsageEventsAsync(TenantB, Noon + Duration.FromDays(1), None).ConfigureAwait(false), "another tenant's events that were deleted");
        Equal(0, await storage.DeleteUsageRollupsAsync(TenantB, Noon + Duration.FromDays(1), None).ConfigureAwait(false), "another tenant's rollups that were deleted");
        Equal(false, await storage.CorrectUsageAsync(TenantB, record with { Tenant = TenantB, Version = 2 }, [], null, None).ConfigureAwait(false), "whether another tenant's event can be corrected");
        var twin = append with { Record = record with { Tenant = TenantB }, Rollups = [], MakesDue = null };
        Equal(UsageOutcome.Accepted, (await storage.AppendUsageAsync(TenantB, [twin], None).ConfigureAwait(false))[0], "the outcome of an event with the key of another tenant's");
        Equal(record, await storage.FindUsageAsync(TenantA, record.Hash, None).ConfigureAwait(false), "the first tenant's event");
    }

    private static string Text(decimal value) => value.ToString("0.############", CultureInfo.InvariantCulture);
}
