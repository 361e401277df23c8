using System.Globalization;

namespace Billing.Storage;

/// <summary>Prints document numbers by a pattern.</summary>
public static class NumberPattern
{
    /// <summary>The pattern with <c>{n}</c> or <c>{n:digits}</c> replaced by the number, padded with zeros to so many digits.</summary>
    public static string Format(string pattern, long number)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var start = pattern.IndexOf("{n", StringComparison.Ordinal);
        var end = start < 0 ? -1 : pattern.IndexOf('}', start);
        if (end < 0)
        {
            throw BillingException.Validation("number pattern", pattern, "pattern", "A pattern contains {n} or {n:digits}.");
        }

        var body = pattern[(start + 2)..end];
        var digits = 1;
        if (body.Length > 0 && (body[0] != ':' || !int.TryParse(body.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out digits) || digits is < 1 or > 18))
        {
            throw BillingException.Validation("number pattern", pattern, "pattern", "A pattern contains {n} or {n:digits} with 1 to 18 digits.");
        }

        return pattern[..start] + number.ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0') + pattern[(end + 1)..];
    }
}
