using System.Globalization;
using Billing;
using Billing.Ledger;
using Billing.Storage;
using NodaTime;

namespace Cluster;

/// <summary>What must hold at the end, whoever died on the way.</summary>
internal static class Books
{
    private const int AtOnce = 1000;

    private static readonly LocalDate EndOfTime = new(2200, 1, 1);

    public static async Task<bool> CheckAsync(BillingEngine engine, IBillingStorage storage, int customers)
    {
        var numbers = new List<long>();
        var wrong = 0;
        var seen = 0;
        string? after = null;
        while (await storage.ListPayersAsync(Company.Tenant, after, AtOnce, CancellationToken.None) is { Count: > 0 } ids)
        {
            foreach (var payer in await storage.ReadPayersAsync(Company.Tenant, ids, SnapshotParts.Invoices, CancellationToken.None))
            {
                seen++;
                wrong += payer.Invoices.Count == 1 && payer.Invoices[0].Total == Company.Fee ? 0 : 1;
                numbers.AddRange(payer.Invoices.Select(i => i.SeriesNumber ?? 0));
            }

            after = ids[^1];
        }

        numbers.Sort();
        var gapless = numbers.Select((number, i) => number == i + 1).All(fits => fits);
        var balances = await engine.Ledger.GetTrialBalanceAsync(Company.Tenant, EndOfTime);
        var receivable = balances.Where(b => b.Account == LedgerAccounts.Receivable).Sum(b => b.Net);
        var balanced = balances.Sum(b => b.Debit) == balances.Sum(b => b.Credit) && receivable == customers * Company.Fee;

        Line($"{seen:N0} customers, {numbers.Count:N0} invoices; {wrong} customers without exactly one.");
        Line($"Numbers {(gapless ? "without a gap" : "WITH GAPS")}, up to {(numbers.Count == 0 ? 0 : numbers[^1]):N0}.");
        Line($"Ledger {(balanced ? "balanced" : "NOT BALANCED")}: {receivable:N2} is owed.");
        return Said(seen == customers && numbers.Count == customers && wrong == 0 && gapless && balanced);
    }

    private static bool Said(bool good)
    {
        Line(good ? "Everything is as it would have been without the kill." : "SOMETHING IS WRONG.");
        return good;
    }

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static void Line(string text) => Console.WriteLine(text);
}
