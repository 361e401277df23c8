using Billing.Customers;
using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Billing.EntityFrameworkCore;

/// <summary>Which rows of payers are read.</summary>
public enum PayerRows
{
    /// <summary>All that have the payer's id.</summary>
    All,

    /// <summary>Of customers: the payers' own rows only.</summary>
    Own,

    /// <summary>Those recorded from the payer's <see cref="Customer.HistoryFrom"/> on.</summary>
    SinceHistory,

    /// <summary>Those that stand on no invoice, and those recorded from the payer's <see cref="Customer.HistoryFrom"/> on.</summary>
    WaitingOrSinceHistory,

    /// <summary>Of invoices: from the payer's <see cref="Customer.FirstOpenInvoice"/> on.</summary>
    FromFirstOpenInvoice,
}

/// <summary>Rows, and to which of the payers or ranges asked for each belongs.</summary>
/// <typeparam name="T">An entity type of the model.</typeparam>
public sealed class PlacedRows<T>
{
    private readonly List<T> _rows = [];
    private readonly List<int> _places = [];

    /// <summary>The rows, in any order.</summary>
    public IReadOnlyList<T> Rows => _rows;

    /// <summary>The place, from 0, of each row's payer or range in the list that was asked for.</summary>
    public IReadOnlyList<int> Places => _places;

    /// <summary>Adds a row.</summary>
    public void Add(int place, T row)
    {
        _rows.Add(row);
        _places.Add(place);
    }

    /// <summary>The rows of each place, in a given order.</summary>
    /// <param name="places">How many places there are.</param>
    /// <param name="order">The order within a place.</param>
    internal T[]?[] Split(int places, Comparison<T> order)
    {
        var counts = new int[places];
        foreach (var place in _places)
        {
            counts[place]++;
        }

        var split = new T[]?[places];
        for (var i = _rows.Count - 1; i >= 0; i--)
        {
            var place = _places[i];
            (split[place] ??= new T[counts[place]])[--counts[place]] = _rows[i];
        }

        foreach (var rows in split)
        {
            Sort(rows, order);
        }

        return split;
    }

    /// <summary>Mostly rows come in order.</summary>
    private static void Sort(T[]? rows, Comparison<T> order)
    {
        for (var i = 1; rows is not null && i < rows.Length; i++)
        {
            if (order(rows[i - 1], rows[i]) > 0)
            {
                Array.Sort(rows, order);
                return;
            }
        }
    }
}

/// <summary>A range of usage of one subscription.</summary>
/// <param name="SubscriptionId">The subscription.</param>
/// <param name="Name">Code of the meter, or type of the events.</param>
/// <param name="From">Start of the first bucket.</param>
/// <param name="To">End of the last bucket, exclusive.</param>
public sealed record UsageRange(string SubscriptionId, string Name, Instant From, Instant To);

/// <summary>What the rollups of a range come to.</summary>
/// <param name="Groups">One entry per group, as <see cref="StorageRules.Combine"/> makes them.</param>
/// <param name="FirstBucket">The first bucket that has a rollup; <see langword="null"/>: none has.</param>
public sealed record RollupSums(IReadOnlyList<UsageGroup> Groups, Instant? FirstBucket)
{
    /// <summary>No rollups.</summary>
    public static RollupSums None { get; } = new([], null);
}

public partial class BillingDatabase
{
    /// <summary>Reads the rows of one type of payers, with one command. Default: a query of Entity Framework.</summary>
    /// <param name="context">The context, in a transaction that reads.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="payerIds">Payers, each once.</param>
    /// <param name="which">Which of their rows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <typeparam name="T">A row type with a payer.</typeparam>
    public virtual async Task<PlacedRows<T>> ReadPayerRowsAsync<T>(
        DbContext context, TenantId tenant, IReadOnlyList<string> payerIds, PayerRows which, CancellationToken cancellationToken)
        where T : class, IBillingRow
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(payerIds);
        var places = new Dictionary<string, int>(payerIds.Count, StringComparer.Ordinal);
        foreach (var id in payerIds)
        {
            places.Add(id, places.Count);
        }

        var placed = new PlacedRows<T>();
        foreach (var row in await RowsOf<T>(context, tenant, payerIds as string[] ?? [.. payerIds], which).ToListAsync(cancellationToken).ConfigureAwait(false))
        {
            placed.Add(places[row is DueItem due ? due.PayerId : ((IPayerRow)row).PayerId], row);
        }

