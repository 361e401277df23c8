using Billing.Notifications;
using Billing.Processing;
using Billing.Storage;

namespace Billing;

/// <summary>Messages: what was and will be delivered.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class MessageFacade
{
    private const int PageSize = 1000;

    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal MessageFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Messages of a customer's payer or of all, in order: delivered ones, those to come, and those given up.</summary>
    /// <exception cref="BillingException"><c>not-found</c>: no such customer.</exception>
    public async Task<IReadOnlyList<OutboxMessage>> ListAsync(TenantId tenant, string? customerId = null, CancellationToken cancellationToken = default)
    {
        var payerId = customerId is null ? null : await _commands.PayerOfAsync(tenant, StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false);
        var all = new List<OutboxMessage>();
        IReadOnlyList<OutboxMessage> page;
        do
        {
            page = await _core.Storage.ListOutboxAsync(tenant, payerId, all.Count == 0 ? null : all[^1].Id, PageSize, cancellationToken).ConfigureAwait(false);
            all.AddRange(page);
        }
        while (page.Count == PageSize);
        return all;
    }
}
