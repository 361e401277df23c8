namespace Billing.Ledger;

/// <summary>Balance of an account.</summary>
/// <param name="Account">The account.</param>
/// <param name="Currency">ISO 4217 code.</param>
/// <param name="Debit">Debits less credits where positive; else 0.</param>
/// <param name="Credit">Credits less debits where positive; else 0.</param>
public sealed record AccountBalance(string Account, string Currency, decimal Debit, decimal Credit)
{
    /// <summary>Debits less credits.</summary>
    public decimal Net => Debit - Credit;

    /// <summary>The balance as the account's kind shows it: assets and expenses as debit, liabilities and income as credit.</summary>
    public decimal Natural => Account is LedgerAccounts.Receivable or LedgerAccounts.Cash or LedgerAccounts.DisputedReceivable or LedgerAccounts.BadDebt or LedgerAccounts.CreditExpense
        ? Net
        : -Net;
}
