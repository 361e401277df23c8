namespace Billing;

/// <summary>A quotient of two decimals that has not been divided yet, so that a third of something stays exact until the end.</summary>
/// <remarks>
/// Use it where a quantity or an amount is the result of a division (averages, weighted sums, parts of a period): sum and multiply fractions, and
/// ask for <see cref="Value"/> once. Compares by value: 1/3 equals 2/6. Immutable and thread-safe; <c>default</c> is zero.
/// </remarks>
public readonly struct Fraction : IEquatable<Fraction>, IComparable<Fraction>
{
    private readonly decimal _divisor;

    /// <summary>Creates a fraction.</summary>
    /// <param name="numerator">What is divided.</param>
    /// <param name="divisor">By what, above zero.</param>
    public Fraction(decimal numerator, decimal divisor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisor);
        Numerator = numerator;
        _divisor = divisor;
    }

    /// <summary>What is divided.</summary>
    public decimal Numerator { get; }

    /// <summary>By what; above zero.</summary>
    public decimal Divisor => _divisor == 0m ? 1m : _divisor;

    /// <summary>The quotient, to the 28 digits that a decimal has.</summary>
    public decimal Value => Divisor == 1m ? Numerator : Numerator / Divisor;

    /// <summary>−1, 0 or 1.</summary>
    public int Sign => Math.Sign(Numerator);

    /// <summary>A number that is not divided.</summary>
    public static Fraction Of(decimal value) => new(value, 1m);

    /// <summary>Sum.</summary>
    public Fraction Plus(Fraction other) =>
        Divisor == other.Divisor
            ? new Fraction(Numerator + other.Numerator, Divisor)
            : new Fraction((Numerator * other.Divisor) + (other.Numerator * Divisor), Divisor * other.Divisor);

    /// <summary>Difference.</summary>
    public Fraction Minus(Fraction other) => Plus(new Fraction(-other.Numerator, other.Divisor));

    /// <summary>Product with a number.</summary>
    public Fraction Times(decimal factor) => new(Numerator * factor, Divisor);

    /// <summary>Product with a fraction.</summary>
    public Fraction Times(Fraction factor) => new(Numerator * factor.Numerator, Divisor * factor.Divisor);

    /// <summary>Quotient, not divided yet.</summary>
    /// <param name="divisor">Above zero.</param>
    public Fraction DividedBy(decimal divisor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisor);
        return new Fraction(Numerator, Divisor * divisor);
    }

    /// <summary>The lesser of two.</summary>
    public static Fraction Min(Fraction left, Fraction right) => left.CompareTo(right) <= 0 ? left : right;

    /// <summary>The greater of two.</summary>
    public static Fraction Max(Fraction left, Fraction right) => left.CompareTo(right) >= 0 ? left : right;

    /// <inheritdoc/>
    public int CompareTo(Fraction other) =>
        Divisor == other.Divisor
            ? Numerator.CompareTo(other.Numerator)
            : (Numerator * other.Divisor).CompareTo(other.Numerator * Divisor);

    /// <inheritdoc/>
    public bool Equals(Fraction other) => CompareTo(other) == 0;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Fraction other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => decimal.Round(Value, 20).GetHashCode();

    /// <summary>Equality by value.</summary>
    public static bool operator ==(Fraction left, Fraction right) => left.Equals(right);

    /// <summary>Difference by value.</summary>
    public static bool operator !=(Fraction left, Fraction right) => !left.Equals(right);

    /// <summary>Order by value.</summary>
    public static bool operator <(Fraction left, Fraction right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >(Fraction left, Fraction right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator <=(Fraction left, Fraction right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >=(Fraction left, Fraction right) => left.CompareTo(right) >= 0;

    /// <summary>For example <c>1/3</c>, or the number alone when the divisor is 1.</summary>
    public override string ToString() =>
        Divisor == 1m ? Rounding.Format(Numerator, 0) : $"{Rounding.Format(Numerator, 0)}/{Rounding.Format(Divisor, 0)}";
}
