using Billing.Processing;
using Billing.Storage;

namespace Billing.Hosting;

/// <summary>Where the runs find the options of whoever schedules them; asked at the first run, when the host has checked them.</summary>
internal sealed class RunOptionsSource(Func<RunScheduleOptions> find)
{
    public RunScheduleOptions Value => find();
}

/// <inheritdoc cref="ScheduledRuns.Bill"/>
internal sealed class BillRun(BillingEngine engine, IBillingStorage storage, RunOptionsSource options) : IScheduledRun
{
    private const int RunsLookedAt = 20;

    public string Name => ScheduledRuns.Bill;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        var total = (Payers: 0, Invoices: 0, Quarantined: 0);

        // What a process that ended left unfinished comes first; what it leaves due is in the new run too.
        var runs = await engine.Runs.ListAsync(occasion.Tenant, RunsLookedAt, cancellationToken).ConfigureAwait(false);
        foreach (var run in runs.Where(r => r.State == RunState.Running))
        {
            await WorkAsync(run.Id).ConfigureAwait(false);
        }

        var next = await storage.ReadNextDueAsync(occasion.Tenant, DueKind.Billing, cancellationToken).ConfigureAwait(false);
        if (next?.DueAt <= occasion.ScheduledAt)
        {
            var request = new StartRunRequest { AsOf = occasion.ScheduledAt, ShardSize = options.Value.ShardSize };
            var run = await engine.Runs.StartAsync(occasion.Context with { IdempotencyKey = occasion.IdempotencyKey }, request, cancellationToken).ConfigureAwait(false);
            await WorkAsync(run.Id).ConfigureAwait(false);
        }

        return total.Payers == 0 ? "" : $"{total.Payers} payers, {total.Invoices} invoices, {total.Quarantined} in quarantine";

        async Task WorkAsync(Guid run)
        {
            var done = await engine.Runs.WorkAsync(occasion.Context, run, options.Value.Worker, cancellationToken).ConfigureAwait(false);
            total = (total.Payers + done.Payers, total.Invoices + done.InvoiceCount, total.Quarantined + done.QuarantinedCount);
        }
    }
}

/// <inheritdoc cref="ScheduledRuns.Collect"/>
internal sealed class CollectRun(BillingEngine engine) : IScheduledRun
{
    public string Name => ScheduledRuns.Collect;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        var done = await engine.Runs.CollectAsync(occasion.Context, occasion.ScheduledAt, cancellationToken).ConfigureAwait(false);
        return done.Attempts == 0 ? "" : $"{done.Attempts} attempts, {done.Succeeded} charged, {done.Failed} failed, {done.Unresolved} open";
    }
}

/// <inheritdoc cref="ScheduledRuns.Age"/>
internal sealed class AgeRun(BillingEngine engine) : IScheduledRun
{
    public string Name => ScheduledRuns.Age;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        var done = await engine.Runs.AgeAsync(occasion.Context, occasion.ScheduledAt, cancellationToken).ConfigureAwait(false);
        return done.Steps == 0 ? "" : $"{done.Steps} steps";
    }
}

/// <inheritdoc cref="ScheduledRuns.ExpireCredits"/>
internal sealed class ExpireCreditsRun(BillingEngine engine) : IScheduledRun
{
    public string Name => ScheduledRuns.ExpireCredits;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        var expired = await engine.Runs.ExpireCreditsAsync(occasion.Context, occasion.ScheduledAt, cancellationToken).ConfigureAwait(false);
        return expired == 0 ? "" : $"{expired} expired";
    }
}

/// <inheritdoc cref="ScheduledRuns.Dispatch"/>
internal sealed class DispatchRun(BillingEngine engine) : IScheduledRun
{
    public string Name => ScheduledRuns.Dispatch;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        var done = await engine.Runs.DispatchAsync(occasion.Tenant, cancellationToken).ConfigureAwait(false);
        return done is { Delivered: 0, Failed: 0, Dead: 0 } ? "" : $"{done.Delivered} delivered, {done.Failed} to be tried again, {done.Dead} given up";
    }
}

/// <inheritdoc cref="ScheduledRuns.DropUsage"/>
internal sealed class DropUsageRun(BillingEngine engine, RunOptionsSource options) : IScheduledRun
{
    public string Name => ScheduledRuns.DropUsage;

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        if (options.Value.UsageRetention is not { } kept)
        {
            return "";
        }

        var dropped = await engine.Usage.DropEventsAsync(occasion.Context, occasion.ScheduledAt - kept, cancellationToken).ConfigureAwait(false);
        return dropped == 0 ? "" : $"{dropped} events dropped";
    }
}
