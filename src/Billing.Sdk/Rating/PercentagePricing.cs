using Billing.Catalog;
using Billing.Usage;

namespace Billing.Rating;

/// <summary><c>percentage</c>: a rate on the paid part of transactions, plus a fixed amount for each paid one.</summary>
internal sealed class PercentagePricing : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity)
    {
        var price = request.Price;
        var rate = price.Rate ?? throw Missing(price, "rate");
        var sum = default(Fraction);
        var before = default(Fraction);
        var number = 0m;
        foreach (var transaction in Transactions.Of(request, quantity))
        {
            var after = before.Plus(transaction);
            if (PaidPart(price, number, before, after) is { } paid)
            {
                sum = sum.Plus(Fee(price, paid.Times(rate)));
            }

            before = after;
            number++;
        }

        return ModelPrice.Of(sum.DividedBy(100m));
    }

    // The part that is paid, or null when the transaction is free: it is free while both allowances last, and one that crosses the free
    // amount is paid on its part above.
    private static Fraction? PaidPart(Price price, decimal number, Fraction before, Fraction after)
    {
        var countLasts = price.FreeTransactions is { } free && number < free;
        if (price.FreeAmount is not { } freeAmount)
        {
            return countLasts ? null : after.Minus(before);
        }

        if (price.FreeTransactions is not null && !countLasts)
        {
            return after.Minus(before);
        }

        var allowance = Fraction.Of(freeAmount);
        var part = Fraction.Max(after, allowance).Minus(Fraction.Max(before, allowance));
        return part.Sign == 0 && after <= allowance ? null : part;
    }

    // All in hundredths, so that nothing is divided before the end.
    private static Fraction Fee(Price price, Fraction percents)
    {
        var fee = percents.Plus(Fraction.Of(100m * price.FixedAmount));
        if (price.MaxPerTransaction is { } max)
        {
            fee = Fraction.Min(fee, Fraction.Of(100m * max));
        }

        return price.MinPerTransaction is { } min ? Fraction.Max(fee, Fraction.Of(100m * min)) : fee;
    }
}

/// <summary>The single quantities that make a quantity.</summary>
internal static class Transactions
{
    /// <summary>Those given; else those of the events, when the meter counts or sums; else the quantity as one, none when it is zero.</summary>
    public static IReadOnlyList<Fraction> Of(PricingRequest request, Fraction quantity)
    {
        if (request.Transactions.Count > 0)
        {
            return [.. request.Transactions.Select(Fraction.Of)];
        }

        if (request is { Events.Count: > 0, Meter: { Aggregation: MeterAggregation.Sum or MeterAggregation.Count } meter })
        {
            return OfEvents(request, meter, quantity);
        }

        return quantity.Sign == 0 ? [] : [quantity];
    }

    // A meter that rounds gives another sum than its events; the last transaction takes the difference.
    private static List<Fraction> OfEvents(PricingRequest request, Meter meter, Fraction quantity)
    {
        var values = MeterCalculator.Values(meter, MeterCalculator.EventsThatCount(meter, request.Events, request.Period)).Select(Fraction.Of).ToList();
        if (meter.Rounding is not null && values.Count > 0)
        {
            values[^1] = values.SkipLast(1).Aggregate(quantity, (left, value) => left.Minus(value));
        }

        return values;
    }

    /// <summary>The first transactions, as far as they make this sum; the one that crosses it is cut there.</summary>
    public static IReadOnlyList<decimal> First(IEnumerable<decimal> transactions, decimal sum)
    {
        var result = new List<decimal>();
        foreach (var transaction in transactions)
        {
            if (sum <= 0m)
            {
                break;
            }

            result.Add(Math.Min(transaction, sum));
            sum -= transaction;
        }

        return result;
    }
}
