using Billing.Usage;
using NodaTime;

namespace Billing.InMemory;

/// <summary>Usage of one tenant by subscription and bucket. The tenant's lock guards it.</summary>
internal sealed class UsageIndex
{
    private readonly Dictionary<Guid, Instant> _keys = [];
    private readonly Dictionary<Guid, UsageRecord> _records = [];
    private readonly Dictionary<Guid, UsageRecord> _unattributed = [];
    private readonly Dictionary<(string Subscription, string Type), Buckets<UsageRecord>> _events = [];
    private readonly Dictionary<(string Subscription, string Meter), Buckets<UsageRollup>> _rollups = [];

    public IEnumerable<UsageRecord> Unattributed => _unattributed.Values;

    /// <summary>The event with this key; once the key is dropped it is not found by it any more.</summary>
    public UsageRecord? Find(Guid hash) => _keys.ContainsKey(hash) ? _records.GetValueOrDefault(hash) : null;

    /// <summary>Whether an event with this key was stored once, even if it is gone.</summary>
    public bool IsClaimed(Guid hash) => _keys.ContainsKey(hash);

    public void Claim(UsageRecord record) => _keys.Add(record.Hash, record.Event.At);

    public int DropKeysBefore(Instant before)
    {
        var old = _keys.Where(k => k.Value < before).Select(k => k.Key).ToArray();
        return old.Count(_keys.Remove);
    }

    public void Put(UsageRecord record)
    {
        Drop(record.Hash);
        _records.Add(record.Hash, record);
        if (record.SubscriptionId is null)
        {
            _unattributed.Add(record.Hash, record);
        }
        else
        {
            Of(_events, (record.SubscriptionId, record.Event.Type)).At(UsageRollup.BucketOf(record.Event.At)).Add(record);
        }
    }

    public void Put(UsageRollup rollup) => Of(_rollups, (rollup.SubscriptionId, rollup.Meter)).At(rollup.Bucket).Add(rollup);

    /// <summary>Events of buckets that start in the time, by bucket.</summary>
    public IEnumerable<KeyValuePair<Instant, List<UsageRecord>>> Events(string subscriptionId, string type, Instant from, Instant to) =>
        _events.TryGetValue((subscriptionId, type), out var buckets) ? buckets.Between(from, to) : [];

    /// <summary>Rollups of buckets that start in the time, by bucket.</summary>
    public IEnumerable<KeyValuePair<Instant, List<UsageRollup>>> Rollups(string subscriptionId, string meter, Instant from, Instant to) =>
        _rollups.TryGetValue((subscriptionId, meter), out var buckets) ? buckets.Between(from, to) : [];

    public int DropEventsBefore(Instant before)
    {
        var old = _records.Values.Where(r => r.Event.At < before).Select(r => r.Hash).ToArray();
        foreach (var hash in old)
        {
            Drop(hash);
        }

        return old.Length;
    }

    public int DropRollupsBefore(Instant before) => _rollups.Values.Sum(buckets => buckets.DropBefore(before));

    private void Drop(Guid hash)
    {
        if (_records.Remove(hash, out var stored))
        {
            _unattributed.Remove(hash);
            if (stored.SubscriptionId is not null)
            {
                Of(_events, (stored.SubscriptionId, stored.Event.Type)).At(UsageRollup.BucketOf(stored.Event.At)).RemoveAll(r => r.Hash == hash);
            }
        }
    }

    private static Buckets<T> Of<T>(Dictionary<(string, string), Buckets<T>> index, (string, string) key)
    {
        if (!index.TryGetValue(key, out var buckets))
        {
            index.Add(key, buckets = new Buckets<T>());
        }

        return buckets;
    }

    /// <summary>Rows by the start of their bucket, in order, found by bisection.</summary>
    private sealed class Buckets<T>
    {
        private readonly SortedList<Instant, List<T>> _items = [];

        public List<T> At(Instant bucket)
        {
            if (!_items.TryGetValue(bucket, out var rows))
            {
                _items.Add(bucket, rows = []);
            }

            return rows;
        }

        public IEnumerable<KeyValuePair<Instant, List<T>>> Between(Instant from, Instant to)
        {
            for (var i = FirstFrom(from); i < _items.Count && _items.Keys[i] < to; i++)
            {
                yield return KeyValuePair.Create(_items.Keys[i], _items.Values[i]);
            }
        }

        public int DropBefore(Instant before)
        {
            var dropped = 0;
            while (_items.Count > 0 && _items.Keys[0] + Duration.FromMinutes(UsageRollup.BucketMinutes) <= before)
            {
                dropped += _items.Values[0].Count;
                _items.RemoveAt(0);
            }

            return dropped;
        }

        private int FirstFrom(Instant from)
        {
            var (low, high) = (0, _items.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = _items.Keys[middle] < from ? (middle + 1, high) : (low, middle);
            }

            return low;
        }
    }
}
