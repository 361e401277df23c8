using Billing;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Hosting;
using Billing.InMemory;
using Billing.Quartz;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Snippets;

/// <summary>How a host has the runs done, as the documentation shows it.</summary>
public static class Hosting
{
    public static void InOneProcess(IServiceCollection services)
    {
        services
            .AddBilling(billing => billing.UseInMemoryStorage())
            .AddHostedRuns(options =>
            {
                options.Schedule(ScheduledRuns.Bill, RunSchedule.Daily(new LocalTime(2, 0)));
                options.Schedule(new TenantId("acme"), ScheduledRuns.Bill, RunSchedule.Cron("0 4 1 * *").In("America/New_York"));
                options.UsageRetention = Duration.FromDays(400);
            });
        services.AddHealthChecks().AddBilling();
    }

    public static void InSeveralProcesses(IServiceCollection services, string database)
    {
        services
            .AddBilling(billing => billing.UsePostgreSql(database))
            .AddQuartzRuns(options =>
            {
                options.ConnectionString = database;
                options.JobsAtOnce = 8;
                options.Schedule(ScheduledRuns.Bill, RunSchedule.Daily(new LocalTime(2, 0)));
            });
    }
}
