using Billing.Hosting;
using Billing.Storage;

namespace Billing.Quartz;

/// <summary>The scheduled billing run of a cluster: starts a durable run and has its shards worked off by whoever is there.</summary>
internal sealed class QuartzBillRun(IBillingStorage storage, BillingScheduler scheduler) : IScheduledRun
{
    public string Name => ScheduledRuns.Bill;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        // A run that finds nothing due leaves no row.
        var next = await storage.ReadNextDueAsync(occasion.Tenant, DueKind.Billing, cancellationToken).ConfigureAwait(false);
        if (next is null || next.DueAt > occasion.ScheduledAt)
        {
            return "";
        }

        // The key is that of the moment: two processes, or one that takes over from another, start one run.
        var run = await scheduler.StartBillingAsync(occasion.Context with { IdempotencyKey = occasion.IdempotencyKey }, occasion.ScheduledAt, cancellationToken).ConfigureAwait(false);
        return $"run {run.Id} over {run.Total} payers in {run.Shards} shards";
    }
}
