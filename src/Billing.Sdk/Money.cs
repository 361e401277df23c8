namespace Billing;

/// <summary>An amount in a currency, for example 25.00 USD.</summary>
/// <remarks>
/// <para>Use it wherever an amount leaves or enters the engine. The amount is a <see cref="decimal"/> and is not rounded unless
/// <see cref="Round(RoundingMode)"/> says so. Arithmetic between different currencies is refused with <c>currency-mismatch</c>.</para>
/// <para><c>default(Money)</c> has no currency; using it throws <see cref="InvalidOperationException"/>. Immutable and thread-safe.</para>
/// </remarks>
public readonly struct Money : IEquatable<Money>, IComparable<Money>
{
    private readonly Currency? _currency;

    /// <summary>Creates an amount.</summary>
    /// <param name="amount">The amount in units of the currency (not in minor units).</param>
    /// <param name="currency">The currency.</param>
    public Money(decimal amount, Currency currency)
    {
        ArgumentNullException.ThrowIfNull(currency);
        Amount = amount;
        _currency = currency;
    }

    /// <summary>Creates an amount in the currency with this ISO 4217 code.</summary>
    public Money(decimal amount, string currencyCode)
        : this(amount, Currency.Of(currencyCode))
    {
    }

    /// <summary>The amount in units of the currency.</summary>
    public decimal Amount { get; }

    /// <summary>The currency.</summary>
    /// <exception cref="InvalidOperationException">The value is <c>default(Money)</c>.</exception>
    public Currency Currency => _currency ?? throw new InvalidOperationException("default(Money) has no currency: create amounts with new Money(amount, currency).");

    /// <summary>Whether the amount is zero.</summary>
    public bool IsZero => Currency is not null && Amount == 0m;

    /// <summary>The amount in minor units (cents); the amount must be rounded.</summary>
    /// <exception cref="InvalidOperationException">The amount has more decimals than the currency's minor unit.</exception>
    public long ToMinorUnits()
    {
        var scaled = Amount / Currency.SmallestAmount;
        return decimal.Truncate(scaled) == scaled
            ? decimal.ToInt64(scaled)
            : throw new InvalidOperationException($"{this} is not a whole number of minor units; round it first.");
    }

    /// <summary>The amount that so many minor units make.</summary>
    public static Money FromMinorUnits(long minorUnits, Currency currency)
    {
        ArgumentNullException.ThrowIfNull(currency);
        return new Money(minorUnits * currency.SmallestAmount, currency);
    }

    /// <summary>The amount rounded to the currency's minor unit.</summary>
    public Money Round(RoundingMode mode) => new(Rounding.Round(Amount, Currency.MinorUnit, mode), Currency);

    /// <summary>
    /// Shares a rounded amount over weights so that the parts sum to it exactly: each part is cut down to minor units, what is left
    /// goes unit by unit to the largest remainders, ties to the earlier weight.
    /// </summary>
    /// <param name="weights">Not negative, at least one above zero.</param>
    public IReadOnlyList<Money> Allocate(IReadOnlyList<decimal> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var currency = Currency;
        var parts = Allocation.LargestRemainder(Amount, weights, currency.SmallestAmount);
        return Array.ConvertAll(parts, p => new Money(p, currency));
    }

    /// <summary>Sum.</summary>
    public Money Add(Money other) => new(Amount + Same(other).Amount, Currency);

    /// <summary>Difference.</summary>
    public Money Subtract(Money other) => new(Amount - Same(other).Amount, Currency);

    /// <summary>The amount with its sign changed.</summary>
    public Money Negate() => new(-Amount, Currency);

    /// <summary>Product with a number, not rounded.</summary>
    public Money Multiply(decimal factor) => new(Amount * factor, Currency);

    /// <inheritdoc cref="Add"/>
    public static Money operator +(Money left, Money right) => left.Add(right);

    /// <inheritdoc cref="Subtract"/>
    public static Money operator -(Money left, Money right) => left.Subtract(right);

    /// <inheritdoc cref="Negate"/>
    public static Money operator -(Money value) => value.Negate();

    /// <inheritdoc cref="Multiply"/>
    public static Money operator *(Money value, decimal factor) => value.Multiply(factor);

    /// <summary>Equality of amount (by value) and currency.</summary>
    public static bool operator ==(Money left, Money right) => left.Equals(right);

    /// <summary>Difference in amount or currency.</summary>
    public static bool operator !=(Money left, Money right) => !left.Equals(right);

    /// <summary>Order of two amounts of one currency.</summary>
    public static bool operator <(Money left, Money right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >(Money left, Money right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator <=(Money left, Money right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >=(Money left, Money right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public int CompareTo(Money other) => Amount.CompareTo(Same(other).Amount);

    /// <inheritdoc/>
    public bool Equals(Money other) => ReferenceEquals(_currency, other._currency) && Amount == other.Amount;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Money other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Amount, _currency);

    /// <summary>The amount with at least the decimals of the minor unit, and the code: <c>25.00 USD</c>. Independent of culture.</summary>
    public override string ToString() => _currency is null ? "(no currency)" : $"{Rounding.Format(Amount, _currency.MinorUnit)} {_currency.Code}";

    private Money Same(Money other) =>
        ReferenceEquals(Currency, other.Currency)
            ? other
            : throw new BillingException(BillingErrorCodes.CurrencyMismatch, $"{this} and {other} are amounts of different currencies.");
}
