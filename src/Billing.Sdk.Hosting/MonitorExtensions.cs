using System.Diagnostics.Metrics;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Billing.Hosting;

/// <summary>Adds the monitor and its health checks to a host.</summary>
public static class MonitorExtensions
{
    /// <summary>The tag of all health checks of the engine.</summary>
    public const string Tag = "billing";

    /// <summary>Adds <see cref="BillingMonitor"/> and its gauges. Needs <c>AddBilling</c>. <see cref="HostedRunsExtensions.AddHostedRuns"/> does it too.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">What it looks at, and how often; checked when the host starts.</param>
    public static IServiceCollection AddBillingMonitor(this IServiceCollection services, Action<MonitorOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<MonitorOptions>().Configure(options => configure?.Invoke(options)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MonitorOptions>, MonitorOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<RunLog>();
        services.TryAddSingleton<BillingMonitor>();
        services.TryAddSingleton(s => new MonitorGauges(
            s.GetRequiredService<BillingMonitor>(), s.GetRequiredService<RunLog>(), s.GetRequiredService<TaskCatalog>(), s.GetService<IMeterFactory>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, MonitorService>());
        return services;
    }

    /// <summary>
    /// Adds the health checks <c>billing-storage</c>, <c>billing-runs</c>, <c>billing-outbox</c>, <c>billing-quarantine</c>, <c>billing-usage</c> and <c>billing-plugins</c>, all with the
    /// tag <c>billing</c>, and the monitor that they ask.
    /// </summary>
    /// <param name="checks">The host's health checks.</param>
    /// <param name="configure">From when on something is not healthy; checked when the host starts.</param>
    public static IHealthChecksBuilder AddBilling(this IHealthChecksBuilder checks, Action<BillingHealthOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        checks.Services.AddBillingMonitor();
        checks.Services.AddOptions<BillingHealthOptions>().Configure(options => configure?.Invoke(options)).ValidateOnStart();
        checks.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BillingHealthOptions>, BillingHealthOptionsValidator>());
        return checks
            .AddCheck<StorageHealth>("billing-storage", tags: [Tag])
            .AddCheck<RunHealth>("billing-runs", tags: [Tag])
            .AddCheck<OutboxHealth>("billing-outbox", tags: [Tag])
            .AddCheck<QuarantineHealth>("billing-quarantine", tags: [Tag])
            .AddCheck<UsageHealth>("billing-usage", tags: [Tag])
            .AddCheck<PluginHealth>("billing-plugins", tags: [Tag]);
    }
}
