using System.Globalization;
using System.Numerics;

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
    /// <exception cref="ArgumentOutOfRangeException">The scale is outside its range, or the mode unknown.</exception>
    public static decimal Round(decimal value, int scale, RoundingMode mode) => scale < 0 ? RoundToUnit(value, scale, mode) : RoundToDecimals(value, scale, mode);

    private static decimal RoundToDecimals(decimal value, int scale, RoundingMode mode) => mode switch
    {
        RoundingMode.HalfUp => decimal.Round(value, scale, MidpointRounding.AwayFromZero),
        RoundingMode.HalfEven => decimal.Round(value, scale, MidpointRounding.ToEven),
        RoundingMode.Down => decimal.Round(value, scale, MidpointRounding.ToZero),
        RoundingMode.Up => value >= 0
            ? decimal.Round(value, scale, MidpointRounding.ToPositiveInfinity)
            : decimal.Round(value, scale, MidpointRounding.ToNegativeInfinity),
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
    };

    private static decimal RoundToUnit(decimal value, int scale, RoundingMode mode)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, -20);

        // By remainder: a quotient has no room for the last digits of a long value, and they decide about halves and Up.
        var unit = PowerOfTen(-scale);
        var rest = Math.Abs(value % unit);
        var units = decimal.Truncate(value / unit);
        var away = mode switch
        {
            RoundingMode.HalfUp => rest >= unit / 2m,
            RoundingMode.HalfEven => rest > unit / 2m || (rest == unit / 2m && units % 2m != 0m),
            RoundingMode.Down => false,
            RoundingMode.Up => rest > 0m,
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
        };
        return (value - (value % unit)) + (away ? Math.Sign(value) * unit : 0m);
    }

    /// <summary>The value without trailing zeros, with at least so many decimals, in the invariant culture.</summary>
    public static string Format(decimal value, int minimumDecimals)
    {
        if (value.Scale <= minimumDecimals)
        {
            // No digit to take away: the plain text has all of them, and zeros only where they are wanted.
            return PadDecimals(value.ToString(CultureInfo.InvariantCulture), value.Scale, minimumDecimals);
        }

        var text = value.ToString("0.############################", CultureInfo.InvariantCulture);
        var point = text.IndexOf('.', StringComparison.Ordinal);
        return PadDecimals(text, point < 0 ? 0 : text.Length - point - 1, minimumDecimals);
    }

    private static string PadDecimals(string text, int decimals, int minimumDecimals) =>
        decimals >= minimumDecimals ? text : (decimals == 0 ? text + "." : text) + new string('0', minimumDecimals - decimals);

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
    /// <exception cref="ArgumentException">One of the parameters is not as it must be.</exception>
    public static decimal[] LargestRemainder(decimal amount, IReadOnlyList<decimal> weights, decimal smallest)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(smallest);
        if (weights.Any(w => w < 0m) || weights.All(w => w == 0m))
        {
            throw new ArgumentException("Weights must not be negative and at least one must be above zero.", nameof(weights));
        }

        if (amount % smallest != 0m)
        {
            throw new ArgumentException($"{amount} is not a multiple of {smallest}.", nameof(amount));
        }

        var parts = ShareUnits((BigInteger)(Math.Abs(amount) / smallest), weights);
        return Array.ConvertAll(parts, p => (decimal)p * smallest * (amount < 0m ? -1m : 1m));
    }

    // In whole numbers of any size: a product of amount and weight has more digits than a decimal, and a rounded one could change who is next.
    private static BigInteger[] ShareUnits(BigInteger units, IReadOnlyList<decimal> weights)
    {
        var scale = weights.Max(w => w.Scale);
        var whole = weights.Select(w => WholeNumber(w, scale)).ToArray();
        var total = whole.Aggregate((a, b) => a + b);
        var shares = Array.ConvertAll(whole, w => BigInteger.DivRem(units * w, total));
        var parts = Array.ConvertAll(shares, s => s.Quotient);
        var left = (int)(units - parts.Aggregate((a, b) => a + b));
        foreach (var i in Enumerable.Range(0, parts.Length).OrderByDescending(i => shares[i].Remainder).Take(left))
        {
            parts[i] += 1;
        }

        return parts;
    }

    private static BigInteger WholeNumber(decimal weight, int scale)
    {
        var bits = decimal.GetBits(weight);
        return (BigInteger)new decimal(bits[0], bits[1], bits[2], false, 0) * BigInteger.Pow(10, scale - weight.Scale);
    }
}
