using Billing.Invoicing;
using Billing.Processing;
using NodaTime;

namespace Billing;

/// <summary>Invoices: read, preview, finalise, take back.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class InvoiceFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal InvoiceFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>What the next run that issues anything for this payer would issue, with what is known now. Changes nothing.</summary>
    public Task<IReadOnlyList<InvoiceDocument>> PreviewAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) =>
        PreviewAsync(tenant, customerId, (Instant?)null, cancellationToken);

    /// <summary>What a run at this moment would issue for the payer. Changes nothing.</summary>
    public Task<IReadOnlyList<InvoiceDocument>> PreviewAsync(TenantId tenant, string customerId, Instant asOf, CancellationToken cancellationToken = default) =>
        PreviewAsync(tenant, customerId, (Instant?)asOf, cancellationToken);

    private async Task<IReadOnlyList<InvoiceDocument>> PreviewAsync(TenantId tenant, string customerId, Instant? asOf, CancellationToken cancellationToken)
    {
        var payer = await _commands.PayerOfAsync(tenant, Storage.StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false);
        return payer == customerId
            ? await new BillingRun(_core).PreviewAsync(tenant, payer, asOf, cancellationToken).ConfigureAwait(false)
            : [];
    }

}
