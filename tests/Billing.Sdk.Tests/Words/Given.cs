using FsCheck;
using FsCheck.Fluent;
using NodaTime;

namespace Billing.Tests.Words;

/// <summary>Random values of the kinds that billing meets.</summary>
internal static class Given
{
    public static Gen<Currency> Currencies { get; } = Gen.Elements(Currency.All);

    /// <summary>Whole minor units, small and large, of both signs.</summary>
    public static Gen<long> MinorUnits { get; } = Gen.OneOf(
        Gen.Choose(-1000, 1000).Select(n => (long)n),
        Gen.Choose(int.MinValue + 1, int.MaxValue).Select(n => 1009L * n));

    /// <summary>Amounts with up to twelve decimals, of both signs.</summary>
    public static Gen<decimal> Amounts { get; } =
        from digits in Gen.Choose(int.MinValue + 1, int.MaxValue)
        from more in Gen.Choose(0, 999_999)
        from scale in Gen.Choose(0, 12)
        select ((digits * 1_000_000m) + more) * Power(scale);

    /// <summary>One to twelve weights, not negative, at least one above zero.</summary>
    public static Gen<decimal[]> Weights { get; } =
        from count in Gen.Choose(1, 12)
        from weights in Gen.ArrayOf(Gen.Frequency((1, Gen.Constant(0m)), (6, Amounts.Select(Math.Abs))), count)
        where weights.Any(w => w > 0m)
        select weights;

    /// <summary>Dates of a billing life, ends of months and leap days more often than chance has them.</summary>
    public static Gen<LocalDate> Dates { get; } = Gen.OneOf(
        Gen.Choose(0, 60_000).Select(days => new LocalDate(1950, 1, 1).PlusDays(days)),
        from year in Gen.Choose(1996, 2104)
        from month in Gen.Choose(1, 12)
        from day in Gen.Choose(28, 31)
        select new LocalDate(year, month, Math.Min(day, CalendarSystem.Iso.GetDaysInMonth(year, month))));

    public static Gen<BillingInterval> Intervals { get; } =
        from unit in Gen.Elements(Enum.GetValues<IntervalUnit>())
        from count in Gen.Choose(1, 24)
        select new BillingInterval(unit, count);

    private static decimal Power(int scale) => new(1, 0, 0, false, (byte)scale);
}
