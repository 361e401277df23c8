using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Billing.EntityFrameworkCore;

/// <summary>Answers usage queries with at most four commands: sums of rollups, whether events lie before them, events of cut buckets, events of whole times.</summary>
internal static class UsageAnswers
{
    public static async Task<IReadOnlyList<UsageData>> ReadAsync(
        DbContext context, BillingDatabase database, TenantId tenant, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken)
    {
        var parts = new Part[queries.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = new Part(queries[i]);
        }

        var whole = Array.FindAll(parts, p => p.HasWhole);
        if (whole.Length > 0)
        {
            var sums = await database.SumRollupsAsync(context, tenant, Array.ConvertAll(whole, p => p.Whole), cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < whole.Length; i++)
            {
                whole[i].Sums = sums[i];
            }

            await FindMissingAsync(context, database, tenant, Array.FindAll(whole, p => p.Unsummed is not null), cancellationToken).ConfigureAwait(false);
        }

        await AddEventsAsync(context, database, tenant, Array.FindAll(parts, p => !p.Query.NeedsEvents), cancellationToken).ConfigureAwait(false);
        await AddEventsAsync(context, database, tenant, Array.FindAll(parts, p => p.Query.NeedsEvents), cancellationToken).ConfigureAwait(false);
        return Array.ConvertAll(parts, p => p.Answer());
    }

    private static async Task FindMissingAsync(DbContext context, BillingDatabase database, TenantId tenant, Part[] parts, CancellationToken cancellationToken)
    {
        if (parts.Length > 0)
        {
            var found = await database.HasEventsAsync(context, tenant, Array.ConvertAll(parts, p => p.Unsummed!), cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < parts.Length; i++)
            {
                parts[i].RollupsMissing = found[i];
            }
        }
    }

    private static async Task AddEventsAsync(DbContext context, BillingDatabase database, TenantId tenant, Part[] parts, CancellationToken cancellationToken)
    {
        var (ranges, owners) = (new List<UsageRange>(), new List<Part>());
        foreach (var part in parts)
        {
            foreach (var range in part.EventRanges())
            {
                ranges.Add(range);
                owners.Add(part);
            }
        }

        if (ranges.Count > 0)
        {
            var events = await database.ReadEventsAsync<UsageRecordRow>(context, tenant, ranges, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < events.Rows.Count; i++)
            {
                owners[events.Places[i]].Add(events.Rows[i]);
            }
        }
    }

    /// <summary>A query, its time cut into whole buckets and the rest, and what was read for it.</summary>
    private sealed class Part
    {
        private static readonly Duration BucketLength = Duration.FromMinutes(UsageRollup.BucketMinutes);

        private readonly Instant _wholeFrom;
        private readonly Instant _wholeTo;
        private List<UsageRecord>? _events;

        public Part(UsageQuery query)
        {
            Query = query;
            (_wholeFrom, _wholeTo) = StorageRules.WholeBuckets(query);
            HasWhole = !query.NeedsEvents && _wholeFrom < _wholeTo;
        }

        public UsageQuery Query { get; }

        public bool HasWhole { get; }

        public UsageRange Whole => new(Query.SubscriptionId, Query.Meter, _wholeFrom, _wholeTo);

        public RollupSums Sums { get; set; } = RollupSums.None;

        /// <summary>The whole buckets before the first one with a rollup.</summary>
        public UsageRange? Unsummed
        {
            get
            {
                var known = Sums.FirstBucket ?? _wholeTo;
                return _wholeFrom < known ? new UsageRange(Query.SubscriptionId, Query.EventType, _wholeFrom, known) : null;
            }
        }

        public bool RollupsMissing { get; set; }

        /// <summary>The buckets whose events are wanted.</summary>
        public IEnumerable<UsageRange> EventRanges()
        {
            if (Query.NeedsEvents)
            {
                yield return Events(UsageRollup.BucketOf(Query.From), Query.To);
                yield break;
            }

            if (Query.From < _wholeFrom || !HasWhole)
            {
                yield return Bucket(UsageRollup.BucketOf(Query.From));
            }

            // Without whole buckets both ends may lie in one.
            if (_wholeTo < Query.To && (HasWhole || _wholeTo != UsageRollup.BucketOf(Query.From)))
            {
                yield return Bucket(_wholeTo);
            }
        }

        public void Add(UsageRecordRow row)
        {
            if (row.At >= Query.From && row.At < Query.To && (!HasWhole || row.At < _wholeFrom || row.At >= _wholeTo))
            {
                (_events ??= []).Add(row.ToRecord());
            }
        }

        public UsageData Answer()
        {
            _events?.Sort(static (a, b) => a.Event.At.CompareTo(b.Event.At) is var order and not 0 ? order : a.Hash.CompareTo(b.Hash));
            return new UsageData { Groups = Sums.Groups, Events = _events ?? [], RollupsMissing = RollupsMissing };
        }

        private UsageRange Bucket(Instant bucket) => Events(bucket, bucket + BucketLength);

        private UsageRange Events(Instant from, Instant to) => new(Query.SubscriptionId, Query.EventType, from, to);
    }
}
