using Billing.Processing;
using Billing.Storage;
using NodaTime;

namespace Billing;

public sealed partial class RunFacade
{
    /// <summary>Makes the payment attempts, and asks gateways about open ones, due up to a moment. No transaction is open while a gateway is called.</summary>
    /// <exception cref="BillingException"><c>task-missing</c>: a task of the tenant's is not loaded; <c>not-found</c>.</exception>
    public async Task<CollectionRunResult> CollectAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        return await new CollectionRun(_core).RunAsync(tenant, context, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Does the aging steps due up to a moment, at most one per invoice.</summary>
    /// <exception cref="BillingException"><c>task-missing</c>, <c>task-failed</c>: the tenant's aging task; <c>not-found</c>.</exception>
    public async Task<AgingRunResult> AgeAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        return await new AgingRun(_core).RunAsync(tenant, context, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets credits expire that are due up to a moment.</summary>
    /// <returns>How many expired.</returns>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<int> ExpireCreditsAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        return await new CreditExpiryRun(_core).RunAsync(tenant, context, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Delivers messages that are due: at least once, in order per payer.</summary>
    /// <exception cref="BillingException"><c>task-missing</c>: a notifier or handler is not loaded; <c>not-found</c>.</exception>
    public async Task<DispatchResult> DispatchAsync(TenantId tenant, CancellationToken cancellationToken = default) =>
        await new Dispatcher(_core, await _core.OpenAsync(tenant, cancellationToken).ConfigureAwait(false)).RunAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>The earliest moment at which a run of any kind has something to do, also one that lies behind; <see langword="null"/>: never.</summary>
    public async Task<Instant?> GetNextDueAsync(TenantId tenant, CancellationToken cancellationToken = default)
    {
        var next = await _core.Storage.ReadNextOutboxDueAsync(tenant, cancellationToken).ConfigureAwait(false);
        foreach (var kind in Enum.GetValues<DueKind>())
        {
            var due = await _core.Storage.ReadNextDueAsync(tenant, kind, cancellationToken).ConfigureAwait(false);
            if (due is not null && (next is not { } earliest || due.DueAt < earliest))
            {
                next = due.DueAt;
            }
        }

        return next;
    }

    /// <summary>Payers that could not be billed, ordered by id.</summary>
    public Task<IReadOnlyList<QuarantineItem>> ListQuarantineAsync(TenantId tenant, CancellationToken cancellationToken = default) =>
        _core.Storage.ListQuarantineAsync(tenant, cancellationToken);

    private async Task<TenantContext> OpenAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return (await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false)).At(asOf);
    }
}
