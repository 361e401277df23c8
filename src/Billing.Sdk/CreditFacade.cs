using Billing.Credits;
using Billing.Processing;

namespace Billing;

/// <summary>Credits: grants, balance, credit notes.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class CreditFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CreditFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Grants or sells credit.</summary>
    public Task<CreditGrant> GrantAsync(CommandContext context, GrantCreditRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Changes the credit balance: a positive amount is owed to the customer.</summary>
    public Task<decimal> AdjustBalanceAsync(CommandContext context, string customerId, decimal amount, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Takes back (part of) an invoice.</summary>
    public Task<CreditNote> IssueNoteAsync(CommandContext context, CreditNoteRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Credit notes of a customer, in order.</summary>
    public Task<IReadOnlyList<CreditNote>> ListNotesAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Credit grants of a customer, in order.</summary>
    public Task<IReadOnlyList<CreditGrant>> ListGrantsAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
