using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.InMemory;

public sealed partial class InMemoryBillingStorage
{
    private static readonly Duration BucketLength = Duration.FromMinutes(UsageRollup.BucketMinutes);

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageData>> ReadUsageAsync(TenantId tenant, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(queries);
        return Read<IReadOnlyList<UsageData>>(
            Find(tenant, cancellationToken),
            rows => queries.Select(q => Answer(rows.Usage, q)).ToArray(),
            queries.Select(_ => new UsageData()).ToArray());
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageOutcome>> AppendUsageAsync(TenantId tenant, UsageAppendBatch events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        StorageRules.Check(tenant, events);
        return Write<IReadOnlyList<UsageOutcome>>(Open(tenant, cancellationToken), rows =>
        {
            // Everything that can fail comes before the first write.
            var seen = new HashSet<Guid>(events.Count);
            var outcomes = new UsageOutcome[events.Count];
            for (var i = 0; i < outcomes.Length; i++)
            {
                var hash = events.Records[i].Hash;
                outcomes[i] = !rows.Usage.IsClaimed(hash) && seen.Add(hash) ? UsageOutcome.Accepted : UsageOutcome.Duplicate;
            }

            var rollups = events.RollupsOf(outcomes, _ids);
            var due = events.DueOf(outcomes);
            for (var i = 0; i < outcomes.Length; i++)
            {
                if (outcomes[i] == UsageOutcome.Accepted)
                {
                    rows.Usage.Claim(events.Records[i]);
                    rows.Usage.Put(events.Records[i]);
                }
            }

            MakeDue(rows, due);

            foreach (var rollup in rollups)
            {
                rows.Usage.Put(rollup);
            }

            return outcomes;
        });
    }

    /// <inheritdoc/>
    public Task<UsageRecord?> FindUsageAsync(TenantId tenant, Guid hash, CancellationToken cancellationToken) =>
        Read(Find(tenant, cancellationToken), rows => rows.Usage.Find(hash), null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageRecord>> ReadUsageBucketAsync(
        TenantId tenant, string subscriptionId, string eventType, Instant bucket, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows => Events(rows.Usage, subscriptionId, eventType, bucket, bucket + BucketLength));

    /// <inheritdoc/>
    public Task<bool> CorrectUsageAsync(
        TenantId tenant, UsageRecord record, IReadOnlyList<UsageRollup> rollups, DueItem? makesDue, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(rollups);
        StorageRules.Check(tenant, [new UsageAppend { Record = record, Rollups = rollups, MakesDue = makesDue }]);
        return Write(Open(tenant, cancellationToken), rows =>
        {
            if (rows.Usage.Find(record.Hash) is not { } stored || stored.Version != record.Version - 1)
            {
                return false;
            }

            var merged = StorageRules.MergeRollups(rollups, _ids);
            rows.Usage.Put(record);
            foreach (var rollup in merged)
            {
                rows.Usage.Put(rollup);
            }

            MakeDue(rows, [makesDue]);
            return true;
        });
    }

    /// <inheritdoc/>
    public Task<int> DeleteUsageEventsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        Write(Open(tenant, cancellationToken), rows => rows.Usage.DropEventsBefore(before));

    /// <inheritdoc/>
    public Task<int> DeleteUsageKeysAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        Write(Open(tenant, cancellationToken), rows => rows.Usage.DropKeysBefore(before));

    /// <inheritdoc/>
    public Task<int> DeleteUsageRollupsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        Write(Open(tenant, cancellationToken), rows => rows.Usage.DropRollupsBefore(before));

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageRecord>> ListUnattributedUsageAsync(TenantId tenant, int maximum, CancellationToken cancellationToken) =>
        ReadList(Find(tenant, cancellationToken), rows =>
            rows.Usage.Unattributed.Where(r => !r.Removed).OrderBy(r => r.Event.At).ThenBy(r => r.Hash).Take(maximum));

    private static UsageData Answer(UsageIndex usage, UsageQuery query)
    {
        if (query.NeedsEvents)
        {
            return new UsageData { Events = Events(usage, query.SubscriptionId, query.EventType, query.From, query.To).ToArray() };
        }

        var (from, to) = StorageRules.WholeBuckets(query);
        if (to <= from)
        {
            // No bucket lies wholly within the time.
            return new UsageData { Events = Events(usage, query.SubscriptionId, query.EventType, query.From, query.To).ToArray() };
        }

        var rollups = usage.Rollups(query.SubscriptionId, query.Meter, from, to).Where(b => b.Value.Count > 0).ToArray();
        var known = rollups.Length == 0 ? to : rollups[0].Key;
        return new UsageData
        {
            Groups = StorageRules.Combine(rollups.SelectMany(b => b.Value)),
            Events =
            [
                .. Events(usage, query.SubscriptionId, query.EventType, query.From, from),
                .. Events(usage, query.SubscriptionId, query.EventType, to, query.To),
            ],
            RollupsMissing = usage.Events(query.SubscriptionId, query.EventType, from, known).Any(b => b.Value.Exists(r => !r.Removed)),
        };
    }

    private static IOrderedEnumerable<UsageRecord> Events(UsageIndex usage, string subscriptionId, string type, Instant from, Instant to) =>
        usage.Events(subscriptionId, type, UsageRollup.BucketOf(from), to)
            .SelectMany(b => b.Value)
            .Where(r => !r.Removed && r.Event.At >= from && r.Event.At < to)
            .OrderBy(r => r.Event.At)
            .ThenBy(r => r.Hash);

    private static void MakeDue(TenantRows rows, IEnumerable<DueItem?> marks)
    {
        foreach (var mark in StorageRules.MergeMarks(marks.OfType<DueItem>()))
        {
            var stored = rows.Find<DueItem>(mark.Kind, mark.PayerId);
            rows.Put(StorageRules.Mark(stored, mark), stored);
        }
    }
}
