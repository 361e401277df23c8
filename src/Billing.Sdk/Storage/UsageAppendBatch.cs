using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Billing.Usage;
using NodaTime;

namespace Billing.Storage;

/// <summary>
/// Events to store in one commit, with what they add to rollups and what they make due. The store finds out which events are new and asks the batch what those come to:
/// rollups are merged as they are counted, so a batch costs no object for each event.
/// </summary>
/// <remarks>Immutable and thread-safe. A collection expression of <see cref="UsageAppend"/> makes one: <c>[first, second]</c>.</remarks>
[CollectionBuilder(typeof(UsageAppendBatch), nameof(Create))]
public sealed class UsageAppendBatch : IReadOnlyList<UsageAppend>
{
    private readonly UsageRecord[] _records;
    private readonly List<UsageRollup> _buckets;
    private readonly List<UsageDelta> _deltas;
    private readonly List<(int Record, DueItem Item)> _due;

    /// <summary>Takes the lists over; nobody else holds them.</summary>
    internal UsageAppendBatch(UsageRecord[] records, List<UsageRollup> buckets, List<UsageDelta> deltas, List<(int Record, DueItem Item)> due) =>
        (_records, _buckets, _deltas, _due) = (records, buckets, deltas, due);

    /// <summary>How many events.</summary>
    public int Count => _records.Length;

    /// <summary>The events, in order. The answers of the store have this order.</summary>
    public IReadOnlyList<UsageRecord> Records => _records;

    /// <summary>The tenants of rollups and due items, each named once or more: for checks.</summary>
    internal IEnumerable<IBillingRow> OtherRows => _buckets.Concat<IBillingRow>(_due.Select(d => d.Item));

    /// <summary>One event with its own rollups; they have the id that they were given, or none.</summary>
    public UsageAppend this[int index] => new()
    {
        Record = _records[index],
        Rollups = [.. DeltasOf(index).Select(d => With(_buckets[d.Bucket], _buckets[d.Bucket].Id, d))],
        MakesDue = _due.Find(d => d.Record == index).Item,
    };

    /// <summary>Makes a batch of events.</summary>
    public static UsageAppendBatch Create(ReadOnlySpan<UsageAppend> events)
    {
        var builder = new UsageAppendBatchBuilder(events.Length);
        foreach (var append in events)
        {
            builder.Add(append.Record, append.MakesDue);
            foreach (var rollup in append.Rollups)
            {
                builder.AddRollup(rollup);
            }
        }

        return builder.Build();
    }

    /// <summary>
    /// What the accepted events add to rollups: one delta for each subscription, meter, group and bucket, in order of first appearance, each with a new id. To be called within the transaction
    /// that writes them, so that their ids come after those of deltas written before.
    /// </summary>
    /// <param name="outcomes">What became of each event.</param>
    /// <param name="ids">Gives the ids.</param>
    public IReadOnlyList<UsageRollup> RollupsOf(IReadOnlyList<UsageOutcome> outcomes, IIdGenerator ids)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentNullException.ThrowIfNull(ids);
        var sums = new UsageDelta[_buckets.Count];
        var seen = new bool[_buckets.Count];
        var order = new List<int>(_buckets.Count);
        foreach (ref readonly var delta in CollectionsMarshal.AsSpan(_deltas))
        {
            if (outcomes[delta.Record] != UsageOutcome.Accepted)
            {
                continue;
            }

            if (seen[delta.Bucket])
            {
                sums[delta.Bucket].Add(delta);
            }
            else
            {
                seen[delta.Bucket] = true;
                sums[delta.Bucket] = delta;
                order.Add(delta.Bucket);
            }
        }

