using Billing.Catalog;

namespace Billing.Rating;

/// <summary>A <c>graduated</c> price made ready for many quantities: what the full tiers below each tier come to stands beside it. Immutable and thread-safe.</summary>
/// <remarks>Amounts are digit by digit those of <see cref="GraduatedPricing"/>: the same sums in the same order, only not anew for each quantity.</remarks>
internal sealed class CompiledTiers
{
    private readonly Tier[] _tiers;

    public CompiledTiers(Price price)
    {
        var tiers = new List<Tier>(price.Tiers.Count);
        try
        {
            var (lower, units, flats) = (0m, 0m, 0m);
            foreach (var tier in price.Tiers)
            {
                flats += tier.FlatAmount;
                tiers.Add(new Tier(tier.UpTo ?? decimal.MaxValue, lower, tier.UnitAmount, units, flats));
                if (tier.UpTo is not { } upTo)
                {
                    break;
                }

                units += (upTo - lower) * tier.UnitAmount;
                lower = upTo;
            }
        }
        catch (OverflowException)
        {
            // Tiers beyond what decimals hold are left out: no quantity can be priced there, and whoever tries learns why from the model itself.
        }

        _tiers = [.. tiers];
    }

    /// <summary>The amount of a quantity above zero; <see langword="false"/>: no tier takes it.</summary>
    public bool TryPrice(decimal quantity, out decimal amount)
    {
        foreach (ref readonly var tier in _tiers.AsSpan())
        {
            if (quantity <= tier.UpTo)
            {
                amount = tier.UnitsBelow + ((quantity - tier.Lower) * tier.UnitAmount) + tier.Flats;
                return true;
            }
        }

        amount = 0m;
        return false;
    }

    private readonly record struct Tier(decimal UpTo, decimal Lower, decimal UnitAmount, decimal UnitsBelow, decimal Flats);
}
