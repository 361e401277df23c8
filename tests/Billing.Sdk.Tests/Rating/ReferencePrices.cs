using System.Numerics;
using Billing.Catalog;

namespace Billing.Tests.Rating;

/// <summary>
/// Graduated and volume prices computed in another way: unit by unit, in whole numbers of hundredths of a unit and of millionths of an amount.
/// Slow and simple, for comparison.
/// </summary>
internal static class ReferencePrices
{
    private const int QuantityScale = 100;
    private const int AmountScale = 1_000_000;

    public static decimal Graduated(IReadOnlyList<PriceTier> tiers, decimal quantity)
    {
        var amount = BigInteger.Zero;
        var entered = -1;
        for (var slice = 0; slice < (int)(quantity * QuantityScale); slice++)
        {
            // The slice ends at (slice + 1) hundredths; upper bounds are inclusive.
            var tier = TierOf(tiers, slice + 1);
            if (tier > entered)
            {
                for (var t = entered + 1; t <= tier; t++)
                {
                    amount += Whole(tiers[t].FlatAmount) * QuantityScale;
                }

                entered = tier;
            }

            amount += Whole(tiers[tier].UnitAmount);
        }

        return (decimal)amount / ((decimal)QuantityScale * AmountScale);
    }

    public static decimal Volume(IReadOnlyList<PriceTier> tiers, decimal quantity)
    {
        var slices = (int)(quantity * QuantityScale);
        if (slices == 0)
        {
            return 0m;
        }

        var tier = tiers[TierOf(tiers, slices)];
        var amount = (Whole(tier.UnitAmount) * slices) + (Whole(tier.FlatAmount) * QuantityScale);
        return (decimal)amount / ((decimal)QuantityScale * AmountScale);
    }

    private static int TierOf(IReadOnlyList<PriceTier> tiers, int hundredths)
    {
        var tier = 0;
        while (tiers[tier].UpTo is { } upTo && hundredths > upTo * QuantityScale)
        {
            tier++;
        }

        return tier;
    }

    private static BigInteger Whole(decimal amount) => new(amount * AmountScale);
}
