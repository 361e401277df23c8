namespace Billing;

/// <summary>The company that bills: the unit of isolation, and the first part of every key.</summary>
/// <remarks>1 to 64 characters: letters A–Z and a–z (case matters), digits, '-', '_' and '.'. <c>default(TenantId)</c> is not a tenant and is refused by every call.</remarks>
public readonly record struct TenantId : IComparable<TenantId>
{
    private readonly string? _value;

    /// <summary>Creates the id.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>.</exception>
    public TenantId(string value)
    {
        if (!Identifier.IsValid(value, 64) || !value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            throw BillingException.Validation("tenant", value ?? "", "id", "A tenant id has 1 to 64 characters: letters, digits, '-', '_' or '.'.");
        }

        _value = value;
    }

    /// <summary>The id as text.</summary>
    public string Value => _value ?? throw new InvalidOperationException("default(TenantId) is not a tenant.");

    /// <inheritdoc/>
    public int CompareTo(TenantId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(TenantId left, TenantId right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(TenantId left, TenantId right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(TenantId left, TenantId right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(TenantId left, TenantId right) => left.CompareTo(right) >= 0;

    /// <summary>The id as text.</summary>
    public override string ToString() => _value ?? "(no tenant)";
}

/// <summary>Rules for the ids that hosts choose (customers, subscriptions, plans, …).</summary>
public static class Identifier
{
    /// <summary>Whether the text can be an id: not empty, not too long, no control characters, no white space at either end.</summary>
    public static bool IsValid(string? value, int maximumLength = 128) =>
        !string.IsNullOrEmpty(value)
        && value.Length <= maximumLength
        && !char.IsWhiteSpace(value[0])
        && !char.IsWhiteSpace(value[^1])
        && !HasControl(value);

    private static bool HasControl(string value)
    {
        foreach (var character in value)
        {
            if (char.IsControl(character))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The id itself, or an error that names object and key.</summary>
    public static string Check(string? value, string subject, string key = "id") =>
        IsValid(value)
            ? value!
            : throw BillingException.Validation(subject, value ?? "", key, "An id has 1 to 128 characters, no control characters and no white space at its ends.");
}
