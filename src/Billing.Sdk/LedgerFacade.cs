using Billing.Ledger;
using Billing.Processing;
using NodaTime;

namespace Billing;

/// <summary>The double-entry ledger: reports.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class LedgerFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal LedgerFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Balances of all accounts up to a date (inclusive), of one payer or of all; what is earned by then counts as revenue.</summary>
    public Task<IReadOnlyList<AccountBalance>> GetTrialBalanceAsync(TenantId tenant, LocalDate asOf, string? customerId = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Journal transactions, in order.</summary>
    public Task<IReadOnlyList<LedgerTransaction>> ListTransactionsAsync(TenantId tenant, string? customerId = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