        return order.ConvertAll(bucket => With(_buckets[bucket], ids.NewId(), sums[bucket]));
    }

    /// <summary>What the accepted events make due, each different item once. <see cref="StorageRules.MergeMarks"/> makes one of those of a payer.</summary>
    public IReadOnlyList<DueItem> DueOf(IReadOnlyList<UsageOutcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        return [.. _due.Where(d => outcomes[d.Record] == UsageOutcome.Accepted).Select(d => d.Item).Distinct()];
    }

    /// <inheritdoc/>
    public IEnumerator<UsageAppend> GetEnumerator()
    {
        for (var i = 0; i < _records.Length; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private IEnumerable<UsageDelta> DeltasOf(int record)
    {
        // They stand in order of their records.
        var (low, high) = (0, _deltas.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _deltas[middle].Record < record ? (middle + 1, high) : (low, middle);
        }

        for (; low < _deltas.Count && _deltas[low].Record == record; low++)
        {
            yield return _deltas[low];
        }
    }

    private static UsageRollup With(UsageRollup bucket, Guid id, in UsageDelta delta) => bucket with
    {
        Id = id,
        Count = delta.Count,
        Sum = delta.Sum,
        Min = delta.Min,
        Max = delta.Max,
    };
}

/// <summary>Puts a <see cref="UsageAppendBatch"/> together, event by event. Not thread-safe; used once.</summary>
internal sealed class UsageAppendBatchBuilder(int capacity)
{
    private UsageRecord[] _records = new UsageRecord[capacity];
    private readonly List<UsageRollup> _buckets = [];
    private readonly List<UsageDelta> _deltas = new(capacity);
    private readonly List<(int Record, DueItem Item)> _due = [];
    private readonly Dictionary<BucketKey, int> _places = [];

    /// <summary>How many events there are so far; no more than the capacity.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an event; what is added to rollups next belongs to it.</summary>
    public void Add(UsageRecord record, DueItem? makesDue)
    {
        if (makesDue is not null)
        {
            _due.Add((Count, makesDue));
        }

        _records[Count++] = record;
    }

    /// <summary>Adds what the last event adds to a meter.</summary>
    public void AddDelta(string subscriptionId, string meter, string group, Instant bucket, in UsageSummary summary)
    {
        var key = new BucketKey(subscriptionId, meter, group, bucket.ToUnixTimeTicks(), false);
        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, key, out var known);
        if (!known)
        {
            place = _buckets.Count;
            var record = _records[Count - 1];
            _buckets.Add(new UsageRollup
            {
                Tenant = record.Tenant,
                Id = Guid.Empty,
                SubscriptionId = subscriptionId,
                Meter = meter,
                Group = group,
                Bucket = bucket,
                Count = 0,
                Sum = 0m,
                RecordedAt = record.RecordedAt,
            });
        }

        _deltas.Add(new UsageDelta(Count - 1, place, (long)summary.Count, summary.Sum, summary.Min, summary.Max));
    }

    /// <summary>Adds what the last event adds to a meter, as a rollup of its own.</summary>
    public void AddRollup(UsageRollup rollup)
    {
        var key = new BucketKey(rollup.SubscriptionId, rollup.Meter, rollup.Group, rollup.Bucket.ToUnixTimeTicks(), rollup.Replaces);
        if (!_places.TryGetValue(key, out var place))
        {
            _places.Add(key, place = _buckets.Count);
            _buckets.Add(rollup);
        }

        _deltas.Add(new UsageDelta(Count - 1, place, rollup.Count, rollup.Sum, rollup.Min, rollup.Max));
    }

    /// <summary>The batch. The builder is used up.</summary>
    public UsageAppendBatch Build()
    {
        Array.Resize(ref _records, Count);
        return new UsageAppendBatch(_records, _buckets, _deltas, _due);
    }

    private readonly record struct BucketKey(string SubscriptionId, string Meter, string Group, long Bucket, bool Replaces);
}

/// <summary>What one event adds to one bucket.</summary>
internal struct UsageDelta(int record, int bucket, long count, decimal sum, decimal? min, decimal? max)
{
    public readonly int Record = record;
    public readonly int Bucket = bucket;
    public long Count = count;
    public decimal Sum = sum;
    public decimal? Min = min;
    public decimal? Max = max;

    public void Add(in UsageDelta other)
    {
        Count += other.Count;
        Sum += other.Sum;
        Min = Min is { } min && other.Min is { } otherMin ? Math.Min(min, otherMin) : Min ?? other.Min;
        Max = Max is { } max && other.Max is { } otherMax ? Math.Max(max, otherMax) : Max ?? other.Max;
    }
}
