using Billing.Catalog;

namespace Billing.Rating;

/// <summary>What changes a quantity before it is priced: unit conversion, then the included quantity.</summary>
internal static class QuantityModifiers
{
    /// <summary>The request with the quantity left to price.</summary>
    /// <param name="request">The request.</param>
    /// <param name="includedLeft">What is left of the included quantity afterwards.</param>
    public static PricingRequest Apply(PricingRequest request, out decimal? includedLeft)
    {
        var price = request.Price;
        includedLeft = price.IncludedQuantity;
        if (price is { UnitConversion: null, IncludedQuantity: null })
        {
            return request;
        }

        var asked = request.ExactQuantity ?? Fraction.Of(request.Quantity);
        var left = Convert(price.UnitConversion, asked);
        var transactions = price.Model == PriceModels.Percentage
            ? [.. Transactions.Of(request, asked).Select(t => Convert(price.UnitConversion, t))]
            : (List<Fraction>?)null;
        if (price.IncludedQuantity is { } included && left.Sign > 0)
        {
            var taken = Fraction.Min(left, Fraction.Of(included));
            left = left.Minus(taken);
            includedLeft = Fraction.Of(included).Minus(taken).Value;
            transactions = transactions is null ? null : WithoutFirst(transactions, taken);
        }

        var changed = request with { Quantity = left.Value, ExactQuantity = left };
        return transactions is null ? changed : changed with { Transactions = [.. transactions.Select(t => t.Value)], Events = [] };
    }

    private static Fraction Convert(UnitConversion? conversion, Fraction quantity)
    {
        if (conversion is null)
        {
            return quantity;
        }

        if (conversion.DivideBy <= 0m)
        {
            throw BillingException.Validation("price", "unitConversion", "divideBy", "The divisor must be above zero.");
        }

        var quotient = quantity.DividedBy(conversion.DivideBy);
        return conversion.Round is { } mode ? Fraction.Of(Rounding.Round(quotient.Value, conversion.Scale, mode)) : quotient;
    }

    // Included units cover the earliest transactions; one that they cover wholly is no transaction any more.
    private static List<Fraction> WithoutFirst(List<Fraction> transactions, Fraction taken)
    {
        var result = new List<Fraction>();
        foreach (var transaction in transactions)
        {
            var covered = taken.Sign > 0 && transaction.Sign > 0 ? Fraction.Min(taken, transaction) : default;
            taken = taken.Minus(covered);
            if (covered.Sign == 0 || covered < transaction)
            {
                result.Add(transaction.Minus(covered));
            }
        }

        return result;
    }
}
