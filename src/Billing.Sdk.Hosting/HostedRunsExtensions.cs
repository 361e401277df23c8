using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Billing.Hosting;

/// <summary>Adds the runs to a host.</summary>
public static class HostedRunsExtensions
{
    /// <summary>
    /// Does the runs in this process, from the start of the host to its stop, with the monitor of <see cref="MonitorExtensions.AddBillingMonitor"/>. Needs <c>AddBilling</c>.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Schedules and limits; checked when the host starts.</param>
    /// <remarks>
    /// Several processes that do this on one database disturb each other no more than two workers of a run do: nothing is done twice. To share the work on purpose,
    /// see the package Billing.Sdk.Quartz.
    /// </remarks>
    public static IServiceCollection AddHostedRuns(this IServiceCollection services, Action<HostedRunsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<HostedRunsOptions>().Configure(options => configure?.Invoke(options)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<HostedRunsOptions>, HostedRunsOptionsValidator>());
        services.AddRunPerformer(s => s.GetRequiredService<IOptions<HostedRunsOptions>>().Value);
        services.AddScheduledRun<BillRun>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, HostedRuns>());
        return services.AddBillingMonitor();
    }

    /// <summary>Adds a run of the host's own; it needs a schedule in the options to be done.</summary>
    public static IServiceCollection AddScheduledRun<T>(this IServiceCollection services)
        where T : class, IScheduledRun
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IScheduledRun, T>());
        return services;
    }

    /// <summary>Adds <see cref="RunPerformer"/> with the engine's runs, for those who schedule them in another way. The run <see cref="ScheduledRuns.Bill"/> is theirs to add.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">Finds the options; asked at the first run.</param>
    public static IServiceCollection AddRunPerformer(this IServiceCollection services, Func<IServiceProvider, RunScheduleOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton(s => new RunOptionsSource(() => options(s)));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<RunLog>();
        services.TryAddSingleton<RunPerformer>();
        return services
            .AddScheduledRun<CollectRun>()
            .AddScheduledRun<AgeRun>()
            .AddScheduledRun<ExpireCreditsRun>()
            .AddScheduledRun<DispatchRun>()
            .AddScheduledRun<DropUsageRun>();
    }
}
