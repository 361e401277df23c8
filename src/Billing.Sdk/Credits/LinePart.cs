using Billing.Invoicing;

namespace Billing.Credits;

/// <summary>Part of a line that a document posts or takes back.</summary>
/// <param name="Line">The line.</param>
/// <param name="Net">Amount net of discounts and tax.</param>
/// <param name="Tax">Tax, inclusive tax too.</param>
internal readonly record struct LinePart(InvoiceLine Line, decimal Net, decimal Tax)
{
    public decimal Gross => Net + Tax;

    /// <summary>The whole line.</summary>
    public static LinePart Whole(InvoiceLine line) => new(line, line.Amount - line.Discount - line.InclusiveTax, line.Tax);

    /// <summary>What credit notes have left of the line.</summary>
    public static LinePart Left(InvoiceLine line, Currency currency, RoundingMode mode)
    {
        var whole = Whole(line);
        var credited = Credited(whole, line.CreditedAmount, currency, mode);
        return new LinePart(line, whole.Net - credited.Net, whole.Tax - credited.Tax);
    }

    /// <summary>
    /// A further gross amount of the line, divided into net and tax as the line itself is. Parts of any size add up to the line exactly, because each is the
    /// difference of two divisions of what was taken back by then.
    /// </summary>
    public static LinePart Next(InvoiceLine line, decimal gross, Currency currency, RoundingMode mode)
    {
        var whole = Whole(line);
        var before = Credited(whole, line.CreditedAmount, currency, mode);
        var after = Credited(whole, line.CreditedAmount + gross, currency, mode);
        return new LinePart(line, after.Net - before.Net, after.Tax - before.Tax);
    }

    private static (decimal Net, decimal Tax) Credited(LinePart whole, decimal gross, Currency currency, RoundingMode mode)
    {
        if (whole.Gross == 0m)
        {
            return (gross, 0m);
        }

        var net = Rounding.Round(gross * whole.Net / whole.Gross, currency.MinorUnit, mode);
        return (net, gross - net);
    }
}
