using System.Globalization;

namespace Billing;

/// <summary>How an amount is brought to the minor unit.</summary>
public enum RoundingMode
{
    /// <summary>To the nearest; a half goes away from zero. The default.</summary>
    HalfUp,

    /// <summary>To the nearest; a half goes to the even neighbour.</summary>
    HalfEven,

    /// <summary>Towards zero, for credits too.</summary>
    Down,

    /// <summary>Away from zero, for credits too.</summary>
    Up,
}

/// <summary>Rounding of decimals. Pure and thread-safe.</summary>
public static class Rounding
{
    /// <summary>Rounds to a number of decimals.</summary>
    /// <param name="value">The value.</param>
    /// <param name="scale">Decimals to keep, −20 to 28; negative scales round to tens (−1), hundreds (−2) and so on.</param>
    /// <param name="mode">What happens to the rest.</param>
    public static decimal Round(decimal value, int scale, RoundingMode mode)
    {
        if (scale < 0)
        {
            var unit = PowerOfTen(-scale);
            return Round(value / unit, 0, mode) * unit;
        }

        return mode switch
        {
            RoundingMode.HalfUp => decimal.Round(value, scale, MidpointRounding.AwayFromZero),
            RoundingMode.HalfEven => decimal.Round(value, scale, MidpointRounding.ToEven),
            RoundingMode.Down => decimal.Round(value, scale, MidpointRounding.ToZero),
            RoundingMode.Up => value >= 0
                ? decimal.Round(value, scale, MidpointRounding.ToPositiveInfinity)
                : decimal.Round(value, scale, MidpointRounding.ToNegativeInfinity),
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
        };
    }

    /// <summary>The value without trailing zeros, with at least so many decimals, in the invariant culture.</summary>
    public static string Format(decimal value, int minimumDecimals)
    {
        var text = value.ToString("0.############################", CultureInfo.InvariantCulture);
        var point = text.IndexOf('.', StringComparison.Ordinal);
        var decimals = point < 0 ? 0 : text.Length - point - 1;
        if (decimals >= minimumDecimals)
        {
            return text;
        }

        return (point < 0 ? text + "." : text) + new string('0', minimumDecimals - decimals);
    }

    private static decimal PowerOfTen(int exponent)
    {
        var result = 1m;
        for (var i = 0; i < exponent; i++)
        {
            result *= 10m;
        }

        return result;
    }
}

/// <summary>Sharing an amount out so that nothing is lost.</summary>
public static class Allocation
{
    /// <summary>
    /// Shares <paramref name="amount"/> over <paramref name="weights"/> by largest remainder: parts are multiples of
    /// <paramref name="smallest"/> and sum to the amount exactly; ties go to the earlier weight.
    /// </summary>
    /// <param name="amount">A multiple of <paramref name="smallest"/>; may be negative.</param>
    /// <param name="weights">Not negative, at least one above zero.</param>
    /// <param name="smallest">The smallest amount, above zero.</param>
    public static decimal[] LargestRemainder(decimal amount, IReadOnlyList<decimal> weights, decimal smallest)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(smallest);
        var total = weights.Sum();
        if (total <= 0m || weights.Any(w => w < 0m))
        {
            throw new ArgumentException("Weights must not be negative and at least one must be above zero.", nameof(weights));
        }

        var sign = amount < 0 ? -1m : 1m;
        var units = Math.Abs(amount) / smallest;
        if (decimal.Truncate(units) != units)
        {
            throw new ArgumentException($"{amount} is not a multiple of {smallest}.", nameof(amount));
        }

        var parts = new decimal[weights.Count];
        var remainders = new decimal[weights.Count];
        var left = units;
        for (var i = 0; i < parts.Length; i++)
        {
            var share = units * weights[i] / total;
            parts[i] = decimal.Truncate(share);
            remainders[i] = share - parts[i];
            left -= parts[i];
        }

        foreach (var i in Enumerable.Range(0, parts.Length).OrderByDescending(i => remainders[i]).Take((int)left))
        {
            parts[i] += 1m;
        }

        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] *= smallest * sign;
        }

        return parts;
    }
}
