using Billing.Storage;
using NodaTime;

namespace Billing.Processing;

/// <summary>Starts, pauses, resumes, cancels and ends runs.</summary>
internal sealed class RunControl(EngineCore core)
{
    private const int SmallestShard = 1000;
    private const int MostShards = 64;
    private const int Tries = 8;

    /// <summary>The rows of a new run over all payers that are due; nothing is written. Without a due payer it is finished and has no shard.</summary>
    public async Task<(RunRecord Run, IReadOnlyList<RunShard> Shards)> PrepareAsync(TenantContext tenant, CommandContext context, StartRunRequest request, CancellationToken cancellationToken)
    {
        if (request.ShardSize is < 1)
        {
            throw BillingException.Validation("run", "new", "shardSize", "A shard has at least one payer.");
        }

        var ranges = await core.Storage.SplitDueAsync(tenant.Id, DueKind.Billing, request.AsOf, request.ShardSize ?? SmallestShard, cancellationToken).ConfigureAwait(false);
        var borders = request.ShardSize is null ? Fewer(ranges.Borders) : ranges.Borders;
        var now = core.Clock.GetCurrentInstant();
        var run = new RunRecord
        {
            Tenant = tenant.Id,
            Id = core.Ids.NewId(),
            AsOf = request.AsOf,
            State = ranges.Total == 0 ? RunState.Finished : RunState.Running,
            Total = ranges.Total,
            Actor = context.Actor,
            StartedAt = now,
            FinishedAt = ranges.Total == 0 ? now : null,
            Version = 1,
        };
        var shards = ranges.Total == 0 ? [] : Shards(run, borders, ranges.Total % (request.ShardSize ?? SmallestShard) == 0);
        return (run with { Shards = shards.Count }, shards);
    }

    /// <summary>Starts a run over all payers that are due; <see langword="null"/>: none is, and nothing is written.</summary>
    public async Task<RunRecord?> StartAsync(TenantContext tenant, CommandContext context, Instant asOf, CancellationToken cancellationToken)
    {
        var (run, shards) = await PrepareAsync(tenant, context, new StartRunRequest { AsOf = asOf }, cancellationToken).ConfigureAwait(false);
        if (shards.Count == 0)
        {
            return null;
        }

        await core.Storage.CommitAsync(new BillingBatch { Tenant = tenant.Id, Rows = Inserts(run, shards) }, cancellationToken).ConfigureAwait(false);
        return run;
    }

    /// <summary>The rows of a run, to be inserted.</summary>
    public static IReadOnlyList<RowChange> Inserts(RunRecord run, IReadOnlyList<RunShard> shards) => [RowChange.Insert(run), .. shards.Select(RowChange.Insert)];

    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<RunRecord> FindAsync(TenantId tenant, Guid id, CancellationToken cancellationToken) =>
        await core.Storage.FindRunAsync(tenant, id, cancellationToken).ConfigureAwait(false) ?? throw BillingException.NotFound("run", id.ToString());

    /// <summary>Changes the state of a run; being in it already is fine.</summary>
    /// <exception cref="BillingException"><c>not-found</c>; <c>invalid-state</c>: the run is in none of the states that the change starts from.</exception>
    public async Task<RunRecord> ChangeAsync(TenantId tenant, Guid id, RunState wanted, RunState[] from, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= Tries; attempt++)
        {
            var run = await FindAsync(tenant, id, cancellationToken).ConfigureAwait(false);
            if (run.State == wanted)
            {
                return run;
            }

            if (!from.Contains(run.State))
            {
                throw BillingException.For(BillingErrorCodes.InvalidState, "run", id.ToString(), "state", $"It is {run.State} and cannot become {wanted}.");
            }

            var changed = run with { State = wanted, FinishedAt = wanted == RunState.Cancelled ? core.Clock.GetCurrentInstant() : null, Version = run.Version + 1 };
            if (await WriteAsync(tenant, RowChange.Update(changed), cancellationToken).ConfigureAwait(false))
            {
                return changed;
            }
        }

        throw BillingException.For(BillingErrorCodes.Conflict, "run", id.ToString(), "version", $"Other changes came first {Tries} times; try again.");
    }

    /// <summary>Ends a run all whose shards are done.</summary>
    public async Task EndAsync(TenantId tenant, Guid id, CancellationToken cancellationToken)
    {
        var shards = await core.Storage.ListRunShardsAsync(tenant, id, cancellationToken).ConfigureAwait(false);
        var run = await FindAsync(tenant, id, cancellationToken).ConfigureAwait(false);
        if (run.State == RunState.Finished || run.State == RunState.Cancelled || shards.Any(s => s.State != ShardState.Done))
        {
            return;
        }

        var ended = Ended(run, shards);

        // Whoever comes second finds it ended.
        _ = await WriteAsync(tenant, RowChange.Update(ended with { Version = run.Version + 1 }), cancellationToken).ConfigureAwait(false);
    }

    public async Task<bool> WriteAsync(TenantId tenant, RowChange change, CancellationToken cancellationToken) =>
        (await core.Storage.CommitAsync(new BillingBatch { Tenant = tenant, Rows = [change] }, cancellationToken).ConfigureAwait(false)).Batch.Outcome == CommitOutcome.Committed;

    /// <summary>How far a run is.</summary>
    public async Task<RunProgress> ProgressAsync(TenantId tenant, Guid id, CancellationToken cancellationToken)
    {
        var run = await FindAsync(tenant, id, cancellationToken).ConfigureAwait(false);
        var shards = await core.Storage.ListRunShardsAsync(tenant, id, cancellationToken).ConfigureAwait(false);
        var invoices = shards.Sum(s => s.Invoices);
        var milliseconds = (decimal)((run.FinishedAt ?? core.Clock.GetCurrentInstant()) - run.StartedAt).ToInt64Nanoseconds() / 1_000_000m;
        return new RunProgress
        {
            Run = run,
            Done = shards.Sum(s => s.Payers),
            Invoices = invoices,
            Quarantined = shards.Sum(s => s.Quarantined),
            InvoicesPerSecond = milliseconds > 0m ? decimal.Round(invoices * 1000m / milliseconds, 3) : 0m,
            Shards = shards,
        };
    }

    private RunRecord Ended(RunRecord run, IReadOnlyList<RunShard> shards) => run with
    {
        State = RunState.Finished,
        Payers = shards.Sum(s => s.Payers),
        Invoices = shards.Sum(s => s.Invoices),
        Quarantined = shards.Sum(s => s.Quarantined),
        FinishedAt = core.Clock.GetCurrentInstant(),
    };

    /// <summary>Every n-th border, so that there are not too many shards.</summary>
    private static IReadOnlyList<string> Fewer(IReadOnlyList<string> borders)
    {
        var every = (borders.Count / MostShards) + 1;
        return [.. borders.Where((_, i) => (i + 1) % every == 0)];
    }

    /// <summary>The last shard goes to the end, so that no payer falls behind it.</summary>
    private static List<RunShard> Shards(RunRecord run, IReadOnlyList<string> borders, bool isFull)
    {
        var ends = borders.Cast<string?>().ToList();
        if (isFull && ends.Count > 0)
        {
            ends[^1] = null;
        }
        else
        {
            ends.Add(null);
        }

        return [.. ends.Select((end, i) => new RunShard
        {
            Tenant = run.Tenant,
            RunId = run.Id,
            Number = i + 1,
            After = i == 0 ? null : ends[i - 1],
            Through = end,
            Version = 1,
        })];
    }
}
