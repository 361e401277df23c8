using System.Collections.Frozen;
using System.Globalization;
using System.Linq.Expressions;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Usage;
using NodaTime;

namespace Billing.Storage;

/// <summary>The value of a key within a tenant: the properties that <see cref="StorageKeys"/> names, in order.</summary>
/// <param name="First">The first property; <see langword="null"/> for a key that is the tenant alone.</param>
/// <param name="Second">The second, if any.</param>
/// <param name="Third">The third, if any.</param>
public readonly record struct RowKey(object? First, object? Second, object? Third)
{
    /// <summary>The parts, joined by <c>/</c>.</summary>
    public override string ToString() =>
        string.Join('/', new[] { First, Second, Third }.OfType<object>().Select(p => Convert.ToString(p, CultureInfo.InvariantCulture)));
}

/// <summary>What all storage adapters do alike: keys of rows, checks of batches, merging of rollups. Pure functions.</summary>
public static class StorageRules
{
    private static readonly FrozenDictionary<Type, Func<IBillingRow, RowKey>> PrimaryKeys =
        StorageKeys.Primary.ToFrozenDictionary(p => p.Key, p => Selector(p.Key, p.Value));

    private static readonly FrozenDictionary<Type, Func<IBillingRow, RowKey>[]> OtherKeys =
        StorageKeys.Unique.ToFrozenDictionary(p => p.Key, p => p.Value.Select(names => Selector(p.Key, names)).ToArray());

    private static readonly FrozenSet<Type> WrittenByTheStore =
        new[] { typeof(InvoiceNumber), typeof(DueItem), typeof(IdempotencyRecord), typeof(UsageRecord), typeof(UsageRollup) }.ToFrozenSet();

    /// <summary>The row's primary key within its tenant.</summary>
    public static RowKey PrimaryKey(IBillingRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return PrimaryKeys.TryGetValue(row.GetType(), out var selector)
            ? selector(row)
            : throw new ArgumentException($"{row.GetType().Name} is not a row type that stores keep.", nameof(row));
    }

    /// <summary>The row's other unique keys within its tenant, in the order of <see cref="StorageKeys.Unique"/>.</summary>
    public static RowKey[] UniqueKeys(IBillingRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return OtherKeys.TryGetValue(row.GetType(), out var selectors) ? Array.ConvertAll(selectors, s => s(row)) : [];
    }

    /// <summary>Row type and primary key, for messages and <see cref="PayerCommit.Detail"/>: <c>Subscription s1</c>.</summary>
    public static string Describe(IBillingRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var key = PrimaryKey(row).ToString();
        return row.GetType().Name + " " + (key.Length == 0 ? row.Tenant.Value : key);
    }

