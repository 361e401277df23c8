namespace Billing.Processing;

/// <summary>Checks amounts that come from outside.</summary>
internal static class Amounts
{
    /// <summary>An amount above zero with no more decimals than the currency has.</summary>
    public static decimal Positive(decimal amount, string currency, string subject, string id, string key = "amount") =>
        amount > 0m ? InMinorUnits(amount, currency, subject, id, key) : throw BillingException.Validation(subject, id, key, "The amount must be above zero.");

    /// <summary>An amount with no more decimals than the currency has.</summary>
    public static decimal InMinorUnits(decimal amount, string currency, string subject, string id, string key = "amount")
    {
        var minorUnit = Currency.Of(currency).MinorUnit;
        return decimal.Round(amount, minorUnit) == amount
            ? amount
            : throw BillingException.Validation(subject, id, key, $"{Rounding.Format(amount, 0)} has more than the {minorUnit} decimals of {currency}.");
    }
}
