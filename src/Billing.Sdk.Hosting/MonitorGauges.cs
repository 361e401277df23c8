using System.Diagnostics.Metrics;
using Billing.Storage;
using Billing.Tasks;
using NodaTime;

namespace Billing.Hosting;

/// <summary>Gives what the monitor last saw as gauges of the meter <c>Billing.Sdk</c>.</summary>
internal sealed class MonitorGauges : IDisposable
{
    private readonly BillingMonitor _monitor;
    private readonly RunLog _log;
    private readonly Meter? _own;

    /// <param name="monitor">The monitor.</param>
    /// <param name="log">The reports of this process's runs.</param>
    /// <param name="tasks">The host's tasks, for the plugins that were refused.</param>
    /// <param name="meters">Makes the meter; <see langword="null"/>: the host has none, and the meter is this object's own.</param>
    public MonitorGauges(BillingMonitor monitor, RunLog log, TaskCatalog tasks, IMeterFactory? meters = null)
    {
        _monitor = monitor;
        _log = log;
        var options = new MeterOptions(TaskInvoker.TelemetryName) { Version = SdkVersion.Current };
        var meter = meters?.Create(options) ?? (_own = new Meter(options));
        meter.CreateObservableGauge("billing.run.lag", RunLags, "s", "How long the oldest item of a kind of run has been due.");
        meter.CreateObservableGauge("billing.outbox.lag", () => Each(t => Seconds(t.OutboxLag)), "s", "How long the oldest message that is not delivered has been due.");
        meter.CreateObservableGauge("billing.quarantine.payers", () => Each(t => t.Quarantined), "{payer}", "Payers in quarantine.");
        meter.CreateObservableGauge("billing.usage.unattributed", () => Each(t => t.UnattributedUsage), "{event}", "Usage events that belong to nobody.");
        meter.CreateObservableGauge("billing.tasks.missing", () => Each(t => t.MissingTasks.Count), "{task}", "Configured tasks that cannot be used.");
        meter.CreateObservableGauge("billing.plugins.refused", () => tasks.Refused.Count, "{plugin}", "Plugins that were found and not loaded.");
        meter.CreateObservableGauge("billing.run.failures", Failures, "{failure}", "How often a scheduled run failed since it last ended well.");
        meter.CreateObservableGauge("billing.storage.reachable", Reachable, null, "1 when the store answered the last look, else 0.");
    }

    // A factory's meter is the factory's to dispose.
    public void Dispose() => _own?.Dispose();

    private IEnumerable<Measurement<double>> RunLags() =>
        from tenant in Tenants
        from kind in Enum.GetValues<DueKind>()
        select new Measurement<double>(Seconds(tenant.RunLag[kind]), Tag(tenant.Tenant), new("billing.due_kind", NameOf(kind)));

    private IEnumerable<Measurement<int>> Failures() =>
        _log.Reports.Select(r => new Measurement<int>(r.Failures, Tag(r.Tenant), new KeyValuePair<string, object?>("billing.run", r.Run)));

    private IEnumerable<Measurement<int>> Reachable() =>
        _monitor.Last is { } last ? [new Measurement<int>(last.StorageError is null ? 1 : 0)] : [];

    private IEnumerable<Measurement<T>> Each<T>(Func<TenantStatus, T> value)
        where T : struct => Tenants.Select(t => new Measurement<T>(value(t), Tag(t.Tenant)));

    private IReadOnlyList<TenantStatus> Tenants => _monitor.Last?.Tenants ?? [];

    private static KeyValuePair<string, object?> Tag(TenantId tenant) => new("billing.tenant", tenant.Value);

    private static double Seconds(Duration lag) => lag.TotalSeconds;

    private static string NameOf(DueKind kind) => kind switch
    {
        DueKind.Billing => "billing",
        DueKind.Collection => "collection",
        DueKind.Aging => "aging",
        DueKind.CreditExpiry => "credit-expiry",
        _ => kind.ToString(),
    };
}
