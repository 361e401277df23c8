using Billing;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Hosting;
using Billing.Quartz;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Cluster;

/// <summary>One process of the cluster.</summary>
internal static class Worker
{
    /// <summary>Works until it is stopped, or killed.</summary>
    public static Task RunAsync(string database, string name, Settings settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        Add(builder.Services, database, name, settings, works: true);
        return builder.Build().RunAsync();
    }

    /// <summary>The engine and its share in the cluster. One that does not work only says what is to be done.</summary>
    public static void Add(IServiceCollection services, string database, string name, Settings settings, bool works) => services
        .AddBilling(billing => billing.UsePostgreSql(database))
        .AddQuartzRuns(options =>
        {
            options.ConnectionString = database;
            options.InstanceId = name;
            options.Works = works;
            options.JobsAtOnce = 2;
            options.ShardSize = settings.ShardSize;
            options.Worker = options.Worker with { PageSize = settings.PageSize, Lease = Duration.FromSeconds(5) };

            // A dead worker is noticed after three seconds; a real cluster waits longer.
            options.CheckInInterval = Duration.FromSeconds(1);
            options.CheckInTolerance = Duration.FromSeconds(2);
            options.TenantRefresh = Duration.FromSeconds(5);
            foreach (var run in options.Runs.ToList())
            {
                options.Schedule(run, null);
            }

            // What each night would do; the story does not wait for it and starts the run itself.
            options.Schedule(ScheduledRuns.Bill, RunSchedule.Cron("0 2 1 * *"));
        });
}
