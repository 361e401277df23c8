using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Billing.EntityFrameworkCore;

public partial class EfBillingStorage<TContext>
{
    private static readonly Duration BucketLength = Duration.FromMinutes(UsageRollup.BucketMinutes);

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageData>> ReadUsageAsync(TenantId tenant, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(queries);
        return ReadAsync(
            async (context, cancel) =>
            {
                var transaction = await _database.BeginReadAsync(context, cancel).ConfigureAwait(false);
                await using var _ = transaction.ConfigureAwait(false);
                return await UsageAnswers.ReadAsync(Of<UsageRecordRow>(context, tenant), Of<UsageRollup>(context, tenant), queries, cancel).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageOutcome>> AppendUsageAsync(TenantId tenant, UsageAppendBatch events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        StorageRules.Check(tenant, events);
        return WriteAsync<IReadOnlyList<UsageOutcome>>(
            async (context, cancel) =>
            {
                var known = new HashSet<Guid>();
                foreach (var part in events.Records.Select(r => r.Hash).Distinct().Chunk(500))
                {
                    known.UnionWith(await Of<UsageKeyRow>(context, tenant).Where(k => part.Contains(k.Hash)).Select(k => k.Hash).ToListAsync(cancel).ConfigureAwait(false));
                }

                var outcomes = events.Records.Select(r => known.Add(r.Hash) ? UsageOutcome.Accepted : UsageOutcome.Duplicate).ToArray();
                var accepted = events.Records.Where((_, i) => outcomes[i] == UsageOutcome.Accepted).ToArray();
                var rows = new List<object>(accepted.Length * 3);
                rows.AddRange(accepted.Select(r => new UsageKeyRow { Tenant = tenant, Hash = r.Hash, At = r.Event.At }));
                rows.AddRange(accepted.Select(UsageRecordRow.Of));
                rows.AddRange(events.RollupsOf(outcomes, _ids));
                await InsertOrRaceAsync(context, rows, cancel).ConfigureAwait(false);
                await MakeDueAsync(context, tenant, [.. events.DueOf(outcomes)], cancel).ConfigureAwait(false);
                return outcomes;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<UsageRecord?> FindUsageAsync(TenantId tenant, Guid hash, CancellationToken cancellationToken) => ReadAsync(
        async (context, cancel) =>
            (await Of<UsageRecordRow>(context, tenant).SingleOrDefaultAsync(r => r.Hash == hash, cancel).ConfigureAwait(false))?.ToRecord(),
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageRecord>> ReadUsageBucketAsync(
        TenantId tenant, string subscriptionId, string eventType, Instant bucket, CancellationToken cancellationToken) => RecordsAsync(
        context => Of<UsageRecordRow>(context, tenant)
            .Where(r => r.SubscriptionId == subscriptionId && r.EventType == eventType && r.Bucket == bucket && !r.Removed)
            .OrderBy(r => r.At).ThenBy(r => r.Hash),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> CorrectUsageAsync(
        TenantId tenant, UsageRecord record, IReadOnlyList<UsageRollup> rollups, DueItem? makesDue, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(rollups);
        StorageRules.Check(tenant, [new UsageAppend { Record = record, Rollups = rollups, MakesDue = makesDue }]);
        return WriteAsync(
            async (context, cancel) =>
            {
                var missing = await _database.UpdateAsync(context, [new StoredRow(UsageRecordRow.Of(record), record.Version - 1)], each: true, cancel).ConfigureAwait(false);
                if (missing.Count > 0)
                {
                    return false;
                }

                await _database.InsertAsync(context, StorageRules.MergeRollups(rollups, _ids), cancel).ConfigureAwait(false);
                await MakeDueAsync(context, tenant, makesDue is null ? [] : [makesDue], cancel).ConfigureAwait(false);
                return true;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<int> DeleteUsageEventsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        WriteAsync((context, cancel) => Of<UsageRecordRow>(context, tenant).Where(r => r.At < before).ExecuteDeleteAsync(cancel), cancellationToken);

    /// <inheritdoc/>
    public Task<int> DeleteUsageKeysAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        WriteAsync((context, cancel) => Of<UsageKeyRow>(context, tenant).Where(k => k.At < before).ExecuteDeleteAsync(cancel), cancellationToken);

    /// <inheritdoc/>
    public Task<int> DeleteUsageRollupsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken)
    {
        var lastBucket = before - BucketLength;
        return WriteAsync((context, cancel) => Of<UsageRollup>(context, tenant).Where(r => r.Bucket <= lastBucket).ExecuteDeleteAsync(cancel), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageRecord>> ListUnattributedUsageAsync(TenantId tenant, int maximum, CancellationToken cancellationToken) => RecordsAsync(
        context => Of<UsageRecordRow>(context, tenant).Where(r => r.SubscriptionId == null && !r.Removed).OrderBy(r => r.At).ThenBy(r => r.Hash).Take(maximum),
        cancellationToken);

    private Task<IReadOnlyList<UsageRecord>> RecordsAsync(Func<DbContext, IQueryable<UsageRecordRow>> query, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<UsageRecord>>(
            async (context, cancel) => (await query(context).ToListAsync(cancel).ConfigureAwait(false)).ConvertAll(r => r.ToRecord()), cancellationToken);

    /// <summary>Marks due items: the earlier moments stay, the version grows.</summary>
    private async Task MakeDueAsync(DbContext context, TenantId tenant, DueItem[] wanted, CancellationToken cancellationToken)
    {
        var marks = StorageRules.MergeMarks(wanted);
        if (marks.Count == 0)
        {
            return;
        }

        var payers = marks.Select(d => d.PayerId).Distinct().ToArray();
        var stored = await DueOf(context, tenant, payers).ToDictionaryAsync(d => (d.Kind, d.PayerId), cancellationToken).ConfigureAwait(false);
        var known = marks.Where(d => stored.ContainsKey((d.Kind, d.PayerId))).Select(d => (Mark: d, Stored: stored[(d.Kind, d.PayerId)]));
        var updates = known.Select(k => new StoredRow(StorageRules.Mark(k.Stored, k.Mark), k.Stored.Version)).ToArray();
        var lost = await _database.UpdateAsync(context, updates, each: true, cancellationToken).ConfigureAwait(false);
        if (lost.Count > 0)
        {
            throw new RaceException(new InvalidOperationException("A due item was marked in between."));
        }

        await InsertOrRaceAsync(context, [.. marks.Where(d => !stored.ContainsKey((d.Kind, d.PayerId))).Select(d => d with { Version = 1 })], cancellationToken).ConfigureAwait(false);
    }

    private async Task InsertOrRaceAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        try
        {
            await _database.InsertAsync(context, rows, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (_database.IsUniqueViolation(exception))
        {
            throw new RaceException(exception);
        }
    }
}

/// <summary>Answers usage queries from four reads: rollups, the buckets that events fall in, events of cut buckets, events of whole times.</summary>
internal static class UsageAnswers
{
    public static async Task<IReadOnlyList<UsageData>> ReadAsync(
        IQueryable<UsageRecordRow> records, IQueryable<UsageRollup> rollups, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken)
    {
        var parts = queries.Select(q => new Part(q)).ToArray();
        var sums = await RollupsAsync(rollups, [.. parts.Where(p => p.HasWhole)], cancellationToken).ConfigureAwait(false);
        var buckets = await BucketsAsync(records, [.. parts.Where(p => p.HasWhole)], cancellationToken).ConfigureAwait(false);
        var cut = await CutEventsAsync(records, [.. parts.Where(p => !p.Query.NeedsEvents)], cancellationToken).ConfigureAwait(false);
        var all = await AllEventsAsync(records, [.. parts.Where(p => p.Query.NeedsEvents)], cancellationToken).ConfigureAwait(false);
        return parts.Select(p => p.Answer(sums, buckets, p.Query.NeedsEvents ? all : cut)).ToArray();
    }

    private static async Task<ILookup<(string, string), UsageRollup>> RollupsAsync(IQueryable<UsageRollup> rollups, Part[] parts, CancellationToken cancellationToken)
    {
        if (parts.Length == 0)
        {
            return Array.Empty<UsageRollup>().ToLookup(r => (r.SubscriptionId, r.Meter));
        }

        var (subscriptions, meters) = (Values(parts, p => p.Query.SubscriptionId), Values(parts, p => p.Query.Meter));
        var (from, to) = (parts.Min(p => p.WholeFrom), parts.Max(p => p.WholeTo));
        var rows = await rollups
            .Where(r => subscriptions.Contains(r.SubscriptionId) && meters.Contains(r.Meter) && r.Bucket >= from && r.Bucket < to)
            .ToListAsync(cancellationToken).ConfigureAwait(false);
        return rows.ToLookup(r => (r.SubscriptionId, r.Meter));
    }

    private static async Task<ILookup<(string, string), Instant>> BucketsAsync(IQueryable<UsageRecordRow> records, Part[] parts, CancellationToken cancellationToken)
    {
        if (parts.Length == 0)
        {
            return Array.Empty<Instant>().ToLookup(_ => ("", ""));
        }

        var (subscriptions, types) = (Values(parts, p => p.Query.SubscriptionId), Values(parts, p => p.Query.EventType));
        var (from, to) = (parts.Min(p => p.WholeFrom), parts.Max(p => p.WholeTo));
        var rows = await records
            .Where(r => r.SubscriptionId != null && subscriptions.Contains(r.SubscriptionId) && types.Contains(r.EventType) && r.Bucket >= from && r.Bucket < to && !r.Removed)
            .Select(r => new { r.SubscriptionId, r.EventType, r.Bucket })
            .Distinct()
            .ToListAsync(cancellationToken).ConfigureAwait(false);
        return rows.ToLookup(r => (r.SubscriptionId!, r.EventType), r => r.Bucket);
    }

    private static async Task<ILookup<(string, string), UsageRecord>> CutEventsAsync(IQueryable<UsageRecordRow> records, Part[] parts, CancellationToken cancellationToken)
    {
        var (subscriptions, types) = (Values(parts, p => p.Query.SubscriptionId), Values(parts, p => p.Query.EventType));
        var buckets = parts.SelectMany(p => p.CutBuckets()).Distinct().ToArray();
        var rows = buckets.Length == 0
            ? []
            : await records
                .Where(r => r.SubscriptionId != null && subscriptions.Contains(r.SubscriptionId) && types.Contains(r.EventType) && buckets.Contains(r.Bucket) && !r.Removed)
                .ToListAsync(cancellationToken).ConfigureAwait(false);
        return Records(rows);
    }

    private static async Task<ILookup<(string, string), UsageRecord>> AllEventsAsync(IQueryable<UsageRecordRow> records, Part[] parts, CancellationToken cancellationToken)
    {
        if (parts.Length == 0)
        {
            return Records([]);
        }

        var (subscriptions, types) = (Values(parts, p => p.Query.SubscriptionId), Values(parts, p => p.Query.EventType));
        var (from, to) = (UsageRollup.BucketOf(parts.Min(p => p.Query.From)), parts.Max(p => p.Query.To));
        var rows = await records
            .Where(r => r.SubscriptionId != null && subscriptions.Contains(r.SubscriptionId) && types.Contains(r.EventType) && r.Bucket >= from && r.Bucket < to && !r.Removed)
            .ToListAsync(cancellationToken).ConfigureAwait(false);
        return Records(rows);
    }

    private static ILookup<(string, string), UsageRecord> Records(List<UsageRecordRow> rows) =>
        rows.ToLookup(r => (r.SubscriptionId!, r.EventType), r => r.ToRecord());

    private static string[] Values(Part[] parts, Func<Part, string> value) => parts.Select(value).Distinct(StringComparer.Ordinal).ToArray();

    /// <summary>A query and its time cut into whole buckets and the rest.</summary>
    private sealed class Part
    {
        public Part(UsageQuery query)
        {
            Query = query;
            (WholeFrom, WholeTo) = StorageRules.WholeBuckets(query);
            HasWhole = !query.NeedsEvents && WholeFrom < WholeTo;
        }

        public UsageQuery Query { get; }

        public Instant WholeFrom { get; }

        public Instant WholeTo { get; }

        public bool HasWhole { get; }

        public IEnumerable<Instant> CutBuckets()
        {
            if (Query.From < WholeFrom || !HasWhole)
            {
                yield return UsageRollup.BucketOf(Query.From);
            }

            if (WholeTo < Query.To)
            {
                yield return WholeTo;
            }
        }

        public UsageData Answer(
            ILookup<(string, string), UsageRollup> rollups, ILookup<(string, string), Instant> buckets, ILookup<(string, string), UsageRecord> events)
        {
            var own = HasWhole
                ? rollups[(Query.SubscriptionId, Query.Meter)].Where(r => r.Bucket >= WholeFrom && r.Bucket < WholeTo).ToArray()
                : [];
            var known = own.Length == 0 ? WholeTo : own.Min(r => r.Bucket);
            return new UsageData
            {
                Groups = StorageRules.Combine(own),
                Events = events[(Query.SubscriptionId, Query.EventType)].Where(r => Wanted(r.Event.At)).OrderBy(r => r.Event.At).ThenBy(r => r.Hash).ToArray(),
                RollupsMissing = HasWhole && buckets[(Query.SubscriptionId, Query.EventType)].Any(b => b >= WholeFrom && b < known),
            };
        }

        private bool Wanted(Instant at) =>
            at >= Query.From && at < Query.To && (!HasWhole || at < WholeFrom || at >= WholeTo);
    }
}
