using System.Globalization;
using Billing.Hosting;
using Billing.Storage;
using NodaTime;
using Quartz;

namespace Billing.Quartz;

/// <summary>Makes Quartz's jobs and triggers for schedules and shards. Pure.</summary>
internal sealed class RunTriggers(QuartzRunsOptions options, IClock clock)
{
    /// <summary>Days of failing in a row before a job is left to its next time (or, for a shard, to the next look at the run).</summary>
    private const int MostRetries = 500;

    private readonly RetryPolicy _retries = RetryPolicy.Exponential(MostRetries, options.FirstBackOff.ToTimeSpan(), 2, options.LongestBackOff.ToTimeSpan());

    /// <summary>The job of a tenant's scheduled run. It is recovered when its process dies, and never runs twice at the same moment.</summary>
    public static IJobDetail RunJobOf(TenantId tenant, string run) => JobBuilder.Create<RunJob>()
        .WithIdentity(JobKeys.OfRun(tenant, run))
        .DisallowConcurrentExecution()
        .RequestRecovery()
        .UsingJobData(JobKeys.Tenant, tenant.Value)
        .UsingJobData(JobKeys.Run, run)
        .Build();

    /// <summary>The trigger of a tenant's scheduled run. Its description tells whether a stored one is still right.</summary>
    public ITrigger RunTriggerOf(Tenant tenant, string run, RunSchedule schedule)
    {
        var zone = schedule.TimeZone ?? tenant.Settings.TimeZone;
        var trigger = TriggerBuilder.Create()
            .WithIdentity(KeyOf(tenant.Id, run))
            .ForJob(JobKeys.OfRun(tenant.Id, run))
            .WithDescription(string.Create(CultureInfo.InvariantCulture, $"{schedule}; tenant in {zone}; missed: {options.Missed}"))
            .WithRetryPolicy(_retries);
        return schedule.Interval is { } interval
            ? trigger.StartAt(schedule.NextAfter(clock.GetCurrentInstant(), zone).ToDateTimeOffset()).WithSchedule(Every(interval)).Build()
            : trigger.WithSchedule(Cron(schedule.Expression!, zone)).Build();
    }

    public static TriggerKey KeyOf(TenantId tenant, string run) => new($"{tenant.Value}/{run}", JobKeys.Runs);

    /// <summary>The job of a shard: recoverable, and gone when the shard is done.</summary>
    public static IJobDetail ShardJobOf(RunShard shard) => JobBuilder.Create<ShardJob>()
        .WithIdentity(JobKeys.OfShard(shard.Tenant, shard.RunId, shard.Number))
        .DisallowConcurrentExecution()
        .RequestRecovery()
        .UsingJobData(JobKeys.Tenant, shard.Tenant.Value)
        .UsingJobData(JobKeys.Run, shard.RunId.ToString("N"))
        .UsingJobData(JobKeys.Shard, shard.Number.ToString(CultureInfo.InvariantCulture))
        .Build();

    /// <summary>A trigger that starts a shard's job once.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="at">From when on; each moment has a trigger of its own, so that a job can ask to be started again.</param>
    public ITrigger ShardTriggerOf(RunShard shard, Instant at)
    {
        var job = JobKeys.OfShard(shard.Tenant, shard.RunId, shard.Number);
        return TriggerBuilder.Create()
            .WithIdentity($"{job.Name}/{at.ToUnixTimeTicks().ToString(CultureInfo.InvariantCulture)}", JobKeys.Shards)
            .ForJob(job)
            .WithRetryPolicy(_retries)
            .StartAt(at.ToDateTimeOffset())
            .WithSchedule(SimpleScheduleBuilder.Create().WithMisfireInstruction(SimpleTriggerMisfireInstruction.FireNow))
            .Build();
    }

    private SimpleScheduleBuilder Every(Duration interval) => SimpleScheduleBuilder.Create()
        .WithInterval(interval.ToTimeSpan())
        .RepeatForever()
        .WithMisfireInstruction(options.Missed == MissedRuns.Skip ? SimpleTriggerMisfireInstruction.NextWithExistingCount : SimpleTriggerMisfireInstruction.NowWithExistingCount);

    private CronScheduleBuilder Cron(string expression, string zone) => CronScheduleBuilder.Create(expression, CronFormat.Unix)
        .InTimeZone(TimeZoneInfo.FindSystemTimeZoneById(zone))
        .WithMisfireInstruction(options.Missed == MissedRuns.Skip ? CronTriggerMisfireInstruction.DoNothing : CronTriggerMisfireInstruction.FireAndProceed);
}
