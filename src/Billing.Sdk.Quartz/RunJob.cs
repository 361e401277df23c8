using Billing.Hosting;
using NodaTime;
using Quartz;

namespace Billing.Quartz;

/// <summary>Does one scheduled run of one tenant for the moment of the schedule; recovered by another process, for the same moment again.</summary>
internal sealed class RunJob(RunPerformer performer) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var data = context.MergedJobDataMap;
        var scheduledAt = Instant.FromDateTimeOffset(context.ScheduledFireTimeUtc ?? context.FireTimeUtc);
        var occasion = new RunOccasion(JobKeys.TenantOf(data), JobKeys.Text(data, JobKeys.Run), scheduledAt);
        var report = await performer.PerformAsync(occasion, cancellationToken).ConfigureAwait(false);
        if (report.Failures > 0)
        {
            // Logged already; this asks the scheduler to try again after its back-off.
            throw new JobExecutionException(report.LastError ?? "failed");
        }
    }
}