    /// <summary>Refuses a batch that no store may write, before anything is written.</summary>
    /// <remarks>
    /// Every row is of the batch's tenant and of the payer that it stands under; the payer's own row is there with the next billing version;
    /// no row is changed twice; a number is asked for an invoice of the same changes; rows that the store itself writes are not among the rows.
    /// </remarks>
    /// <exception cref="ArgumentException">The batch breaks one of these rules: an error of the caller.</exception>
    /// <exception cref="BillingException">With code <c>validation</c>: the pattern of a number is none.</exception>
    public static void Check(BillingBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        CheckRows(batch.Tenant, payerId: null, batch.Rows);
        CheckTenant(batch.Tenant, batch.Idempotency);
        var payers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var payer in batch.Payers)
        {
            Require(payers.Add(payer.PayerId), $"Payer '{payer.PayerId}' stands in the batch twice.");
            CheckRows(batch.Tenant, payer.PayerId, payer.Rows);
            CheckTenant(batch.Tenant, payer.Idempotency);
            CheckPayer(payer);
        }
    }

    /// <summary>Refuses usage that is not of the tenant, before anything is written.</summary>
    /// <exception cref="ArgumentException">A record, rollup or due item is of another tenant: an error of the caller.</exception>
    public static void Check(TenantId tenant, UsageAppendBatch events)
    {
        ArgumentNullException.ThrowIfNull(events);
        foreach (var record in events.Records)
        {
            CheckTenant(tenant, record);
        }

        foreach (var row in events.OtherRows)
        {
            CheckTenant(tenant, row);
        }
    }

    /// <summary>The time of a query's whole buckets: from the first bucket that starts in it to the end of the last one that ends in it. Empty when the end is not after the start.</summary>
    public static (Instant From, Instant To) WholeBuckets(UsageQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        var first = UsageRollup.BucketOf(query.From);
        var from = first == query.From ? first : first + Duration.FromMinutes(UsageRollup.BucketMinutes);
        return (from, UsageRollup.BucketOf(query.To));
    }

    /// <summary>Merges the deltas of one commit that share subscription, meter, group and bucket, in order of first appearance; each result has a new id.</summary>
    public static IReadOnlyList<UsageRollup> MergeRollups(IEnumerable<UsageRollup> deltas, IIdGenerator ids)
    {
        ArgumentNullException.ThrowIfNull(deltas);
        ArgumentNullException.ThrowIfNull(ids);
        var places = new Dictionary<(string, string, string, Instant, bool), int>();
        var merged = new List<UsageRollup>();
        foreach (var delta in deltas)
        {
            var key = (delta.SubscriptionId, delta.Meter, delta.Group, delta.Bucket, delta.Replaces);
            if (places.TryGetValue(key, out var place))
            {
                merged[place] = Merge(merged[place], delta);
            }
            else
            {
                places.Add(key, merged.Count);
                merged.Add(delta with { Id = ids.NewId() });
            }
        }

        return merged;
    }

    /// <summary>
    /// What rollups of one subscription and meter come to, by group in order. Within a bucket and group, in order of id, one with <see cref="UsageRollup.Replaces"/> takes the place of those before it.
    /// </summary>
    public static IReadOnlyList<UsageGroup> Combine(IEnumerable<UsageRollup> deltas)
    {
        ArgumentNullException.ThrowIfNull(deltas);
        var buckets = new Dictionary<(string Group, Instant Bucket), UsageRollup>();
        foreach (var delta in deltas.OrderBy(d => d.Id))
        {
            var key = (delta.Group, delta.Bucket);
            buckets[key] = !delta.Replaces && buckets.TryGetValue(key, out var sum) ? Merge(sum, delta) : delta;
        }

        var groups = new SortedDictionary<string, UsageRollup>(StringComparer.Ordinal);
        foreach (var rollup in buckets.Values)
        {
            groups[rollup.Group] = groups.TryGetValue(rollup.Group, out var sum) ? Merge(sum, rollup) : rollup;
        }

        return [.. groups.Values.Select(r => new UsageGroup(r.Group, r.Count, r.Sum, r.Min, r.Max))];
    }

    /// <summary>The marks of one call, one per kind and payer: the earliest moments.</summary>
    public static IReadOnlyList<DueItem> MergeMarks(IEnumerable<DueItem> marks)
    {
        ArgumentNullException.ThrowIfNull(marks);
        return [.. marks.GroupBy(m => (m.Kind, m.PayerId)).Select(g => g.Aggregate(Mark))];
    }

    /// <summary>The due item after a mark: the earlier moments of both, and the next version.</summary>
    public static DueItem Mark(DueItem? stored, DueItem mark)
    {
        ArgumentNullException.ThrowIfNull(mark);
        return stored is null
            ? mark with { Version = 1 }
            : stored with { DueAt = Instant.Min(stored.DueAt, mark.DueAt), ReopensFrom = Earlier(stored.ReopensFrom, mark.ReopensFrom), Version = stored.Version + 1 };
    }

    /// <summary>The due item after a commit of a payer, or <see langword="null"/>: what was wanted, unless something marked the payer since the commit's snapshot.</summary>
    /// <param name="stored">What is stored.</param>
    /// <param name="changes">The payer's changes.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">A kind that the changes name.</param>
    public static DueItem? After(DueItem? stored, PayerChanges changes, TenantId tenant, DueKind kind)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var wanted = changes.Due[kind] is { } at ? new DueItem { Tenant = tenant, Kind = kind, PayerId = changes.PayerId, DueAt = at } : null;
        var asSeen = changes.DueSeen.TryGetValue(kind, out var version) ? stored?.Version == version : stored is null;
        return asSeen || stored is null
            ? wanted is null ? null : wanted with { Version = (stored?.Version ?? 0) + 1 }
            : Mark(stored, wanted ?? stored);
    }

    private static Instant? Earlier(Instant? first, Instant? second) =>
        first is { } a && second is { } b ? Instant.Min(a, b) : first ?? second;

    private static UsageRollup Merge(UsageRollup first, UsageRollup second) => first with
    {
        Count = first.Count + second.Count,
        Sum = first.Sum + second.Sum,
        Min = first.Min is { } min && second.Min is { } otherMin ? Math.Min(min, otherMin) : first.Min ?? second.Min,
        Max = first.Max is { } max && second.Max is { } otherMax ? Math.Max(max, otherMax) : first.Max ?? second.Max,
    };

    private static void CheckRows(TenantId tenant, string? payerId, IReadOnlyList<RowChange> rows)
    {
        var keys = new Dictionary<(Type, RowKey), RowOperation>();
        foreach (var (operation, row) in rows)
        {
            CheckTenant(tenant, row);
            Require(!WrittenByTheStore.Contains(row.GetType()), $"{Describe(row)} cannot be among the rows: the store writes such rows itself.");
            if (row is IPayerRow owned)
            {
                // A payer's quarantine may also be written by a run that does not touch the payer.
                Require(payerId is null ? row is QuarantineItem : owned.PayerId == payerId, $"{Describe(row)} belongs to payer '{owned.PayerId}' and stands under '{payerId}'.");
            }

            var key = (row.GetType(), PrimaryKey(row));
            Require(keys.TryAdd(key, operation) || (operation == RowOperation.Insert && keys[key] == RowOperation.Insert), $"{Describe(row)} is changed twice.");
        }
    }

    private static void CheckPayer(PayerChanges payer)
    {
        var own = payer.Rows.FirstOrDefault(c => c.Row is Customer customer && customer.Id == payer.PayerId);
        var operation = payer.ExpectedVersion == 0 ? RowOperation.Insert : RowOperation.Update;
        Require(
            own is not null && own.Operation == operation && ((Customer)own.Row).BillingVersion == payer.ExpectedVersion + 1,
            $"The changes of payer '{payer.PayerId}' need its own row with billing version {payer.ExpectedVersion + 1}.");
        Require(payer.Numbers.DistinctBy(n => n.InvoiceId).Count() == payer.Numbers.Count, $"A number is asked for twice for one invoice of payer '{payer.PayerId}'.");
        foreach (var request in payer.Numbers)
        {
            _ = NumberPattern.Format(request.Pattern, 1);
            Require(
                payer.Rows.Any(c => c.Operation != RowOperation.Delete && c.Row is Invoice invoice && invoice.Id == request.InvoiceId),
                $"A number is asked for invoice '{request.InvoiceId}', which the changes of payer '{payer.PayerId}' do not write.");
        }
    }

    private static void CheckTenant(TenantId tenant, IBillingRow? row)
    {
        if (row is not null && row.Tenant != tenant)
        {
            throw new ArgumentException($"{row.GetType().Name} is of tenant '{row.Tenant}', the batch of '{tenant}'.");
        }
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }

    private static Func<IBillingRow, RowKey> Selector(Type type, string[] names)
    {
        var row = Expression.Parameter(typeof(IBillingRow), "row");
        var typed = Expression.Convert(row, type);
        var parts = Enumerable.Range(0, 3).Select(i =>
            i < names.Length ? (Expression)Expression.Convert(Expression.Property(typed, names[i]), typeof(object)) : Expression.Constant(null, typeof(object)));
        return Expression.Lambda<Func<IBillingRow, RowKey>>(Expression.New(typeof(RowKey).GetConstructors()[0], parts), row).Compile();
    }
}
