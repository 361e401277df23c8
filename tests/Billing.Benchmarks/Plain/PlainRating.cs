using System.Globalization;
using Billing.Catalog;
using Billing.Usage;

namespace Billing.Benchmarks.Plain;

/// <summary>Graduated tiers as a programmer writes them for one price: no errors, no modifiers, no exact fractions.</summary>
internal static class PlainRating
{
    public static decimal PriceEach(decimal[] quantities, Price price)
    {
        var tiers = price.Tiers.Select(t => (UpTo: t.UpTo ?? decimal.MaxValue, t.UnitAmount)).ToArray();
        var sum = 0m;
        foreach (var quantity in quantities)
        {
            sum += Graduated(quantity, tiers);
        }

        return sum;
    }

    public static decimal PriceAccounts(UsageEvent[][] accounts, Price price)
    {
        var tiers = price.Tiers.Select(t => (UpTo: t.UpTo ?? decimal.MaxValue, t.UnitAmount)).ToArray();
        var sum = 0m;
        foreach (var events in accounts)
        {
            var quantity = 0m;
            foreach (var usage in events)
            {
                quantity += decimal.Parse(usage.Properties["minutes"], NumberStyles.Number, CultureInfo.InvariantCulture);
            }

            sum += Graduated(quantity, tiers);
        }

        return sum;
    }

    private static decimal Graduated(decimal quantity, (decimal UpTo, decimal UnitAmount)[] tiers)
    {
        var (amount, lower) = (0m, 0m);
        foreach (var (upTo, unitAmount) in tiers)
        {
            if (quantity <= upTo)
            {
                return amount + ((quantity - lower) * unitAmount);
            }

            amount += (upTo - lower) * unitAmount;
            lower = upTo;
        }

        return amount;
    }
}
