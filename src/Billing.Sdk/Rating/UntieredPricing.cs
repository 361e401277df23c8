using Billing.Catalog;

namespace Billing.Rating;

/// <summary><c>flat</c>: the amount, whatever the quantity.</summary>
internal sealed class FlatPricing : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity) =>
        ModelPrice.Of(Fraction.Of(request.Price.Amount ?? throw Missing(request.Price, "amount")));
}

/// <summary><c>perUnit</c>: quantity × unit amount.</summary>
internal sealed class PerUnitPricing : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity) =>
        ModelPrice.Of(quantity.Times(request.Price.UnitAmount ?? throw Missing(request.Price, "unitAmount")));
}

/// <summary><c>dynamic</c>: the sum of the amounts that events carry × multiplier. That sum is the quantity.</summary>
internal sealed class DynamicPricing : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity) =>
        ModelPrice.Of(quantity.Times(request.Price.Multiplier));
}

/// <summary><c>package</c>: started packages × package amount.</summary>
internal sealed class PackagePricing : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity)
    {
        var price = request.Price;
        var size = price.PackageSize ?? throw Missing(price, "packageSize");
        var amount = price.PackageAmount ?? throw Missing(price, "packageAmount");
        if (size <= 0m)
        {
            throw BillingException.Validation("price", price.Model, "packageSize", "A package must hold more than nothing.");
        }

        var paid = quantity.Minus(Fraction.Of(price.FreeUnits));
        return ModelPrice.Of(Fraction.Of(paid.Sign <= 0 ? 0m : Started(paid.Numerator, size * paid.Divisor) * amount));
    }

    // The quotient has 28 digits only, so what it says is checked against the product.
    private static decimal Started(decimal units, decimal size)
    {
        var packages = decimal.Truncate(units / size);
        while (packages > 0m && (packages - 1m) * size >= units)
        {
            packages--;
        }

        return packages * size < units ? packages + 1m : packages;
    }
}
