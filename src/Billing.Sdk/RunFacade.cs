using Billing.Processing;
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

    /// <summary>Makes the payment attempts and queries due up to a moment.</summary>
    public Task<CollectionRunResult> CollectAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Does the aging steps due up to a moment, at most one per invoice.</summary>
    public Task<AgingRunResult> AgeAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Lets credits expire that are due up to a moment.</summary>
    public Task<int> ExpireCreditsAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Delivers messages that are due.</summary>
    public Task<DispatchResult> DispatchAsync(TenantId tenant, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The earliest moment at which a run of any kind has something to do; <see langword="null"/>: never.</summary>
    public Task<Instant?> GetNextDueAsync(TenantId tenant, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Payers that could not be billed.</summary>
    public Task<IReadOnlyList<Storage.QuarantineItem>> ListQuarantineAsync(TenantId tenant, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