        return placed;
    }

    /// <summary>Sums rollups by range and group, exactly, with one command. Default: a query of Entity Framework, summed here.</summary>
    /// <param name="context">The context, in a transaction that reads.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="ranges">Ranges of meters.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>One entry per range, in their order.</returns>
    public virtual async Task<IReadOnlyList<RollupSums>> SumRollupsAsync(
        DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        var (subscriptions, meters) = (Values(ranges, r => r.SubscriptionId), Values(ranges, r => r.Name));
        var (from, to) = (ranges.Min(r => r.From), ranges.Max(r => r.To));
        var rows = await Of<UsageRollup>(context, tenant)
            .Where(r => subscriptions.Contains(r.SubscriptionId) && meters.Contains(r.Meter) && r.Bucket >= from && r.Bucket < to)
            .ToListAsync(cancellationToken).ConfigureAwait(false);
        var byMeter = rows.ToLookup(r => (r.SubscriptionId, r.Meter));
        return [.. ranges.Select(Sums)];

        RollupSums Sums(UsageRange range)
        {
            var own = byMeter[(range.SubscriptionId, range.Name)].Where(r => r.Bucket >= range.From && r.Bucket < range.To).ToArray();
            return own.Length == 0 ? RollupSums.None : new RollupSums(StorageRules.Combine(own), own.Min(r => r.Bucket));
        }
    }

    /// <summary>Says of each range whether a stored event lies in it that is not removed, with one command. Default: a query of Entity Framework.</summary>
    /// <param name="context">The context, in a transaction that reads.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="ranges">Ranges of event types.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual async Task<IReadOnlyList<bool>> HasEventsAsync(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        var buckets = await EventsOf(context, tenant, ranges).Select(r => new { r.SubscriptionId, r.EventType, r.Bucket }).Distinct()
            .ToListAsync(cancellationToken).ConfigureAwait(false);
        var byType = buckets.ToLookup(b => (b.SubscriptionId, b.EventType), b => b.Bucket);
        return [.. ranges.Select(r => byType[(r.SubscriptionId, r.Name)].Any(b => b >= r.From && b < r.To))];
    }

    /// <summary>Reads the events of ranges that are not removed, with one command. Default: a query of Entity Framework.</summary>
    /// <param name="context">The context, in a transaction that reads.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="ranges">Ranges of event types.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <typeparam name="T">The entity type of events.</typeparam>
    public virtual async Task<PlacedRows<T>> ReadEventsAsync<T>(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        var placed = new PlacedRows<T>();
        var places = ranges.Select((range, place) => (range, place)).ToLookup(r => (r.range.SubscriptionId, r.range.Name));
        foreach (var row in await EventsOf(context, tenant, ranges).ToListAsync(cancellationToken).ConfigureAwait(false))
        {
            foreach (var (range, place) in places[(row.SubscriptionId!, row.EventType)])
            {
                if (row.Bucket >= range.From && row.Bucket < range.To)
                {
                    placed.Add(place, (T)(object)row);
                }
            }
        }

        return placed;
    }

    /// <summary>The rows of a tenant.</summary>
    internal static IQueryable<T> Of<T>(DbContext context, TenantId tenant)
        where T : class => context.Set<T>().AsNoTracking().Where(r => EF.Property<TenantId>(r, nameof(IBillingRow.Tenant)) == tenant);

    private static IQueryable<T> RowsOf<T>(DbContext context, TenantId tenant, string[] ids, PayerRows which)
        where T : class
    {
        if (typeof(T) == typeof(DueItem))
        {
            return (IQueryable<T>)DueItems.Of(context, tenant, ids);
        }

        var rows = Of<T>(context, tenant).Where(r => ids.Contains(EF.Property<string>(r, nameof(IPayerRow.PayerId))));
        var withPayer = rows.Join(
            Of<Customer>(context, tenant), r => EF.Property<string>(r, nameof(IPayerRow.PayerId)), c => c.Id, (r, c) => new { Row = r, Payer = c });
        return which switch
        {
            PayerRows.All => rows,
            PayerRows.Own => rows.Where(r => ids.Contains(EF.Property<string>(r, nameof(Customer.Id))) && EF.Property<string>(r, nameof(Customer.Id)) == EF.Property<string>(r, nameof(Customer.PayerId))),
            PayerRows.SinceHistory => withPayer.Where(p => EF.Property<Instant>(p.Row, "RecordedAt") >= p.Payer.HistoryFrom).Select(p => p.Row),
            PayerRows.WaitingOrSinceHistory => withPayer
                .Where(p => EF.Property<Guid?>(p.Row, "InvoiceId") == null || EF.Property<Instant>(p.Row, "RecordedAt") >= p.Payer.HistoryFrom).Select(p => p.Row),
            PayerRows.FromFirstOpenInvoice => withPayer.Where(p => EF.Property<int>(p.Row, "Ordinal") >= p.Payer.FirstOpenInvoice).Select(p => p.Row),
            _ => throw new ArgumentOutOfRangeException(nameof(which), which, "Unknown."),
        };
    }

    private static IQueryable<UsageRecordRow> EventsOf(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges)
    {
        var (subscriptions, types) = (Values(ranges, r => r.SubscriptionId), Values(ranges, r => r.Name));
        var events = Of<UsageRecordRow>(context, tenant)
            .Where(r => r.SubscriptionId != null && subscriptions.Contains(r.SubscriptionId) && types.Contains(r.EventType) && !r.Removed);
        if (ranges.All(r => r.To - r.From == Duration.FromMinutes(UsageRollup.BucketMinutes)))
        {
            var buckets = ranges.Select(r => r.From).Distinct().ToArray();
            return events.Where(r => buckets.Contains(r.Bucket));
        }

        var (from, to) = (ranges.Min(r => r.From), ranges.Max(r => r.To));
        return events.Where(r => r.Bucket >= from && r.Bucket < to);
    }

    private static string[] Values(IReadOnlyList<UsageRange> ranges, Func<UsageRange, string> value) => ranges.Select(value).Distinct(StringComparer.Ordinal).ToArray();
}
