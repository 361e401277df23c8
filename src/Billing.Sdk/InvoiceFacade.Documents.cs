using Billing.Invoicing;
using Billing.Processing;
using Billing.Storage;

namespace Billing;

public sealed partial class InvoiceFacade
{
    /// <summary>Invoices of a payer, in order of creation, with their lines; none for a customer whose parent pays.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<IReadOnlyList<InvoiceDocument>> ListAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var snapshot = await PayerReads.ReadAsync(_core, tenant, customerId, SnapshotParts.Invoices | SnapshotParts.Lines, cancellationToken).ConfigureAwait(false);
        if (snapshot.Payer.Id != customerId)
        {
            return [];
        }

        var lines = snapshot.Lines.ToLookup(l => l.InvoiceId);
        return [.. snapshot.Invoices.Select(i => new InvoiceDocument(i, [.. lines[i.Id].OrderBy(l => l.Position)]))];
    }

    /// <summary>The invoice with its lines.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<InvoiceDocument> GetAsync(TenantId tenant, Guid invoiceId, CancellationToken cancellationToken = default)
    {
        var payerId = await _commands.PayerOfAsync(tenant, StoredObject.Invoice, invoiceId.ToString(), cancellationToken).ConfigureAwait(false);
        var snapshot = await PayerReads.ReadPayerAsync(_core, tenant, payerId, SnapshotParts.Invoices | SnapshotParts.Lines, cancellationToken).ConfigureAwait(false);
        var invoice = snapshot.Invoices.First(i => i.Id == invoiceId);
        return new InvoiceDocument(invoice, [.. snapshot.Lines.Where(l => l.InvoiceId == invoiceId).OrderBy(l => l.Position)]);
    }

    /// <summary>Makes a draft final before its time, with what is known now: late usage, coupons, credits.</summary>
    /// <returns>The invoice; its number is given with the commit, see <see cref="GetAsync"/>.</returns>
    /// <exception cref="BillingException"><c>invalid-state</c>: it is no draft, or nothing is left to bill on it; <c>not-found</c>.</exception>
    public Task<Invoice> FinalizeAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _commands.ExecuteAsync(
            context,
            "invoices.finalize",
            invoiceId,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Invoice, invoiceId.ToString(), token),
            SnapshotParts.All,
            async (work, token) =>
            {
                work.Context.Tasks.EnsureComplete();
                var draft = work.Find<Invoice>(invoiceId)!;
                if (draft.Status != InvoiceStatus.Draft)
                {
                    throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", invoiceId.ToString(), "status", $"Only drafts are finalised; this one is {draft.Status}.");
                }

                var stages = new PageStages(_core, work.Context);
                await stages.RunAsync(() => new PayerBilling(work, stages).FinalizeAsync(draft), token).ConfigureAwait(false);
                return work.Find<Invoice>(invoiceId) ?? throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", invoiceId.ToString(), "lines", "Nothing is left to bill on it; the next run takes it away.");
            },
            cancellationToken);
    }

    /// <summary>Takes an unpaid invoice back; its charges are not billed again, and credit that paid part of it is given back.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: it is a draft, void, or (partly) paid; <c>not-found</c>.</exception>
    public Task<Invoice> VoidAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default) =>
        OnInvoice(context, "invoices.void", invoiceId, Voiding.Void, cancellationToken);

    /// <summary>Gives an open invoice up as bad debt.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: it is not open; <c>not-found</c>.</exception>
    public Task<Invoice> MarkUncollectibleAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default) =>
        OnInvoice(
            context,
            "invoices.markUncollectible",
            invoiceId,
            (work, invoice) => invoice.Status == InvoiceStatus.Open
                ? Settlement.WriteOff(work, invoice)
                : throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", invoiceId.ToString(), "status", $"Only open invoices are given up; this one is {invoice.Status}."),
            cancellationToken);

    private Task<Invoice> OnInvoice(CommandContext context, string command, Guid invoiceId, Func<PayerWork, Invoice, Invoice> apply, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _commands.ExecuteAsync(
            context,
            command,
            invoiceId,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Invoice, invoiceId.ToString(), token),
            SnapshotParts.All,
            (work, _) =>
            {
                apply(work, work.Find<Invoice>(invoiceId)!);
                return Task.FromResult(work.Find<Invoice>(invoiceId)!);
            },
            cancellationToken);
    }
}
