using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Benchmarks.Plain;

/// <summary>What a program without an engine does in memory: dictionaries with the same unique keys.</summary>
internal static class PlainMemory
{
    /// <summary>Keeps each row under its keys; gives seconds.</summary>
    public static double Write(IReadOnlyCollection<BillingBatch> batches)
    {
        var rows = batches.SelectMany(b => b.Payers).SelectMany(p => p.Rows).Select(r => r.Row).ToArray();
        var started = Stopwatch.GetTimestamp();
        var tables = new Dictionary<(Type, int), Dictionary<RowKey, IBillingRow>>();
        foreach (var row in rows)
        {
            var type = row.GetType();
            Table(type, -1)[StorageRules.PrimaryKey(row)] = row;
            var others = StorageRules.UniqueKeys(row);
            for (var i = 0; i < others.Length; i++)
            {
                Table(type, i)[others[i]] = row;
            }
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;

        Dictionary<RowKey, IBillingRow> Table(Type type, int key) =>
            CollectionsMarshal.GetValueRefOrAddDefault(tables, (type, key), out _) ??= [];
    }

    /// <summary>Keeps each event once by a hash of its source and id, and sums by subscription and quarter of an hour; gives seconds.</summary>
    public static double Deduplicate(IReadOnlyList<UsageEntry[]> batches)
    {
        var started = Stopwatch.GetTimestamp();
        var events = new Dictionary<Guid, UsageEntry>();
        var sums = new Dictionary<(string, Instant), decimal>();
        Span<byte> hash = stackalloc byte[32];
        foreach (var batch in batches)
        {
            foreach (var entry in batch)
            {
                SHA256.HashData(Encoding.UTF8.GetBytes(entry.Event.Source + "\0" + entry.Event.Id), hash);
                if (events.TryAdd(new Guid(hash[..16], bigEndian: true), entry))
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(sums, (entry.SubscriptionId!, UsageRollup.BucketOf(entry.Event.At)), out _) +=
                        decimal.Parse(entry.Event.Properties["minutes"], System.Globalization.NumberStyles.Number, System.Globalization.CultureInfo.InvariantCulture);
                }
            }
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
