using Billing.Tasks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting;

/// <summary>A check that asks the monitor. Without an answer of the store it says nothing of its own: <c>billing-storage</c> does.</summary>
internal abstract class MonitorHealth(BillingMonitor monitor) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = await monitor.GetAsync(cancellationToken).ConfigureAwait(false);
        return status.StorageError is { } error ? Unreadable(error) : Worst([.. status.Tenants.Select(Judge).OfType<Finding>()]);
    }

    /// <summary>What is wrong with a tenant; <see langword="null"/>: nothing.</summary>
    protected abstract Finding? Judge(TenantStatus tenant);

    protected virtual HealthCheckResult Unreadable(string error) => HealthCheckResult.Degraded("The store could not be read.");

    protected static HealthStatus? Against<T>(T value, T degraded, T unhealthy)
        where T : IComparable<T> =>
        value.CompareTo(unhealthy) > 0 ? HealthStatus.Unhealthy : value.CompareTo(degraded) > 0 ? HealthStatus.Degraded : null;

    /// <summary>One result of all findings: the worst status, each finding as data under its tenant.</summary>
    protected static HealthCheckResult Worst(IReadOnlyList<Finding> findings)
    {
        if (findings.Count == 0)
        {
            return HealthCheckResult.Healthy();
        }

        var data = findings.GroupBy(f => f.Tenant, StringComparer.Ordinal).ToDictionary(g => g.Key, g => (object)string.Join(" ", g.Select(f => f.Text)), StringComparer.Ordinal);
        var worst = findings.MinBy(f => f.Status)!;
        var others = data.Count == 1 ? "" : $" And {data.Count - 1} more tenants.";
        return new HealthCheckResult(worst.Status, $"{worst.Tenant}: {worst.Text}{others}", data: data);
    }

    /// <summary>What is wrong.</summary>
    protected sealed record Finding(string Tenant, HealthStatus Status, string Text);
}

/// <summary>Whether the store answers.</summary>
internal sealed class StorageHealth(BillingMonitor monitor) : MonitorHealth(monitor)
{
    protected override Finding? Judge(TenantStatus tenant) => null;

    protected override HealthCheckResult Unreadable(string error) => HealthCheckResult.Unhealthy($"The store could not be read: {error}");
}

/// <summary>Whether the runs keep up, and whether those of this process end well.</summary>
internal sealed class RunHealth(BillingMonitor monitor, RunLog log, IOptions<BillingHealthOptions> options) : MonitorHealth(monitor)
{
    protected override Finding? Judge(TenantStatus tenant)
    {
        var (kind, lag) = tenant.RunLag.MaxBy(l => l.Value);
        var late = Against(lag, options.Value.RunLagDegraded, options.Value.RunLagUnhealthy);
        var failed = log.Reports.Where(r => r.Tenant == tenant.Tenant && r.Failures >= options.Value.RunFailuresDegraded).MaxBy(r => r.Failures);
        if (late is null && failed is null)
        {
            return null;
        }

        var texts = new[]
        {
            late is null ? null : $"{kind} is {lag.ToTimeSpan()} behind.",
            failed is null ? null : $"Run {failed.Run} failed {failed.Failures} times: {failed.LastError}",
        };
        return new Finding(tenant.Tenant.Value, late ?? HealthStatus.Degraded, string.Join(" ", texts.OfType<string>()));
    }
}

/// <summary>Whether messages are delivered.</summary>
internal sealed class OutboxHealth(BillingMonitor monitor, IOptions<BillingHealthOptions> options) : MonitorHealth(monitor)
{
    protected override Finding? Judge(TenantStatus tenant) =>
        Against(tenant.OutboxLag, options.Value.OutboxLagDegraded, options.Value.OutboxLagUnhealthy) is { } status
            ? new Finding(tenant.Tenant.Value, status, $"Messages are {tenant.OutboxLag.ToTimeSpan()} behind.")
            : null;
}

/// <summary>Whether payers are in quarantine.</summary>
internal sealed class QuarantineHealth(BillingMonitor monitor, IOptions<BillingHealthOptions> options) : MonitorHealth(monitor)
{
    protected override Finding? Judge(TenantStatus tenant) =>
        Against(tenant.Quarantined, options.Value.QuarantinedDegraded, options.Value.QuarantinedUnhealthy) is { } status
            ? new Finding(tenant.Tenant.Value, status, $"{tenant.Quarantined} payers are in quarantine.")
            : null;
}

/// <summary>Whether usage belongs to nobody.</summary>
internal sealed class UsageHealth(BillingMonitor monitor, IOptions<BillingHealthOptions> options) : MonitorHealth(monitor)
{
    protected override Finding? Judge(TenantStatus tenant) =>
        Against(tenant.UnattributedUsage, options.Value.UnattributedDegraded, int.MaxValue) is { } status
            ? new Finding(tenant.Tenant.Value, status, $"{tenant.UnattributedUsage} usage events belong to nobody.")
            : null;
}

/// <summary>Whether plugins are loaded and the tasks of tenants are there: a tenant whose task is missing is not billed.</summary>
internal sealed class PluginHealth(BillingMonitor monitor, TaskCatalog tasks) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = await monitor.GetAsync(cancellationToken).ConfigureAwait(false);
        var data = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var plugin in tasks.Refused)
        {
            data[$"plugin {plugin.Name}"] = plugin.Reason;
        }

        foreach (var tenant in status.Tenants.Where(t => t.MissingTasks.Count > 0))
        {
            data[$"tenant {tenant.Tenant}"] = string.Join(" ", tenant.MissingTasks.Select(m => $"{m.Stage}/{m.Task}: {m.Reason}"));
        }

        return data.Count == 0
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded($"{tasks.Refused.Count} plugins were not loaded; {status.Tenants.Count(t => t.MissingTasks.Count > 0)} tenants cannot be billed.", data: data);
    }
}
