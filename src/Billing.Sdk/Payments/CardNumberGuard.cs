namespace Billing.Payments;

/// <summary>Keeps card numbers out. Pure and thread-safe.</summary>
internal static class CardNumberGuard
{
    private const int Shortest = 13;
    private const int Longest = 19;

    /// <summary>Refuses a text in which digits, separators ignored, look like a card number.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>; the message does not repeat the text.</exception>
    public static void Check(string? text, string subject, string id, string key)
    {
        if (text is not null && LooksLikeCardNumber(text))
        {
            throw BillingException.Validation(subject, LooksLikeCardNumber(id) ? "" : id, key, "This looks like a card number. Card numbers are never accepted: give the gateway's token.");
        }
    }

    /// <summary>Whether a run of 13 to 19 digits, with spaces, dashes, dots, slashes or underscores between them, has a correct check digit (Luhn).</summary>
    public static bool LooksLikeCardNumber(string text)
    {
        var digits = new List<int>(Longest);
        foreach (var character in text.Append('\0'))
        {
            if (char.IsAsciiDigit(character))
            {
                digits.Add(character - '0');
            }
            else if (char.IsLetter(character) || character is '\0' or ':' or ';' or ',' or '=' or '@')
            {
                // A letter or punctuation that no one writes into a card number ends the run.
                if (IsCardNumber(digits))
                {
                    return true;
                }

                digits.Clear();
            }
        }

        return false;
    }

    private static bool IsCardNumber(List<int> digits)
    {
        if (digits.Count is < Shortest or > Longest || digits.TrueForAll(d => d == 0))
        {
            return false;
        }

        var sum = 0;
        for (var i = 0; i < digits.Count; i++)
        {
            var digit = digits[digits.Count - 1 - i];
            var doubled = i % 2 == 1 ? digit * 2 : digit;
            sum += doubled > 9 ? doubled - 9 : doubled;
        }

        return sum % 10 == 0;
    }
}
