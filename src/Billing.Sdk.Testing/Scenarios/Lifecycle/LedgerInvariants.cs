using Billing.Invoicing;
using Billing.Ledger;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>Debits equal credits: in each journal transaction, and over all of them in the trial balance.</summary>
public sealed class DebitsEqualCredits : IScenarioInvariant
{
    /// <inheritdoc/>
    public string Name => "debits equal credits";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> FindViolationsAsync(ScenarioMoment moment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(moment);
        var entries = await moment.Host.Storage.ReadLedgerAsync(ScenarioHost.Tenant, null, LocalDate.MaxIsoValue, cancellationToken).ConfigureAwait(false);
        var transactions =
            from entry in entries
            group entry by (entry.TransactionId, entry.Currency) into transaction
            let sum = transaction.Sum(e => e.Amount)
            where sum != 0m
            select $"transaction {transaction.Key.TransactionId} of '{transaction.First().PayerId}' is off by {Rounding.Format(sum, 2)} {transaction.Key.Currency}";

        var today = moment.Host.Clock.Now.InZone(moment.Scenario.Zone).Date;
        var balances = await moment.Host.Engine.Ledger.GetTrialBalanceAsync(ScenarioHost.Tenant, today, null, cancellationToken).ConfigureAwait(false);
        var totals =
            from balance in balances
            group balance by balance.Currency into currency
            let sum = currency.Sum(b => b.Net)
            where sum != 0m
            select $"the trial balance of {today} is off by {Rounding.Format(sum, 2)} {currency.Key}";
        return [.. transactions, .. totals];
    }
}

/// <summary>The receivable account of each payer equals what is open on its final invoices.</summary>
public sealed class ReceivableEqualsOpenInvoices : IScenarioInvariant
{
    /// <inheritdoc/>
    public string Name => "the receivable account equals the open amounts of the invoices";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> FindViolationsAsync(ScenarioMoment moment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(moment);
        var entries = await moment.Host.Storage.ReadLedgerAsync(ScenarioHost.Tenant, null, LocalDate.MaxIsoValue, cancellationToken).ConfigureAwait(false);
        var booked = entries.Where(e => e.Account == LedgerAccounts.Receivable).Select(e => (e.PayerId, e.Currency, Booked: e.Amount, Open: 0m));
        var open = moment.Invoices.Where(d => d.Invoice.Status == InvoiceStatus.Open).Select(d => (d.Invoice.PayerId, d.Invoice.Currency, Booked: 0m, Open: d.Invoice.AmountDue));
        return
        [
            .. from amount in booked.Concat(open)
               group amount by (amount.PayerId, amount.Currency) into payer
               let receivable = payer.Sum(p => p.Booked)
               let due = payer.Sum(p => p.Open)
               where receivable != due
               select $"'{payer.Key.PayerId}': receivable {Rounding.Format(receivable, 2)}, open {Rounding.Format(due, 2)} {payer.Key.Currency}",
        ];
    }
}
