using Billing.Catalog;
using Billing.Invoicing;
using NodaTime;

namespace Billing.Discounts;

/// <summary>Takes coupons off lines: percent after earlier coupons, amounts shared in proportion, never below zero. Pure.</summary>
internal sealed class CouponDiscounts
{
    private readonly Currency _currency;
    private readonly TenantSettings _settings;
    private readonly Func<InvoiceLine, Instant, int?> _periodsSince;
    private readonly Dictionary<Guid, InvoiceLine> _byId;
    private readonly ILookup<Guid, InvoiceLine> _creditsOf;

    /// <param name="currency">Currency of the lines.</param>
    /// <param name="settings">The tenant's settings.</param>
    /// <param name="booked">Lines booked earlier, for credits that give discounts back.</param>
    /// <param name="periodsSince">How many billing periods of its subscription a line's period lies after the period that begins at a moment; <see langword="null"/> without periods.</param>
    public CouponDiscounts(Currency currency, TenantSettings settings, IEnumerable<InvoiceLine> booked, Func<InvoiceLine, Instant, int?> periodsSince)
    {
        _currency = currency;
        _settings = settings;
        _periodsSince = periodsSince;
        _byId = booked.ToDictionary(l => l.Id);
        _creditsOf = _byId.Values.Where(l => l.ReversesLineId is not null).ToLookup(l => l.ReversesLineId!.Value);
    }

    /// <summary>The lines with their discounts, and the redemptions as they are afterwards.</summary>
    /// <param name="lines">The lines of one invoice.</param>
    /// <param name="redemptions">Redeemed coupons, in order of application.</param>
    /// <param name="couponOf">Finds the coupon of a redemption.</param>
    /// <param name="invoiceId">The invoice.</param>
    public (IReadOnlyList<InvoiceLine> Lines, IReadOnlyList<CouponRedemption> Redemptions) Apply(
        IReadOnlyList<InvoiceLine> lines,
        IReadOnlyList<CouponRedemption> redemptions,
        Func<CouponRedemption, Coupon> couponOf,
        Guid invoiceId)
    {
        var result = lines.Select(GiveBack).ToArray();
        var changed = new List<CouponRedemption>();
        foreach (var redemption in redemptions)
        {
            var coupon = couponOf(redemption);
            var eligible = Enumerable.Range(0, result.Length).Where(i => IsEligible(result[i], redemption, coupon)).ToList();
            if (eligible.Count == 0)
            {
                continue;
            }

            if (coupon.PercentOff is { } percent)
            {
                Percent(result, eligible, redemption, percent);
            }
            else
            {
                Amount(result, eligible, redemption, coupon.AmountOff ?? 0m);
            }

            changed.Add(Used(redemption, coupon, eligible.Select(i => result[i]), invoiceId));
        }

        return (result, changed);
    }

    private static CouponRedemption Used(CouponRedemption redemption, Coupon coupon, IEnumerable<InvoiceLine> lines, Guid invoiceId)
    {
        var first = redemption.FirstPeriodFrom ?? lines.Where(l => l.PeriodFrom is not null).Select(l => l.PeriodFrom).Min();
        return redemption with
        {
            FirstPeriodFrom = first,
            UsedOnInvoiceId = coupon.Duration == CouponDuration.Once ? redemption.UsedOnInvoiceId ?? invoiceId : redemption.UsedOnInvoiceId,
        };
    }

