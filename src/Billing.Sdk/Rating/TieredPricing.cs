using Billing.Catalog;

namespace Billing.Rating;

/// <summary><c>graduated</c> and <c>graduatedPercentage</c>: each unit at the price of the tier that it falls in, plus the flat amount of every tier entered.</summary>
/// <remarks>A quantity below zero is priced at the first tier's unit price, without flat amounts.</remarks>
internal sealed class GraduatedPricing(bool percentage) : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity)
    {
        var price = request.Price;
        if (quantity.Sign <= 0)
        {
            return TierArithmetic.AtOrBelowZero(price, quantity, UnitAmount);
        }

        var tiers = new List<PricedTier>(price.Tiers.Count);
        var units = 0m;
        var flats = 0m;
        var lower = 0m;
        foreach (var tier in price.Tiers)
        {
            var last = tier.UpTo is not { } upTo || quantity.CompareTo(Fraction.Of(upTo)) <= 0;
            var part = (last ? quantity.Numerator : tier.UpTo!.Value * quantity.Divisor) - (lower * quantity.Divisor);
            var amount = part * UnitAmount(tier);
            units += amount;
            flats += tier.FlatAmount;
            tiers.Add(new PricedTier(part / quantity.Divisor, Whole(amount, quantity.Divisor).Plus(Fraction.Of(tier.FlatAmount)).Value));
            if (last)
            {
                return new ModelPrice(Whole(units, quantity.Divisor).Plus(Fraction.Of(flats)), tiers);
            }

            lower = tier.UpTo!.Value;
        }

        return TierArithmetic.NoTier(quantity);
    }

    private Fraction Whole(decimal amount, decimal divisor) => new(amount, percentage ? divisor * 100m : divisor);

    private decimal UnitAmount(PriceTier tier) => percentage ? tier.Rate : tier.UnitAmount;
}

/// <summary><c>volume</c> and <c>stairstep</c>: all units at the price of the one tier that the quantity falls in, plus that tier's flat amount.</summary>
/// <remarks>The tiers of <c>stairstep</c> have flat amounts only. A quantity below zero is priced at the first tier's unit price, without flat amount.</remarks>
internal sealed class VolumePricing : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity)
    {
        var price = request.Price;
        if (quantity.Sign <= 0)
        {
            return TierArithmetic.AtOrBelowZero(price, quantity, t => t.UnitAmount);
        }

        foreach (var tier in price.Tiers)
        {
            if (tier.UpTo is not { } upTo || quantity.CompareTo(Fraction.Of(upTo)) <= 0)
            {
                var amount = quantity.Times(tier.UnitAmount).Plus(Fraction.Of(tier.FlatAmount));
                return new ModelPrice(amount, [new PricedTier(quantity.Value, amount.Value)]);
            }
        }

        return TierArithmetic.NoTier(quantity);
    }
}

internal static class TierArithmetic
{
    public static ModelPrice AtOrBelowZero(Price price, Fraction quantity, Func<PriceTier, decimal> unitAmount)
    {
        if (price.Tiers.Count == 0)
        {
            return NoTier(quantity);
        }

        var first = price.Tiers[0];
        return quantity.Sign == 0
            ? ModelPrice.Of(Fraction.Of(price.FlatOnZero ? first.FlatAmount : 0m))
            : ModelPrice.Of(quantity.Times(unitAmount(first)).DividedBy(price.Model == PriceModels.GraduatedPercentage ? 100m : 1m));
    }

    public static ModelPrice NoTier(Fraction quantity) =>
        ModelPrice.Failed(BillingErrorCodes.NoMatchingPrice, $"No tier takes the quantity {quantity}: the last tier must be open (upTo null).");
}
