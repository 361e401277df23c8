using Billing.Notifications;
using Billing.Processing;

namespace Billing;

/// <summary>Messages: what was and will be delivered.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class MessageFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal MessageFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Messages of a payer or of all, in order.</summary>
    public Task<IReadOnlyList<OutboxMessage>> ListAsync(TenantId tenant, string? customerId = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
