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

    /// <summary>Invoices of a payer, in order of creation, with their lines.</summary>
    public Task<IReadOnlyList<InvoiceDocument>> ListAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The invoice.</summary>
    public Task<InvoiceDocument> GetAsync(TenantId tenant, Guid invoiceId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

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

    /// <summary>Makes a draft final before its time.</summary>
    public Task<Invoice> FinalizeAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Takes an unpaid invoice back; its charges are not billed again.</summary>
    public Task<Invoice> VoidAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Gives an open invoice up as bad debt.</summary>
    public Task<Invoice> MarkUncollectibleAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
