using System.Diagnostics;
using Billing.Benchmarks.Stores;
using Billing.Usage;

namespace Billing.Benchmarks.Rows;

/// <summary>Events that callers send one by one and that are on the disk when the call returns, against bare commits of one row.</summary>
internal sealed class EventRows(Settings settings, Report report)
{
    public const string One = "event-one";
    public const string Many = "event-64";

    private const int Callers = 64;
    private const int Customers = 100;

    private readonly List<Sample> _one = [];
    private readonly List<Sample> _many = [];

    public static string[] Names { get; } = [One, Many];

    public async Task MeasureAsync()
    {
        await using var store = Store.Create(settings, "events");
        if (!store.HasLimit)
        {
            return;
        }

        await using var world = await World.OpenAsync(store);
        await world.CreateTenantAsync();
        await world.SubscribeAsync(Customers, 0);

        // Enough to compile what is timed.
        var events = new Queue<UsageEntry>(World.UsageOf(0, Customers, (settings.SingleEvents * (settings.Repetitions + 1) * (1 + Callers) / Customers) + 10));
        await OneByOneAsync(world, Take(events, settings.SingleEvents));
        await TogetherAsync(world, Take(events, settings.SingleEvents));
        for (var i = 0; i < settings.Repetitions; i++)
        {
            await RepetitionAsync(store, world, events);
        }

        if (settings.Wants(One))
        {
            report.Row(One, _one, Bar.AtLeast(0.7), "events/s");
        }

        if (settings.Wants(Many))
        {
            report.Row(Many, _many, Bar.AtLeast(10), "events/s");
        }
    }

    private async Task RepetitionAsync(Store store, World world, Queue<UsageEntry> events)
    {
        await using var before = await store.CopyAsync();
        var one = await OneByOneAsync(world, Take(events, settings.SingleEvents));
        var bare = settings.SingleEvents / await before.CommitOneByOneAsync(store, settings.SingleEvents);
        _one.Add(new Sample(settings.SingleEvents / one, bare));
        var batch = Take(events, settings.SingleEvents * 20);
        _many.Add(new Sample(batch.Count / await TogetherAsync(world, batch), bare));
    }

    private static List<UsageEntry> Take(Queue<UsageEntry> events, int count)
    {
        var taken = new List<UsageEntry>(count);
        while (taken.Count < count)
        {
            taken.Add(events.Dequeue());
        }

        return taken;
    }

    private static async Task<double> OneByOneAsync(World world, List<UsageEntry> events)
    {
        var started = Stopwatch.GetTimestamp();
        foreach (var entry in events)
        {
            await RecordAsync(world, entry);
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<double> TogetherAsync(World world, List<UsageEntry> events)
    {
        await using var buffer = world.Engine.Usage.OpenBuffer();
        var started = Stopwatch.GetTimestamp();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < events.Count; i = Interlocked.Increment(ref next))
            {
                Check(events[i], await buffer.RecordAsync(world.Tenant, events[i]));
            }
        })));
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task RecordAsync(World world, UsageEntry entry)
    {
        var results = await world.Engine.Usage.RecordAsync(world.Tenant, [entry]);
        Check(entry, results[0]);
    }

    private static void Check(UsageEntry entry, UsageEntryResult result)
    {
        if (result.Status != UsageStatus.Accepted)
        {
            throw new InvalidOperationException($"Event {entry.Event.Id} was {result.Status}: {result.Message}");
        }
    }
}
