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

}