    private bool IsEligible(InvoiceLine line, CouponRedemption redemption, Coupon coupon)
    {
        if (line.ReversesLineId is not null
            || line.Amount <= 0m
            || line.Type is InvoiceLineType.Fee or InvoiceLineType.Adjustment or InvoiceLineType.Credit
            || line.CustomerId != redemption.CustomerId
            || (redemption.SubscriptionId is { } subscription && line.SubscriptionId != subscription)
            || (coupon.Plans.Count > 0 && (line.Plan is null || !coupon.Plans.Contains(line.Plan)))
            || (coupon.Charges.Count > 0 && (line.Charge is null || !coupon.Charges.Contains(line.Charge))))
        {
            return false;
        }

        // A correction of a period uses the coupons of that period, not those that came later.
        if (line.PeriodTo is { } periodTo && periodTo <= redemption.RedeemedAt && line.Revision > 1)
        {
            return false;
        }

        return coupon.Duration switch
        {
            CouponDuration.Once => redemption.UsedOnInvoiceId is null
                || (coupon.PercentOff is not null && line.Revision > 1 && line.PeriodFrom is not null && line.PeriodFrom == redemption.FirstPeriodFrom),
            CouponDuration.Repeating => redemption.FirstPeriodFrom is not { } first || _periodsSince(line, first) is not { } periods || periods < coupon.Periods,
            _ => true,
        };
    }

    private void Percent(InvoiceLine[] lines, List<int> eligible, CouponRedemption redemption, decimal percent)
    {
        if (_settings.RoundingUnit == RoundingUnit.Line)
        {
            foreach (var i in eligible)
            {
                Discount(lines, i, redemption, Round(Net(lines[i]) * percent / 100m));
            }

            return;
        }

        var nets = eligible.Select(i => Net(lines[i])).ToList();
        Share(lines, eligible, redemption, Round(nets.Sum() * percent / 100m), nets);
    }

    private void Amount(InvoiceLine[] lines, List<int> eligible, CouponRedemption redemption, decimal amount)
    {
        var nets = eligible.Select(i => Net(lines[i])).ToList();
        Share(lines, eligible, redemption, Math.Min(Round(amount), nets.Sum()), nets);
    }

    private void Share(InvoiceLine[] lines, List<int> eligible, CouponRedemption redemption, decimal amount, List<decimal> nets)
    {
        if (amount <= 0m || nets.Sum() <= 0m)
        {
            return;
        }

        var parts = Allocation.LargestRemainder(amount, nets, _currency.SmallestAmount);
        for (var n = 0; n < eligible.Count; n++)
        {
            Discount(lines, eligible[n], redemption, parts[n]);
        }
    }

    private static void Discount(InvoiceLine[] lines, int index, CouponRedemption redemption, decimal amount)
    {
        if (amount == 0m)
        {
            return;
        }

        var line = lines[index];
        lines[index] = line with
        {
            Discount = line.Discount + amount,
            Discounts = [.. line.Discounts, new LineDiscount(redemption.Id, redemption.Coupon, amount)],
        };
    }

    /// <summary>A line that takes another back gives that one's discount back in proportion, the last part by remainder.</summary>
    private InvoiceLine GiveBack(InvoiceLine line)
    {
        if (line.Amount >= 0m || line.ReversesLineId is not { } id || !_byId.TryGetValue(id, out var original) || original.Discount == 0m || original.Amount == 0m)
        {
            return line;
        }

        var earlier = _creditsOf[id].ToList();
        var takenBefore = -earlier.Sum(c => c.Amount);
        var givenBefore = -earlier.Sum(c => c.Discount);
        var isLast = takenBefore - line.Amount >= original.Amount;
        var back = isLast ? original.Discount - givenBefore : Round(original.Discount * -line.Amount / original.Amount);
        return line with
        {
            Discount = -back,
            Discounts = [.. original.Discounts.Select((d, i) => d with { Amount = i == 0 ? -back + Others(original, back) : -Round(back * d.Amount / original.Discount) })],
        };
    }

    private decimal Others(InvoiceLine original, decimal back) => original.Discounts.Skip(1).Sum(d => Round(back * d.Amount / original.Discount));

    private static decimal Net(InvoiceLine line) => line.Amount - line.Discount;

    private decimal Round(decimal amount) => Rounding.Round(amount, _currency.MinorUnit, _settings.RoundingMode);
}
