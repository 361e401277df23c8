using System.Collections.Concurrent;
using System.Globalization;
using Billing.Catalog;
using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.InMemory;

/// <summary>Keeps all rows in memory: a real adapter with the uniqueness, versions and atomicity of a database, without durability.</summary>
/// <remarks>
/// For tests, trials and runs on copies of data. Thread-safe: one lock per tenant. Rows are immutable and every list that it gives is a new one, so
/// nothing a caller does to an answer reaches the store. Everything is gone with the object.
/// </remarks>
public sealed partial class InMemoryBillingStorage : IBillingStorage
{
    private readonly ConcurrentDictionary<TenantId, TenantRows> _tenants = new();
    private readonly IIdGenerator _ids;

    /// <summary>Creates an empty store.</summary>
    /// <param name="ids">Gives the ids of merged rollups.</param>
    public InMemoryBillingStorage(IIdGenerator ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        _ids = ids;
    }

    /// <inheritdoc/>
    public Task InitializeAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<Tenant?> FindTenantAsync(TenantId tenant, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Find<Tenant>(null), null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<Tenant>> ListTenantsAsync(CancellationToken cancellationToken) =>
        ReadAll(Everyone(cancellationToken), rows => rows.All<Tenant>(), all => all.OrderBy(t => t.Id));

    /// <inheritdoc/>
    public Task<TaskConfigurationRow?> FindTaskConfigurationAsync(TenantId tenant, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Find<TaskConfigurationRow>(null), null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<CatalogVersion>> ReadCatalogAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows => rows.All<CatalogVersion>().OrderBy(v => v.Number));

    /// <inheritdoc/>
    public Task<int> ReadCatalogNumberAsync(TenantId tenant, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.All<CatalogVersion>().Select(v => v.Number).DefaultIfEmpty().Max(), 0);

    /// <inheritdoc/>
    public Task<string?> FindPayerAsync(TenantId tenant, StoredObject kind, string id, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => FindObject(rows, kind, id)?.PayerId, null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<PayerSnapshot>> ReadPayersAsync(
        TenantId tenant, IReadOnlyList<string> payerIds, SnapshotParts parts, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(payerIds);
        return ReadList(Find(tenant, cancellationToken), rows => payerIds.Select(id => Snapshot(rows, id, parts)).OfType<PayerSnapshot>());
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListPayersAsync(TenantId tenant, string? after, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows =>
        {
            var ids = rows.PayerIds();
            var place = after is null ? -1 : Array.BinarySearch(ids, after, StringComparer.Ordinal);
            return ids.Skip(place >= 0 ? place + 1 : after is null ? 0 : ~place).Take(maximum);
        });

    /// <inheritdoc/>
    public Task<IReadOnlyList<SubscriptionWithTerms>> ReadSubscriptionsAsync(
        TenantId tenant, IReadOnlyList<string> subscriptionIds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(subscriptionIds);
        return ReadList(Find(tenant, cancellationToken), rows =>
            subscriptionIds.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(id => rows.Find<Subscription>(id)).OfType<Subscription>().Select(s => WithTerms(rows, s)));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<SubscriptionWithTerms>> ReadSubscriptionsOfCustomersAsync(
        TenantId tenant, IReadOnlyList<string> customerIds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(customerIds);
        return ReadList(Find(tenant, cancellationToken), rows =>
            customerIds.Distinct(StringComparer.Ordinal).SelectMany(id => rows.Lookup<Subscription>(TenantRows.ByCustomer, id))
                .OrderBy(s => s.Id, StringComparer.Ordinal).Select(s => WithTerms(rows, s)));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> FindCustomersAsync(TenantId tenant, IReadOnlyList<string> customerIds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(customerIds);
        return ReadList(Find(tenant, cancellationToken), rows => customerIds.Distinct(StringComparer.Ordinal).Where(id => rows.Find<Customer>(id) is not null));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<DueItem>> ReadDueAsync(TenantId? tenant, DueKind kind, Instant upTo, int maximum, CancellationToken cancellationToken)
    {
        return tenant is { } one
            ? ReadList(Find(one, cancellationToken), Items)
            : ReadAll(Everyone(cancellationToken), Items, all => all.OrderBy(d => d.DueAt).ThenBy(d => d.Tenant).ThenBy(d => d.PayerId, StringComparer.Ordinal).Take(maximum));

        IEnumerable<DueItem> Items(TenantRows rows) => rows.Due(kind).TakeWhile(d => d.DueAt <= upTo).Take(maximum);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<DueItem>> ReadDueRangeAsync(
        TenantId tenant, DueKind kind, Instant upTo, string? after, string? through, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows => InOrderOfPayer(rows, kind, upTo)
            .Where(d => (after is null || string.CompareOrdinal(d.PayerId, after) > 0) && (through is null || string.CompareOrdinal(d.PayerId, through) <= 0))
            .Take(maximum));

    /// <inheritdoc/>
    public Task<DueRanges> SplitDueAsync(TenantId tenant, DueKind kind, Instant upTo, int size, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        return Read(
            Find(tenant, cancellationToken),
            rows =>
            {
                var payers = InOrderOfPayer(rows, kind, upTo).Select(d => d.PayerId).ToArray();
                return new DueRanges(payers.Length, [.. payers.Where((_, i) => (i + 1) % size == 0)]);
            },
            new DueRanges(0, []));
    }

    /// <inheritdoc/>
    public Task<DueItem?> ReadNextDueAsync(TenantId tenant, DueKind kind, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Due(kind).FirstOrDefault(), null);

    /// <inheritdoc/>
    public Task<Instant?> FindDueAsync(TenantId tenant, DueKind kind, string payerId, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Find<DueItem>(kind, payerId)?.DueAt, null);

    /// <inheritdoc/>
    public Task<IdempotencyRecord?> FindIdempotencyAsync(TenantId tenant, string command, string key, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Find<IdempotencyRecord>(command, key), null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<LedgerEntry>> ReadLedgerAsync(TenantId tenant, string? payerId, LocalDate upTo, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows => OfPayer<LedgerEntry>(rows, payerId).Where(e => e.AccountingDate <= upTo).OrderBy(e => e.Id));

    /// <inheritdoc/>
    public Task<IReadOnlyList<LedgerTransaction>> ListLedgerTransactionsAsync(
        TenantId tenant, string? payerId, Guid? after, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows =>
            OfPayer<LedgerTransaction>(rows, payerId).Where(t => after is not { } id || t.Id.CompareTo(id) > 0).OrderBy(t => t.Id).Take(maximum));

    /// <inheritdoc/>
    public Task<IReadOnlyList<RejectedRecord>> ListRejectedAsync(TenantId tenant, string? feed, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows =>
            rows.All<RejectedRecord>().Where(r => feed is null || r.Feed == feed).OrderBy(r => r.RecordedAt).ThenBy(r => r.Id).Take(maximum));

    /// <inheritdoc/>
    public Task<IReadOnlyList<QuarantineItem>> ListQuarantineAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows => rows.All<QuarantineItem>().OrderBy(q => q.PayerId, StringComparer.Ordinal));

    /// <inheritdoc/>
    public Task<int> CountRedemptionsAsync(TenantId tenant, string coupon, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Count<CouponRedemption>(TenantRows.ByCoupon, coupon), 0);

    /// <inheritdoc/>
    public Task<RunRecord?> FindRunAsync(TenantId tenant, Guid run, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Find<RunRecord>(run), null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RunShard>> ListRunShardsAsync(TenantId tenant, Guid run, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows => rows.All<RunShard>().Where(s => s.RunId == run).OrderBy(s => s.Number));

    /// <inheritdoc/>
    public Task<IReadOnlyList<RunRecord>> ListRunsAsync(TenantId tenant, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows =>
            rows.All<RunRecord>().OrderByDescending(r => r.StartedAt).ThenByDescending(r => r.Id).Take(maximum));

    private static IPayerRow? FindObject(TenantRows rows, StoredObject kind, string id)
    {
        var document = Guid.TryParse(id, CultureInfo.InvariantCulture, out var parsed) ? parsed : Guid.Empty;
        return kind switch
        {
            StoredObject.Customer => rows.Find<Customer>(id),
            StoredObject.Subscription => rows.Find<Subscription>(id),
            StoredObject.Invoice => rows.Find<Invoice>(document),
            StoredObject.Payment => rows.Find<Payment>(document),
            StoredObject.PaymentMethod => rows.Find<PaymentMethod>(id),
            StoredObject.PaymentAttemptKey => rows.Lookup<PaymentAttempt>(TenantRows.ByKey, id).FirstOrDefault(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind of object."),
        };
    }

    private static SubscriptionWithTerms WithTerms(TenantRows rows, Subscription subscription) => new(
        subscription,
        [.. rows.Lookup<SubscriptionTerm>(TenantRows.BySubscription, subscription.Id).OrderBy(t => t.Sequence)],
        rows.Find<DueItem>(DueKind.Billing, subscription.PayerId)?.DueAt,
        rows.Find<Customer>(subscription.PayerId)?.BilledThrough);

    private static IEnumerable<DueItem> InOrderOfPayer(TenantRows rows, DueKind kind, Instant upTo) =>
        rows.Due(kind).TakeWhile(d => d.DueAt <= upTo).OrderBy(d => d.PayerId, StringComparer.Ordinal);

    private static IEnumerable<T> OfPayer<T>(TenantRows rows, string? payerId)
        where T : IBillingRow => payerId is null ? rows.All<T>() : rows.Lookup<T>(TenantRows.ByPayer, payerId);

    private static PayerSnapshot? Snapshot(TenantRows rows, string payerId, SnapshotParts parts)
    {
        if (rows.Find<Customer>(payerId) is not { } payer || payer.PayerId != payerId)
        {
            return null;
        }

        var openOnly = parts.HasFlag(SnapshotParts.OpenOnly);
        return new PayerSnapshot
        {
            Payer = payer,
            Customers = Part<Customer>(SnapshotParts.Customers, all => all.OrderBy(c => c.Id, StringComparer.Ordinal)),
            Contacts = Part<CustomerContact>(SnapshotParts.Customers, all => all.OrderBy(c => c.Id)),
            Subscriptions = Part<Subscription>(SnapshotParts.Subscriptions, all => all.OrderBy(s => s.Id, StringComparer.Ordinal)),
            Terms = Part<SubscriptionTerm>(SnapshotParts.Subscriptions, all => all.OrderBy(t => t.SubscriptionId, StringComparer.Ordinal).ThenBy(t => t.Sequence)),
            Lines = Part<InvoiceLine>(SnapshotParts.Lines, all => all.Where(l => !openOnly || l.RecordedAt >= payer.HistoryFrom).OrderBy(l => l.Id)),
            PendingItems = Part<PendingItem>(
                SnapshotParts.PendingItems, all => all.Where(i => !openOnly || i.InvoiceId is null || i.RecordedAt >= payer.HistoryFrom).OrderBy(i => i.Id)),
            Redemptions = Part<CouponRedemption>(SnapshotParts.Redemptions, all => all.OrderBy(r => r.Id)),
            Grants = Part<CreditGrant>(SnapshotParts.Credits, all => all.OrderBy(g => g.Ordinal).ThenBy(g => g.CustomerId, StringComparer.Ordinal).ThenBy(g => g.Id, StringComparer.Ordinal)),
            CreditNotes = Part<CreditNote>(SnapshotParts.Credits, all => all.OrderBy(n => n.Ordinal).ThenBy(n => n.Id)),
            CreditUses = Part<CreditUse>(SnapshotParts.Credits, all => all.OrderBy(u => u.Id)),
            Invoices = Part<Invoice>(SnapshotParts.Invoices, all => all.Where(i => !openOnly || i.Ordinal >= payer.FirstOpenInvoice).OrderBy(i => i.Ordinal)),
            Payments = Part<Payment>(SnapshotParts.Payments, all => all.OrderBy(p => p.Ordinal)),
            Attempts = Part<PaymentAttempt>(SnapshotParts.Payments, all => all.OrderBy(a => a.PaymentId).ThenBy(a => a.Number)),
            Refunds = Part<Refund>(SnapshotParts.Payments, all => all.OrderBy(r => r.Id)),
            PaymentMethods = Part<PaymentMethod>(SnapshotParts.PaymentMethods, all => all.OrderBy(m => m.AddedAt).ThenBy(m => m.Id, StringComparer.Ordinal)),
            Due = [.. rows.DueOf(payerId)],
            Quarantine = parts.HasFlag(SnapshotParts.Quarantine) ? rows.Find<QuarantineItem>(payerId) : null,
        };

        T[] Part<T>(SnapshotParts part, Func<IEnumerable<T>, IEnumerable<T>> order)
            where T : IBillingRow => parts.HasFlag(part) ? order(rows.Lookup<T>(TenantRows.ByPayer, payerId)).ToArray() : [];
    }

    private TenantRows? Find(TenantId tenant, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _tenants.GetValueOrDefault(tenant);
    }

    private TenantRows Open(TenantId tenant, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _tenants.GetOrAdd(tenant, id => new TenantRows(id));
    }

    private ICollection<TenantRows> Everyone(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _tenants.Values;
    }

    private static Task<T> Read<T>(TenantRows? rows, Func<TenantRows, T> read, T none) =>
        rows is null ? Task.FromResult(none) : Write(rows, read);

    private static Task<IReadOnlyList<T>> ReadList<T>(TenantRows? rows, Func<TenantRows, IEnumerable<T>> read) =>
        Read<IReadOnlyList<T>>(rows, r => read(r).ToArray(), []);

    private static Task<IReadOnlyList<T>> ReadAll<T>(
        IEnumerable<TenantRows> tenants, Func<TenantRows, IEnumerable<T>> read, Func<IEnumerable<T>, IEnumerable<T>> order)
    {
        var all = new List<T>();
        foreach (var rows in tenants)
        {
            lock (rows.Gate)
            {
                all.AddRange(read(rows));
            }
        }

        return Task.FromResult<IReadOnlyList<T>>(order(all).ToArray());
    }

    private static Task<T> Write<T>(TenantRows rows, Func<TenantRows, T> write)
    {
        lock (rows.Gate)
        {
            return Task.FromResult(write(rows));
        }
    }
}
