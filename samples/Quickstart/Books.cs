using Billing;
using NodaTime;

namespace Quickstart;

/// <summary>What stands at the end: balances by customer and the trial balance of the ledger.</summary>
internal static class Books
{
    private const int Shown = 12;

    public static async Task ShowAsync(BillingEngine billing, IReadOnlyList<Caller> callers, LocalDate date)
    {
        Screen.Line("  customer                        invoices     billed       paid       owed");
        foreach (var (index, caller) in callers.Index())
        {
            var invoices = (await billing.Invoices.ListAsync(Company.Tenant, caller.Number)).Select(i => i.Invoice).ToList();
            var balance = await billing.Customers.GetBalanceAsync(Company.Tenant, caller.Number);
            if (index < Shown)
            {
                Screen.Line($"  {caller.Number,-14} {caller.Name,-18} {invoices.Count,6} {Screen.Dollars(invoices.Sum(i => i.Total)),10} {Screen.Dollars(invoices.Sum(i => i.AmountPaid)),10} {Screen.Dollars(balance.Balance),10}");
            }
        }

        if (callers.Count > Shown)
        {
            Screen.Line($"  … and {callers.Count - Shown} more");
        }

        var accounts = await billing.Ledger.GetTrialBalanceAsync(Company.Tenant, date);
        Screen.Line();
        Screen.Line("  account                     debit     credit");
        foreach (var account in accounts)
        {
            Screen.Line($"  {account.Account,-20} {Amount(account.Debit),12} {Amount(account.Credit),10}");
        }

        var debit = accounts.Sum(a => a.Debit);
        var credit = accounts.Sum(a => a.Credit);
        Screen.Line($"  {"total",-20} {Amount(debit),12} {Amount(credit),10}  {(debit == credit ? "balanced" : "NOT BALANCED")}");
    }

    private static string Amount(decimal amount) => amount == 0m ? "" : Screen.Dollars(amount);
}
