using Billing.Invoicing;
using Billing.Processing;

namespace Billing;

/// <summary>Charges that are no part of a plan.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class ChargeFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal ChargeFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Adds a charge.</summary>
    public Task<PendingItem> AddAsync(CommandContext context, AddChargeRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
