using Billing.Hosting;
using Billing.Processing;
using Billing.Storage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Quartz;

namespace Billing.Quartz;

/// <summary>Sets what the cluster does: schedules of all tenants, and the shards of billing runs. One per host; thread-safe.</summary>
/// <remarks>Any process may call it at any time, also several at once: each job has one name in the cluster's tables.</remarks>
public sealed class BillingScheduler
{
    private const int RunsLookedAt = 20;

    private readonly BillingEngine _engine;
    private readonly IBillingStorage _storage;
    private readonly IServiceProvider _services;
    private readonly Func<QuartzRunsOptions> _findOptions;
    private readonly IClock _clock;

    internal BillingScheduler(BillingEngine engine, IBillingStorage storage, IServiceProvider services, Func<QuartzRunsOptions> options, IClock clock)
    {
        _engine = engine;
        _storage = storage;
        _services = services;
        _findOptions = options;
        _clock = clock;
    }

    // Not in the constructor: what checks the options asks for all runs, and one of them has this object.
    private QuartzRunsOptions Options => _findOptions();

    /// <summary>Starts a billing run over all payers that are due, for the cluster to work off. With an idempotency key: the same run again.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="asOf">Payers that are due by this moment are billed.</param>
    /// <param name="cancellationToken">Cancels; a run that was started is worked off all the same.</param>
    /// <returns>The run, finished when nothing is due.</returns>
    /// <exception cref="BillingException"><c>task-missing</c>: a task of the tenant's is not loaded; <c>not-found</c>; <c>validation</c>.</exception>
    public async Task<RunRecord> StartBillingAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default)
    {
        var run = await _engine.Runs.StartAsync(context, new StartRunRequest { AsOf = asOf, ShardSize = Options.ShardSize }, cancellationToken).ConfigureAwait(false);
        await ScheduleShardsAsync(run, cancellationToken).ConfigureAwait(false);
        return run;
    }

    /// <summary>
    /// Brings the cluster's tables up to date: schedules of new tenants and changed ones, and the shards of runs that nobody works on (resumed runs, runs whose starter died). Every process
    /// does this each <see cref="RunScheduleOptions.TenantRefresh"/>; call it to have it at once.
    /// </summary>
    public async Task RefreshAsync(CancellationToken cancellationToken = default)
    {
        var scheduler = await FindAsync(cancellationToken).ConfigureAwait(false);
        foreach (var tenant in await _storage.ListTenantsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!Options.Includes(tenant.Id))
            {
                continue;
            }

            foreach (var run in Options.Runs)
            {
                await ScheduleAsync(scheduler, tenant, run, cancellationToken).ConfigureAwait(false);
            }

            foreach (var run in await _engine.Runs.ListAsync(tenant.Id, RunsLookedAt, cancellationToken).ConfigureAwait(false))
            {
                await ScheduleShardsAsync(run, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    internal async Task<IScheduler> FindAsync(CancellationToken cancellationToken) =>
        await _services.GetRequiredKeyedService<ISchedulerFactory>(Options.SchedulerName).GetScheduler(cancellationToken).ConfigureAwait(false);

    private async Task ScheduleAsync(IScheduler scheduler, Tenant tenant, string run, CancellationToken cancellationToken)
    {
        var key = RunTriggers.KeyOf(tenant.Id, run);
        var stored = await scheduler.GetTrigger(key, cancellationToken).ConfigureAwait(false);
        if (Options.ScheduleOf(tenant.Id, run) is not { } schedule)
        {
            if (stored is not null)
            {
                await scheduler.DeleteJob(JobKeys.OfRun(tenant.Id, run), cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        var wanted = new RunTriggers(Options, _clock).RunTriggerOf(tenant, run, schedule);
        if (stored?.Description != wanted.Description)
        {
            await scheduler.ScheduleJob(RunTriggers.RunJobOf(tenant.Id, run), wanted, ScheduleJobOptions.Replacing, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>One job for each shard that is not done and has none.</summary>
    private async Task ScheduleShardsAsync(RunRecord run, CancellationToken cancellationToken)
    {
        if (run.State != RunState.Running)
        {
            return;
        }

        var scheduler = await FindAsync(cancellationToken).ConfigureAwait(false);
        var open = (await _storage.ListRunShardsAsync(run.Tenant, run.Id, cancellationToken).ConfigureAwait(false)).Where(s => s.State != ShardState.Done);
        foreach (var shard in open)
        {
            if (await scheduler.Exists(JobKeys.OfShard(shard.Tenant, shard.RunId, shard.Number), cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            try
            {
                var trigger = new RunTriggers(Options, _clock).ShardTriggerOf(shard, _clock.GetCurrentInstant());
                await scheduler.ScheduleJob(RunTriggers.ShardJobOf(shard), trigger, default, cancellationToken).ConfigureAwait(false);
            }
            catch (ObjectAlreadyExistsException)
            {
                // Another process was faster; one job per shard is what is wanted.
            }
        }
    }
}
