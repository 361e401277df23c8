using Billing.Invoicing;

namespace Billing.Tax;

/// <summary>Turns tax rates into amounts, by line or by invoice. The one place where tax is rounded. Pure.</summary>
internal static class TaxAmounts
{
    /// <summary>The lines with their tax.</summary>
    /// <param name="lines">The lines, discounts taken off.</param>
    /// <param name="rates">The rates of each line.</param>
    /// <param name="currency">Currency of the lines.</param>
    /// <param name="settings">The tenant's settings.</param>
    public static IReadOnlyList<InvoiceLine> Apply(IReadOnlyList<InvoiceLine> lines, IReadOnlyList<IReadOnlyList<TaxRate>> rates, Currency currency, TenantSettings settings)
    {
        var taxes = new List<LineTax>[lines.Count];
        for (var i = 0; i < taxes.Length; i++)
        {
            taxes[i] = [];
        }

        if (settings.TaxRoundingUnit == RoundingUnit.Invoice)
        {
            ByInvoice(lines, rates, currency, settings, taxes);
        }
        else
        {
            ByLine(lines, rates, currency, settings, taxes);
        }

        var result = new InvoiceLine[lines.Count];
        for (var i = 0; i < result.Length; i++)
        {
            var (tax, inclusive) = (0m, 0m);
            foreach (var part in taxes[i])
            {
                tax += part.Amount;
                inclusive += part.Inclusive ? part.Amount : 0m;
            }

            result[i] = lines[i] with { Taxes = [.. taxes[i]], Tax = tax, InclusiveTax = inclusive };
        }

        return result;
    }

    private static void ByLine(IReadOnlyList<InvoiceLine> lines, IReadOnlyList<IReadOnlyList<TaxRate>> rates, Currency currency, TenantSettings settings, List<LineTax>[] taxes)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            var amount = lines[i].Amount - lines[i].Discount;
            var net = amount;
            if (rates[i].Any(r => r.Inclusive))
            {
                var inclusive = rates[i].Where(r => r.Inclusive).ToList();
                net = Rounding.Round(amount / (1m + (inclusive.Sum(r => r.Percent) / 100m)), currency.MinorUnit, settings.RoundingMode);
                AddShares(taxes[i], inclusive, amount - net, currency);
            }

            foreach (var rate in rates[i])
            {
                if (rate.Inclusive)
                {
                    continue;
                }

                var tax = rate.Amount ?? Rounding.Round(net * rate.Percent / 100m, currency.MinorUnit, settings.RoundingMode);
                taxes[i].Add(new LineTax(rate.Code, rate.Percent, tax, false));
            }
        }
    }

    private static void AddShares(List<LineTax> taxes, List<TaxRate> rates, decimal amount, Currency currency)
    {
        var parts = rates.Sum(r => r.Percent) > 0m
            ? Allocation.LargestRemainder(amount, [.. rates.Select(r => r.Percent)], currency.SmallestAmount)
            : new decimal[rates.Count];
        taxes.AddRange(rates.Select((r, n) => new LineTax(r.Code, r.Percent, parts[n], true)));
    }

    private static void ByInvoice(IReadOnlyList<InvoiceLine> lines, IReadOnlyList<IReadOnlyList<TaxRate>> rates, Currency currency, TenantSettings settings, List<LineTax>[] taxes)
    {
        var nets = lines.Select(l => l.Amount - l.Discount).ToArray();
        var inclusiveGroups = Enumerable.Range(0, lines.Count)
            .Where(i => rates[i].Any(r => r.Inclusive))
            .GroupBy(i => string.Join('|', rates[i].Where(r => r.Inclusive).Select(r => $"{r.Code}:{r.Percent}")));
        foreach (var group in inclusiveGroups)
        {
            var members = group.ToList();
            var inclusive = rates[members[0]].Where(r => r.Inclusive).ToList();
            var gross = members.Sum(i => nets[i]);
            var net = Rounding.Round(gross / (1m + (inclusive.Sum(r => r.Percent) / 100m)), currency.MinorUnit, settings.RoundingMode);
            var parts = Spread(gross - net, [.. members.Select(i => nets[i])], currency);
            for (var n = 0; n < members.Count; n++)
            {
                AddShares(taxes[members[n]], inclusive, parts[n], currency);
                nets[members[n]] -= parts[n];
            }
        }

        var exclusive = Enumerable.Range(0, lines.Count)
            .SelectMany(i => rates[i].Where(r => !r.Inclusive).Select(r => (Line: i, Rate: r)))
            .GroupBy(x => (x.Rate.Code, x.Rate.Percent));
        foreach (var group in exclusive)
        {
            var members = group.ToList();
            var tax = members.All(m => m.Rate.Amount is not null)
                ? members.Sum(m => m.Rate.Amount!.Value)
                : Rounding.Round(members.Sum(m => nets[m.Line]) * group.Key.Percent / 100m, currency.MinorUnit, settings.RoundingMode);
            var parts = members.All(m => m.Rate.Amount is not null)
                ? [.. members.Select(m => m.Rate.Amount!.Value)]
                : Spread(tax, [.. members.Select(m => nets[m.Line])], currency);
            for (var n = 0; n < members.Count; n++)
            {
                taxes[members[n].Line].Add(new LineTax(group.Key.Code, group.Key.Percent, parts[n], false));
            }
        }
    }

    /// <summary>
    /// Shares a rounded tax over lines of both signs: each has its exact share cut to minor units, what is left goes to the largest remainders.
    /// </summary>
    private static decimal[] Spread(decimal amount, IReadOnlyList<decimal> nets, Currency currency)
    {
        var total = nets.Sum();
        var parts = new decimal[nets.Count];
        if (total == 0m)
        {
            return parts;
        }

        var smallest = currency.SmallestAmount;
        var remainders = new decimal[nets.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            var exact = amount * nets[i] / total;
            parts[i] = decimal.Floor(exact / smallest) * smallest;
            remainders[i] = exact - parts[i];
        }

        var left = (int)((amount - parts.Sum()) / smallest);
        foreach (var i in Enumerable.Range(0, parts.Length).OrderByDescending(i => remainders[i]).Take(left))
        {
            parts[i] += smallest;
        }

        return parts;
    }
}
