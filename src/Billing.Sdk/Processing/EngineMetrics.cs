using System.Diagnostics.Metrics;
using Billing.Tasks;
using Billing.Usage;

namespace Billing.Processing;

/// <summary>Counts what the engine does, by tenant, on the meter <c>Billing.Sdk</c>. One per host; thread-safe.</summary>
internal sealed class EngineMetrics : IDisposable
{
    private const string Outcome = "billing.outcome";

    private readonly Meter? _own;
    private readonly Counter<long> _payers;
    private readonly Counter<long> _invoices;
    private readonly Counter<long> _quarantined;
    private readonly Counter<long> _events;
    private readonly Counter<long> _messages;

    /// <param name="meters">Makes the meter; <see langword="null"/>: the host has none, and the meter is this object's own.</param>
    public EngineMetrics(IMeterFactory? meters)
    {
        var options = new MeterOptions(TaskInvoker.TelemetryName) { Version = SdkVersion.Current };
        var meter = meters?.Create(options) ?? (_own = new Meter(options));
        _payers = meter.CreateCounter<long>("billing.payers", "{payer}", "Payers that billing runs looked at.");
        _invoices = meter.CreateCounter<long>("billing.invoices", "{invoice}", "Invoices that billing runs made, drafts included.");
        _quarantined = meter.CreateCounter<long>("billing.quarantined", "{payer}", "Payers that could not be billed, or were held back.");
        _events = meter.CreateCounter<long>("billing.usage.events", "{event}", "Usage events recorded, by outcome.");
        _messages = meter.CreateCounter<long>("billing.messages", "{message}", "Messages handed out, by outcome.");
    }

    // A factory's meter is the factory's to dispose.
    public void Dispose() => _own?.Dispose();

    public void Billed(TenantId tenant, PageResult page)
    {
        Add(_payers, page.Payers, Tag(tenant));
        Add(_invoices, page.Invoices.Count, Tag(tenant));
        Add(_quarantined, page.Quarantined.Count, Tag(tenant));
    }

    public void Recorded(TenantId tenant, IReadOnlyList<UsageEntryResult> results)
    {
        if (_events.Enabled)
        {
            foreach (var (status, count) in results.CountBy(r => r.Status))
            {
                Add(_events, count, Tag(tenant), new(Outcome, NameOf(status)));
            }
        }
    }

    public void Dispatched(TenantId tenant, DispatchResult page)
    {
        Add(_messages, page.Delivered, Tag(tenant), new(Outcome, "delivered"));
        Add(_messages, page.Failed, Tag(tenant), new(Outcome, "failed"));
        Add(_messages, page.Dead, Tag(tenant), new(Outcome, "dead"));
    }

    private static void Add(Counter<long> counter, int count, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (count > 0)
        {
            counter.Add(count, tags);
        }
    }

    private static KeyValuePair<string, object?> Tag(TenantId tenant) => new("billing.tenant", tenant.Value);

    private static string NameOf(UsageStatus status) => status switch
    {
        UsageStatus.Accepted => "accepted",
        UsageStatus.Duplicate => "duplicate",
        UsageStatus.Unattributed => "unattributed",
        _ => "rejected",
    };
}
