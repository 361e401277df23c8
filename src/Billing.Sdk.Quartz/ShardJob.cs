using System.Globalization;
using Billing.Processing;
using Billing.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Quartz;

namespace Billing.Quartz;

/// <summary>
/// Works off one shard of a billing run. Who works when is a matter of speed only: the shard's own row says how far it is, and a commit of somebody who lost the shard fails.
/// </summary>
internal sealed class ShardJob(BillingEngine engine, IBillingStorage storage, IClock clock, IOptions<QuartzRunsOptions> options, ILogger<ShardJob> logger) : IJob
{
    private const int LongestName = 128;

    /// <summary>After the end of another's lease, so that the shard is free by then.</summary>
    private static readonly Duration AfterLease = Duration.FromMilliseconds(100);

    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var tenant = JobKeys.TenantOf(context.MergedJobDataMap);
        var run = Guid.ParseExact(JobKeys.Text(context.MergedJobDataMap, JobKeys.Run), "N");
        var number = int.Parse(JobKeys.Text(context.MergedJobDataMap, JobKeys.Shard), CultureInfo.InvariantCulture);
        try
        {
            if (await WorkAsync(context, tenant, run, number, cancellationToken).ConfigureAwait(false) is { } left)
            {
                await ComeBackAsync(context.Scheduler, left, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (BillingException error) when (error.Code == BillingErrorCodes.NotFound)
        {
            logger.LogWarning(error, "Shard {Shard} of run {Run} of tenant {Tenant} is not there any more.", number, run, tenant);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // The shard was given back or comes free when its lease ends; the scheduler tries again after its back-off.
            logger.LogError(error, "Shard {Shard} of run {Run} of tenant {Tenant} failed.", number, run, tenant);
            throw new JobExecutionException(error);
        }
    }

    /// <summary>Works until the shard is done.</summary>
    /// <returns>The shard, when it is not done although the run goes on: somebody else has it.</returns>
    private async Task<RunShard?> WorkAsync(IJobExecutionContext context, TenantId tenant, Guid run, int number, CancellationToken cancellationToken)
    {
        var name = $"{context.Scheduler.SchedulerInstanceId}/{context.FireInstanceId}";
        var worker = options.Value.Worker with { Worker = name.Length <= LongestName ? name : name[^LongestName..], Shard = number, Degree = 1 };
        var who = new CommandContext(tenant) { Actor = "scheduler", Reason = context.Recovering ? "recovered shard of a billing run" : "shard of a billing run" };
        var done = await engine.Runs.WorkAsync(who, run, worker, cancellationToken).ConfigureAwait(false);
        if (done.Payers > 0)
        {
            logger.LogInformation(
                "Shard {Shard} of run {Run} of tenant {Tenant}: {Payers} payers, {Invoices} invoices, {Quarantined} in quarantine.", number, run, tenant, done.Payers, done.InvoiceCount, done.QuarantinedCount);
        }

        var shards = await storage.ListRunShardsAsync(tenant, run, cancellationToken).ConfigureAwait(false);
        var shard = shards.FirstOrDefault(s => s.Number == number);
        var isRunning = (await engine.Runs.FindAsync(tenant, run, cancellationToken).ConfigureAwait(false)).State == RunState.Running;
        return isRunning && shard is { State: not ShardState.Done } ? shard : null;
    }

    /// <summary>A worker that died holds its shard until its lease ends. Nobody waits for that in a job's place: the job comes back then.</summary>
    private async Task ComeBackAsync(IScheduler scheduler, RunShard shard, CancellationToken cancellationToken)
    {
        var at = Instant.Max(shard.LeasedUntil ?? Instant.MinValue, clock.GetCurrentInstant()) + AfterLease;
        await scheduler.ScheduleTrigger(new RunTriggers(options.Value, clock).ShardTriggerOf(shard, at), TriggerConflict.Keep, cancellationToken).ConfigureAwait(false);
    }
}
