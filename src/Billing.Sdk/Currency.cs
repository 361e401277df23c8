using System.Collections.Frozen;

namespace Billing;

/// <summary>
/// A currency of ISO 4217: its alphabetic code and the number of decimals of its minor unit (0 for JPY, 2 for USD, 3 for KWD, 4 for CLF).
/// </summary>
/// <remarks>
/// Instances are interned: two currencies with one code are the same object. Immutable and thread-safe.
/// The figures are those of ISO 4217 itself and never come from the machine's culture settings.
/// </remarks>
public sealed class Currency : IEquatable<Currency>
{
    private static readonly FrozenDictionary<string, Currency> ByCode =
        Iso4217.Entries.ToFrozenDictionary(e => e.Code, e => new Currency(e.Code, e.NumericCode, e.MinorUnit), StringComparer.Ordinal);

    private Currency(string code, int numericCode, int minorUnit)
    {
        Code = code;
        NumericCode = numericCode;
        MinorUnit = minorUnit;
        SmallestAmount = new decimal(1, 0, 0, false, (byte)minorUnit);
    }

    /// <summary>The alphabetic code, three capital letters.</summary>
    public string Code { get; }

    /// <summary>The numeric code, 0 to 999.</summary>
    public int NumericCode { get; }

    /// <summary>Decimals of the minor unit: 0 to 4.</summary>
    public int MinorUnit { get; }

    /// <summary>One minor unit as a decimal: 0.01 for USD, 1 for JPY.</summary>
    public decimal SmallestAmount { get; }

    /// <summary>All currencies of the table, in order of code.</summary>
    public static IEnumerable<Currency> All => ByCode.Values.OrderBy(c => c.Code, StringComparer.Ordinal);

    /// <summary>The currency with this code.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>: no such currency.</exception>
    public static Currency Of(string code) =>
        TryOf(code, out var currency)
            ? currency
            : throw BillingException.Validation("currency", code ?? "", "currency", $"'{code}' is not a currency code of ISO 4217.");

    /// <summary>Finds the currency with this code. Codes are case-sensitive.</summary>
    public static bool TryOf(string? code, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Currency? currency)
    {
        currency = null;
        return code is not null && ByCode.TryGetValue(code, out currency);
    }

    /// <inheritdoc/>
    public bool Equals(Currency? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => ReferenceEquals(this, obj);

    /// <inheritdoc/>
    public override int GetHashCode() => Code.GetHashCode(StringComparison.Ordinal);

    /// <summary>The code.</summary>
    public override string ToString() => Code;
}
