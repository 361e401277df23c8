using Billing.Subscriptions;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>How large a part of a period a time is. Pure; the four bases stand here and nowhere else.</summary>
internal static class Proration
{
    /// <summary>The part as a fraction that has not been divided yet.</summary>
    public static Fraction Part(ProrationBasis basis, DateTimeZone zone, Instant from, Instant to, BillingPeriod period) => basis switch
    {
        ProrationBasis.Days => new Fraction(
            NodaTime.Period.DaysBetween(period.DateOf(from, zone), period.DateOf(to, zone)),
            NodaTime.Period.DaysBetween(period.FromDate, period.ToDate)),
        ProrationBasis.Seconds => new Fraction(
            (decimal)(to - from).ToInt64Nanoseconds(),
            (decimal)(period.To - period.From).ToInt64Nanoseconds()),
        ProrationBasis.ThirtyDayMonth => new Fraction(
            Days360(period.DateOf(from, zone), period.DateOf(to, zone)),
            Math.Max(1, Days360(period.FromDate, period.ToDate))),
        _ => from <= period.From && to >= period.To ? Fraction.Of(1m) : Fraction.Of(0m),
    };

    /// <summary>Days by 30/360: every month has thirty.</summary>
    private static int Days360(LocalDate from, LocalDate to) =>
        ((to.Year - from.Year) * 360) + ((to.Month - from.Month) * 30) + Math.Min(to.Day, 30) - Math.Min(from.Day, 30);
}
