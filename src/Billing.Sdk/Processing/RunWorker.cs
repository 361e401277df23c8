using Billing.Storage;
using Microsoft.Extensions.Logging;

namespace Billing.Processing;

/// <summary>
/// Works off a run: claims shards and bills them page by page, until none is free. Several workers, in one process or in several, share a run;
/// what makes that safe is the commit, which fails for a shard that was lost and for payers that were billed meanwhile.
/// </summary>
internal sealed class RunWorker(EngineCore core, TenantContext tenant, CommandContext context, RunRecord run, WorkerOptions options)
{
    private readonly RunControl _control = new(core);
    private readonly BillingPage _page = new(core, tenant, context, run.AsOf);
    private readonly RunCounter _counter = new();
    private readonly ILogger _logger = core.Loggers.CreateLogger<RunWorker>();

    /// <summary>Works until no shard is free, or the run is paused or cancelled.</summary>
    /// <returns>What this worker did.</returns>
    public async Task<BillingRunResult> WorkAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // On threads of the pool: the lanes' computing is meant to run side by side, also over a store that answers at once, and whatever context the caller has.
        var lanes = Enumerable.Range(0, Math.Min(options.Degree, Math.Max(1, run.Shards))).Select(_ => Task.Run(() => LaneAsync(stop), CancellationToken.None)).ToArray();
        await Task.WhenAll(lanes).ConfigureAwait(false);
        await _control.EndAsync(tenant.Id, run.Id, cancellationToken).ConfigureAwait(false);
        return _counter.Result(run.Id);
    }

    /// <summary>One shard after the other. When a lane fails the others stop too.</summary>
    private async Task LaneAsync(CancellationTokenSource stop)
    {
        try
        {
            while (await ClaimAsync(stop.Token).ConfigureAwait(false) is { } shard)
            {
                await WorkAsync(new ShardProgress(shard, core.Clock, options.Lease), stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // Rethrown; this only keeps the other lanes from going on for nothing.
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes a shard that waits, or whose worker's lease ended.</summary>
    private async Task<RunShard?> ClaimAsync(CancellationToken cancellationToken)
    {
        while (await IsRunningAsync(cancellationToken).ConfigureAwait(false))
        {
            var now = core.Clock.GetCurrentInstant();
            var free = (await core.Storage.ListRunShardsAsync(tenant.Id, run.Id, cancellationToken).ConfigureAwait(false))
                .Where(s => (options.Shard ?? s.Number) == s.Number && (s.State == ShardState.Waiting || (s.State == ShardState.Working && s.LeasedUntil <= now)))
                .ToList();
            if (free.Count == 0)
            {
                return null;
            }

            foreach (var shard in free)
            {
                var claimed = shard with { State = ShardState.Working, Worker = options.Worker, LeasedUntil = now + options.Lease, Version = shard.Version + 1 };
                if (await _control.WriteAsync(tenant.Id, RowChange.Update(claimed), cancellationToken).ConfigureAwait(false))
                {
                    return claimed;
                }
            }
        }

        return null;
    }

    private async Task<bool> IsRunningAsync(CancellationToken cancellationToken) =>
        (await _control.FindAsync(tenant.Id, run.Id, cancellationToken).ConfigureAwait(false)).State == RunState.Running;

    private async Task WorkAsync(ShardProgress shard, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                if (!await IsRunningAsync(cancellationToken).ConfigureAwait(false))
                {
                    await EndAsync(shard, ShardState.Waiting, null).ConfigureAwait(false);
                    return;
                }

                if (!await BillPageAsync(shard, cancellationToken).ConfigureAwait(false))
                {
                    await EndAsync(shard, ShardState.Done, null).ConfigureAwait(false);
                    return;
                }
            }
        }
        catch (ShardLostException)
        {
            _logger.LogWarning("Shard {Shard} of run {Run} went to another worker.", shard.Current.Number, run.Id);
        }
        catch (Exception error)
        {
            // Rethrown; the shard is free at once and not only when the lease ends.
            await GiveBackAsync(shard, error).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Bills the next page of a shard; <see langword="false"/>: it was the last one.</summary>
    private async Task<bool> BillPageAsync(ShardProgress shard, CancellationToken cancellationToken)
    {
        var current = shard.Current;
        var due = await core.Storage.ReadDueRangeAsync(
            tenant.Id, DueKind.Billing, run.AsOf, current.Cursor ?? current.After, current.Through, options.PageSize, cancellationToken).ConfigureAwait(false);
        if (due.Count == 0)
        {
            return false;
        }

        _counter.Add(await _page.BillAsync([.. due.Select(d => d.PayerId)], shard, cancellationToken).ConfigureAwait(false));

        // Written with the next commit: whoever takes over before sees the page's payers again, and that they are not due any more.
        shard.MoveTo(due[^1].PayerId);
        return due.Count == options.PageSize;
    }

    private async Task EndAsync(ShardProgress shard, ShardState state, string? error)
    {
        if (!await _control.WriteAsync(tenant.Id, shard.End(state, error), CancellationToken.None).ConfigureAwait(false))
        {
            throw new ShardLostException();
        }
    }

    private async Task GiveBackAsync(ShardProgress shard, Exception cause)
    {
        try
        {
            await EndAsync(shard, ShardState.Waiting, cause is OperationCanceledException ? null : cause.Message).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // What matters is the first error; the shard comes free when its lease ends.
            _logger.LogWarning(error, "Shard {Shard} of run {Run} could not be given back.", shard.Current.Number, run.Id);
        }
    }
}
