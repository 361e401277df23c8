using Billing.Hosting;
using Billing.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NodaTime;
using Npgsql;
using Quartz;

namespace Billing.Quartz;

/// <summary>Adds the runs of a cluster to a host.</summary>
public static class QuartzRunsExtensions
{
    /// <summary>
    /// Does the runs together with all other processes on the same database, with the monitor of <see cref="MonitorExtensions.AddBillingMonitor"/>. Needs <c>AddBilling</c>;
    /// takes the place of <see cref="HostedRunsExtensions.AddHostedRuns"/>.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Database, schedules and limits; checked when the host starts.</param>
    /// <exception cref="InvalidOperationException"><see cref="HostedRunsExtensions.AddHostedRuns"/> was called too.</exception>
    public static IServiceCollection AddQuartzRuns(this IServiceCollection services, Action<QuartzRunsOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        if (services.Any(s => s.ServiceType == typeof(RunPerformer)))
        {
            throw new InvalidOperationException("The runs are scheduled already: a host has AddHostedRuns or AddQuartzRuns, once.");
        }

        // Quartz wants the values at once; the same delegate gives them to the options that the host checks at start.
        var options = new QuartzRunsOptions();
        configure(options);
        services.AddOptions<QuartzRunsOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<QuartzRunsOptions>, QuartzRunsOptionsValidator>());
        services.AddRunPerformer(s => s.GetRequiredService<IOptions<QuartzRunsOptions>>().Value);
        services.AddScheduledRun<QuartzBillRun>();
        services.TryAddSingleton(s => new BillingScheduler(
            s.GetRequiredService<BillingEngine>(), s.GetRequiredService<IBillingStorage>(), s, () => s.GetRequiredService<IOptions<QuartzRunsOptions>>().Value, s.GetRequiredService<IClock>()));
        if (options.CheckCluster().Count == 0)
        {
            AddScheduler(services, options);
        }

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, QuartzRuns>());
        return services.AddBillingMonitor();
    }

    /// <summary>Quartz checks at once what it is given; with values that are wrong the host is refused at its start, with all that is wrong.</summary>
    private static void AddScheduler(IServiceCollection services, QuartzRunsOptions options)
    {
        services.AddQuartz(options.SchedulerName, quartz => Configure(quartz, options));
        services.AddQuartzHostedService(options.SchedulerName, hosted =>
        {
            hosted.AutoStart = false;
            hosted.WaitForJobsToComplete = true;
        });
    }

    private static void Configure(IQuartzBuilder quartz, QuartzRunsOptions options)
    {
        quartz.ConfigureScheduler(scheduler =>
        {
            if (options.InstanceId is { } id)
            {
                scheduler.InstanceId = id;
            }

            // A stop asks the jobs to stop, and waits: a page is finished or dropped.
            scheduler.ShutdownJobInterruption = ShutdownJobInterruption.Always;
        });
        quartz.UseDefaultThreadPool(options.JobsAtOnce);
        quartz.UsePersistentStore(store =>
        {
            store.UsePostgres(NpgsqlFactory.Instance, options.ConnectionString);
            store.UseClustering(cluster =>
            {
                cluster.CheckinInterval = options.CheckInInterval.ToTimeSpan();
                cluster.CheckinMisfireThreshold = options.CheckInTolerance.ToTimeSpan();
            });
            store.ConfigureStore(tables =>
            {
                tables.TablePrefix = options.TablePrefix;
                tables.MisfireThreshold = options.MissedAfter.ToTimeSpan();
                tables.StoreJobDataAsStrings = true;
                tables.SchemaProvisioning = options.CreateTables ? SchemaProvisioning.CreateIfMissing : SchemaProvisioning.Validate;

                // What a stop interrupts is handed to another process at once.
                tables.RecoverFiringsCancelledByShutdown = true;
            });
        });
    }
}
