using Billing.Processing;
using Billing.Tasks;
using Billing.Usage;

namespace Billing;

/// <summary>Mediation: files of raw records become usage.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class MediationFacade
{
    private const int LargestBatch = 100_000;

    private readonly EngineCore _core;
    private readonly UsageFacade _usage;

    internal MediationFacade(EngineCore core, UsageFacade usage)
    {
        _core = core;
        _usage = usage;
    }

    /// <summary>
    /// Imports a feed: the reader makes records of it, the tenant's mediators make events of the records, and the events are recorded as usage.
    /// A record that is wrong is kept with its reason and holds up no other.
    /// </summary>
    /// <remarks>
    /// A feed that is read twice, or was cut off and is read again, bills nothing twice: events count once by their source and id, rejected
    /// records are listed once. The context's idempotency key is not used. Memory is bounded by the batch, not by the feed.
    /// </remarks>
    /// <param name="context">The tenant, and who acts.</param>
    /// <param name="request">The feed and its format.</param>
    /// <param name="progress">Told after each batch; <see langword="null"/>: nobody is.</param>
    /// <param name="cancellationToken">Ends the import after the batch that is being stored; what was stored stays.</param>
    /// <exception cref="BillingException">
    /// <c>validation</c> for a request that cannot be carried out, <c>not-found</c> for the tenant, <c>task-missing</c> when reader or a configured mediator
    /// is not loaded, <c>task-failed</c> when the reader throws or a mediator does not answer in time.
    /// </exception>
    public async Task<ImportResult> ImportAsync(CommandContext context, ImportRequest request, IProgress<ImportProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(request.Stream);
        Identifier.Check(request.Feed, "import", "feed");
        if (request.BatchSize is < 1 or > LargestBatch)
        {
            throw BillingException.Validation("import", request.Feed, "batchSize", $"A batch has 1 to {LargestBatch} records.");
        }

        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var each = context with { IdempotencyKey = null };
        var run = new MediationRun(_core, each, tenant.Tasks, (entries, token) => _usage.RecordAsync(each, entries, token));
        return await run.RunAsync(request, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Records that were rejected, in order of recording: of one feed or of all.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="feed">The feed; <see langword="null"/>: all.</param>
    /// <param name="maximum">How many at most. Default 1,000.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    public Task<IReadOnlyList<RejectedRecord>> ListRejectedAsync(TenantId tenant, string? feed = null, int maximum = 1000, CancellationToken cancellationToken = default) =>
        _core.Storage.ListRejectedAsync(tenant, feed, maximum, cancellationToken);
}
