using Billing.Ledger;
using Billing.Processing;
using Billing.Storage;
using NodaTime;

namespace Billing;

/// <summary>The double-entry ledger: reports.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class LedgerFacade
{
    private const int PageSize = 1000;

    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal LedgerFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>
    /// Balances of all accounts with the postings up to a date (that date included), of one payer or of all. Time-based revenue is earned by the day, and a day when it is over:
    /// on 1 February all of January counts as revenue, 1 February itself not yet. Dates are those of each payer's zone.
    /// </summary>
    /// <exception cref="BillingException"><c>not-found</c>: no such tenant or customer.</exception>
    public async Task<IReadOnlyList<AccountBalance>> GetTrialBalanceAsync(TenantId tenant, LocalDate asOf, string? customerId = null, CancellationToken cancellationToken = default)
    {
        var found = await _core.Storage.FindTenantAsync(tenant, cancellationToken).ConfigureAwait(false) ?? throw BillingException.NotFound("tenant", tenant.Value);
        if (customerId is not null && await PayerOfAsync(tenant, customerId, cancellationToken).ConfigureAwait(false) != customerId)
        {
            return [];
        }

        var entries = await _core.Storage.ReadLedgerAsync(tenant, customerId, asOf, cancellationToken).ConfigureAwait(false);
        return RevenueRecognition.TrialBalance(entries, asOf, found.Settings.RoundingMode);
    }

    /// <summary>Journal transactions, in order, of one payer or of all.</summary>
    /// <exception cref="BillingException"><c>not-found</c>: no such customer.</exception>
    public async Task<IReadOnlyList<LedgerTransaction>> ListTransactionsAsync(TenantId tenant, string? customerId = null, CancellationToken cancellationToken = default)
    {
        if (customerId is not null && await PayerOfAsync(tenant, customerId, cancellationToken).ConfigureAwait(false) != customerId)
        {
            return [];
        }

        var all = new List<LedgerTransaction>();
        IReadOnlyList<LedgerTransaction> page;
        do
        {
            page = await _core.Storage.ListLedgerTransactionsAsync(tenant, customerId, all.Count == 0 ? null : all[^1].Id, PageSize, cancellationToken).ConfigureAwait(false);
            all.AddRange(page);
        }
        while (page.Count == PageSize);
        return all;
    }

    private Task<string> PayerOfAsync(TenantId tenant, string customerId, CancellationToken cancellationToken) =>
        _commands.PayerOfAsync(tenant, StoredObject.Customer, customerId, cancellationToken);
}
