using System.Diagnostics.Metrics;
using Billing.Usage;

namespace Billing;

/// <summary>The instruments of one <see cref="UsageBuffer"/>. Thread-safe.</summary>
internal sealed class UsageBufferMetrics : IDisposable
{
    private const string Outcome = "outcome";

    private readonly Meter _meter = new("Billing.Sdk.Usage");
    private readonly Counter<long> _events;
    private readonly Counter<long> _commits;
    private readonly Counter<long> _refused;
    private readonly Histogram<int> _size;

    public UsageBufferMetrics(Func<int> waiting)
    {
        _meter.CreateObservableGauge("billing.usage.buffer.waiting", waiting, "{event}", "Events in the buffer, those of running commits included.");
        _events = _meter.CreateCounter<long>("billing.usage.buffer.events", "{event}", "Events answered, by outcome.");
        _commits = _meter.CreateCounter<long>("billing.usage.buffer.commits", "{commit}", "Commits, by outcome.");
        _refused = _meter.CreateCounter<long>("billing.usage.buffer.refused", "{event}", "Events refused because the buffer was full.");
        _size = _meter.CreateHistogram<int>("billing.usage.buffer.commit.size", "{event}", "Events in a commit.");
    }

    public void Committed(IReadOnlyList<UsageEntryResult> results)
    {
        Span<int> counts = stackalloc int[4];
        foreach (var result in results)
        {
            counts[(int)result.Status]++;
        }

        Add(counts[(int)UsageStatus.Accepted], "accepted");
        Add(counts[(int)UsageStatus.Duplicate], "duplicate");
        Add(counts[(int)UsageStatus.Unattributed], "unattributed");
        Add(counts[(int)UsageStatus.Rejected], "rejected");
        _commits.Add(1, new KeyValuePair<string, object?>(Outcome, "committed"));
        _size.Record(results.Count);
    }

    public void Failed(int events)
    {
        Add(events, "failed");
        _commits.Add(1, new KeyValuePair<string, object?>(Outcome, "failed"));
    }

    public void Refused() => _refused.Add(1);

    public void Dispose() => _meter.Dispose();

    private void Add(int events, string outcome)
    {
        if (events > 0)
        {
            _events.Add(events, new KeyValuePair<string, object?>(Outcome, outcome));
        }
    }
}
