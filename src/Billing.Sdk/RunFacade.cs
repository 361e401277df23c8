using Billing.Processing;
using Billing.Storage;
using NodaTime;

namespace Billing;

/// <summary>Runs: bill, collect, age, dispatch.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class RunFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal RunFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Bills all payers due up to a moment.</summary>
    public Task<BillingRunResult> BillAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new BillingRun(_core).RunAsync(context, asOf, cancellationToken);
    }

    /// <summary>Bills one payer up to a moment, if it is due.</summary>
    public async Task<BillingRunResult> BillCustomerAsync(CommandContext context, string customerId, Instant? asOf = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var payer = await _commands.PayerOfAsync(context.Tenant, Storage.StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false);
        return await new BillingRun(_core).RunPayerAsync(context, payer, asOf ?? _core.Clock.GetCurrentInstant(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Starts a billing run that workers then share; with an idempotency key the same run is answered again.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="request">As of when, and how the payers are split.</param>
    /// <param name="cancellationToken">Cancels before the run is written.</param>
    /// <returns>The run. When nothing is due it is finished, and without an idempotency key nothing was written.</returns>
    /// <exception cref="BillingException"><c>task-missing</c>: a task of the tenant's is not loaded; <c>not-found</c>; <c>validation</c>.</exception>
    public async Task<RunRecord> StartAsync(CommandContext context, StartRunRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        var tenant = await OpenAsync(context, request.AsOf, cancellationToken).ConfigureAwait(false);
        tenant.Tasks.EnsureComplete();
        return await _commands.ExecuteTenantAsync(
            context,
            "runs.start",
            request,
            async token =>
            {
                var (run, shards) = await new RunControl(_core).PrepareAsync(tenant, context, request, token).ConfigureAwait(false);
                return (shards.Count == 0 && context.IdempotencyKey is null ? [] : RunControl.Inserts(run, shards), run);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Works on a run until none of its shards is free, or it is paused or cancelled. Call it from as many workers and processes as you like. When the last shard is done the run is finished.
    /// </summary>
    /// <param name="context">Who works.</param>
    /// <param name="runId">The run.</param>
    /// <param name="options">Name, page size, parallel shards. Default: those of <see cref="WorkerOptions"/>.</param>
    /// <param name="cancellationToken">Stops: pages that are not committed are dropped, shards are given back.</param>
    /// <returns>What this worker did.</returns>
    /// <exception cref="BillingException"><c>not-found</c>; <c>task-missing</c>; <c>storage</c>: the store gave up, the shard can be worked on again; <c>validation</c>: the options.</exception>
    public async Task<BillingRunResult> WorkAsync(CommandContext context, Guid runId, WorkerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        options ??= new WorkerOptions();
        options.Check();
        var run = await FindAsync(context.Tenant, runId, cancellationToken).ConfigureAwait(false);
        var tenant = await OpenAsync(context, run.AsOf, cancellationToken).ConfigureAwait(false);
        tenant.Tasks.EnsureComplete();
        return await new RunWorker(_core, tenant, context, run, options).WorkAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Has workers stop after the page that they are at.</summary>
    /// <exception cref="BillingException"><c>not-found</c>; <c>invalid-state</c>: it is finished or cancelled.</exception>
    public Task<RunRecord> PauseAsync(CommandContext context, Guid runId, CancellationToken cancellationToken = default) =>
        ChangeAsync(context, runId, RunState.Paused, [RunState.Running], cancellationToken);

    /// <summary>Lets workers claim shards of a paused run again; call <see cref="WorkAsync"/> for the work itself.</summary>
    /// <exception cref="BillingException"><c>not-found</c>; <c>invalid-state</c>: it is finished or cancelled.</exception>
    public Task<RunRecord> ResumeAsync(CommandContext context, Guid runId, CancellationToken cancellationToken = default) =>
        ChangeAsync(context, runId, RunState.Running, [RunState.Paused], cancellationToken);

    /// <summary>Stops a run for good. What it billed stays; payers that it did not reach stay due.</summary>
    /// <exception cref="BillingException"><c>not-found</c>; <c>invalid-state</c>: it is finished.</exception>
    public Task<RunRecord> CancelAsync(CommandContext context, Guid runId, CancellationToken cancellationToken = default) =>
        ChangeAsync(context, runId, RunState.Cancelled, [RunState.Running, RunState.Paused], cancellationToken);

    /// <summary>A run by id.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public Task<RunRecord> FindAsync(TenantId tenant, Guid runId, CancellationToken cancellationToken = default) => new RunControl(_core).FindAsync(tenant, runId, cancellationToken);

    /// <summary>Runs of the tenant, newest first.</summary>
    public Task<IReadOnlyList<RunRecord>> ListAsync(TenantId tenant, int maximum = 100, CancellationToken cancellationToken = default) =>
        _core.Storage.ListRunsAsync(tenant, maximum, cancellationToken);

    /// <summary>How far a run is: payers done of those due, invoices and invoices per second, payers in quarantine, shards.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public Task<RunProgress> GetProgressAsync(TenantId tenant, Guid runId, CancellationToken cancellationToken = default) =>
        new RunControl(_core).ProgressAsync(tenant, runId, cancellationToken);

    private Task<RunRecord> ChangeAsync(CommandContext context, Guid runId, RunState wanted, RunState[] from, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new RunControl(_core).ChangeAsync(context.Tenant, runId, wanted, from, cancellationToken);
    }
}
