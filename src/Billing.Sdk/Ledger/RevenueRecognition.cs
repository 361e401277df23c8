using NodaTime;

namespace Billing.Ledger;

/// <summary>How much of deferred revenue is earned by a date. Pure.</summary>
internal static class RevenueRecognition
{
    /// <summary>
    /// The part of an amount over a service interval that is earned when a date begins: amount × days before the date ÷ days of the interval, rounded. A day is earned
    /// when it is over; the last one brings what rounding left.
    /// </summary>
    public static decimal Earned(decimal amount, LocalDate from, LocalDate to, LocalDate asOf, Currency currency, RoundingMode mode)
    {
        if (asOf <= from)
        {
            return 0m;
        }

        return asOf >= to
            ? amount
            : Rounding.Round(amount * DaysBetween(from, asOf) / DaysBetween(from, to), currency.MinorUnit, mode);
    }

    /// <summary>
    /// Balances by account and currency, the earned part of deferred revenue moved to revenue. What a payer is charged for one service interval and what is taken back of it
    /// are one amount, rounded once: taken back wholly, nothing of it is earned.
    /// </summary>
    public static IReadOnlyList<AccountBalance> TrialBalance(IReadOnlyCollection<LedgerEntry> entries, LocalDate asOf, RoundingMode mode)
    {
        var balances = new SortedDictionary<(string Currency, string Account), decimal>(Comparer<(string, string)>.Create((a, b) =>
            string.CompareOrdinal(a.Item1, b.Item1) is var c and not 0 ? c : string.CompareOrdinal(a.Item2, b.Item2)));
        foreach (var entry in entries)
        {
            Add(entry.Account, entry.Currency, entry.Amount);
        }

        var services = entries
            .Where(e => e is { Account: LedgerAccounts.DeferredRevenue, ServiceFrom: not null, ServiceTo: not null })
            .GroupBy(e => (e.PayerId, e.Currency, From: e.ServiceFrom!.Value, To: e.ServiceTo!.Value), e => e.Amount);
        foreach (var service in services)
        {
            var earned = Earned(service.Sum(), service.Key.From, service.Key.To, asOf, Billing.Currency.Of(service.Key.Currency), mode);
            Add(LedgerAccounts.DeferredRevenue, service.Key.Currency, -earned);
            Add(LedgerAccounts.Revenue, service.Key.Currency, earned);
        }

        return [.. balances.Select(b => new AccountBalance(b.Key.Account, b.Key.Currency, Math.Max(0m, b.Value), Math.Max(0m, -b.Value)))];

        void Add(string account, string currency, decimal amount) =>
            balances[(currency, account)] = balances.GetValueOrDefault((currency, account)) + amount;
    }

    private static int DaysBetween(LocalDate from, LocalDate to) => Period.DaysBetween(from, to);
}
