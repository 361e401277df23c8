using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Processing;
using Billing.Storage;

namespace Billing;

/// <summary>Credits: grants, balance, credit notes.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>. Credits of a customer whose parent pays are its parent's.</remarks>
public sealed partial class CreditFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CreditFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Grants credit, or sells it: what is sold is invoiced by the next run and can be used when that invoice is paid.</summary>
    /// <exception cref="BillingException"><c>validation</c>; <c>duplicate</c>: the customer has a credit with this id; <c>not-found</c>.</exception>
    public Task<CreditGrant> GrantAsync(CommandContext context, GrantCreditRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        Identifier.Check(request.Id, "credit");
        return OnCustomer(context, "credits.grant", request, request.CustomerId, work => Grant(work, request), cancellationToken);
    }

    /// <summary>
    /// Changes the credit balance: a positive amount is owed to the customer. It pays later invoices, not those already open. A balance that falls below 0 is owed by the
    /// customer and added to what its next invoice asks for.
    /// </summary>
    /// <returns>The new balance, credit notes not included.</returns>
    /// <exception cref="BillingException"><c>validation</c>; <c>not-found</c>.</exception>
    public Task<decimal> AdjustBalanceAsync(CommandContext context, string customerId, decimal amount, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return OnCustomer(context, "credits.adjustBalance", new { customerId, amount }, customerId, work => Adjust(work, customerId, amount), cancellationToken);
    }

    /// <summary>Takes back (part of) an invoice.</summary>
    /// <returns>The note, after refunds by gateways have been answered.</returns>
    /// <exception cref="BillingException"><c>amount-exceeds</c>: more than is left of the invoice or line; <c>invalid-state</c>: it is no final invoice; <c>validation</c>; <c>not-found</c>.</exception>
    public async Task<CreditNote> IssueNoteAsync(CommandContext context, CreditNoteRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        var issued = await _commands.ExecuteAsync(
            context,
            "credits.issueNote",
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Invoice, request.InvoiceId.ToString(), token),
            PayerCommits.Parts,
            (work, _) => Task.FromResult(CreditNotes.Issue(work, request)),
            cancellationToken).ConfigureAwait(false);
        if (request.To != CreditNoteTarget.Refund)
        {
            return issued;
        }

        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var snapshot = await PayerReads.ReadPayerAsync(_core, context.Tenant, issued.PayerId, SnapshotParts.Payments, cancellationToken).ConfigureAwait(false);
        var refunds = snapshot.Refunds.Where(r => r.CreditNoteId == issued.Id).Select(r => r.Id).ToList();
        await new RefundCalls(_core).CompleteAsync(tenant, context, issued.PayerId, refunds, cancellationToken).ConfigureAwait(false);
        var after = await PayerReads.ReadPayerAsync(_core, context.Tenant, issued.PayerId, SnapshotParts.Credits, CancellationToken.None).ConfigureAwait(false);
        return after.CreditNotes.First(n => n.Id == issued.Id);
    }

    /// <summary>Credit notes of a customer, in order; none for one whose parent pays.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<IReadOnlyList<CreditNote>> ListNotesAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var snapshot = await PayerReads.ReadAsync(_core, tenant, customerId, SnapshotParts.Credits, cancellationToken).ConfigureAwait(false);
        return snapshot.Payer.Id == customerId ? snapshot.CreditNotes : [];
    }

    /// <summary>Credit grants of a customer, in order.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<IReadOnlyList<CreditGrant>> ListGrantsAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var snapshot = await PayerReads.ReadAsync(_core, tenant, customerId, SnapshotParts.Credits, cancellationToken).ConfigureAwait(false);
        return [.. snapshot.Grants.Where(g => g.CustomerId == customerId)];
    }

    private static CreditGrant Grant(PayerWork work, GrantCreditRequest request)
    {
        var currency = work.Payer.Currency;
        Amounts.Positive(request.Amount, currency, "credit", request.Id);
        if (request.PaidAmount != 0m)
        {
            Amounts.Positive(request.PaidAmount, currency, "credit", request.Id, "paidAmount");
        }

        if (request.ExpiresAt <= work.Now)
        {
            throw BillingException.Validation("credit", request.Id, "expiresAt", "It lies in the past.");
        }

        if (work.All<CreditGrant>().Any(g => g.CustomerId == request.CustomerId && g.Id == request.Id))
        {
            throw BillingException.For(BillingErrorCodes.Duplicate, "credit", request.Id, "id", $"Customer '{request.CustomerId}' has one with this id already.");
        }

        var grant = work.Put(new CreditGrant
        {
            Tenant = work.Context.Id,
            Id = request.Id,
            PayerId = work.PayerId,
            CustomerId = request.CustomerId,
            Amount = request.Amount,
            Remaining = request.Amount,
            ExpiresAt = request.ExpiresAt,
            Priority = request.Priority,
            PaidAmount = request.PaidAmount,
            Charges = request.Charges,
            Usable = request.PaidAmount == 0m,
            CreatedAt = work.Now,
            Ordinal = work.All<CreditGrant>().Select(g => g.Ordinal).DefaultIfEmpty(0).Max() + 1,
        });
        if (request.PaidAmount > 0m)
        {
            Sell(work, grant);
        }

        work.Emit(EventNames.CreditGranted, request.CustomerId, notify: false, ("creditId", grant.Id), ("amount", Journal.Print(grant.Amount, currency)), ("currency", currency));
        return grant;
    }

    private static void Sell(PayerWork work, CreditGrant grant)
    {
        work.Put(new PendingItem
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            CustomerId = grant.CustomerId,
            Type = InvoiceLineType.OneTime,
            Description = $"Credit of {Journal.Print(grant.Amount, work.Payer.Currency)} {work.Payer.Currency}",
            Amount = grant.PaidAmount,
            InvoiceNow = true,
            CreditGrantId = grant.Id,
            RecordedAt = work.Now,
        });
        work.BillNoLaterThan(work.Now);
    }

    private static decimal Adjust(PayerWork work, string customerId, decimal amount)
    {
        var currency = work.Payer.Currency;
        Amounts.InMinorUnits(amount, currency, "customer", customerId);
        var balance = work.Payer.CreditBalance + amount;
        work.Put(work.Payer with { CreditBalance = balance });
        work.Post(Postings.BalanceAdjustment(work.NewId(), currency, amount), work.Context.Settings.LegalEntity);
        return balance;
    }

    private Task<T> OnCustomer<TRequest, T>(CommandContext context, string command, TRequest request, string customerId, Func<PayerWork, T> apply, CancellationToken cancellationToken) =>
        _commands.ExecuteAsync(
            context,
            command,
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, customerId, token),
            SnapshotParts.Credits | SnapshotParts.PendingItems,
            (work, _) => Task.FromResult(apply(work)),
            cancellationToken);
}
