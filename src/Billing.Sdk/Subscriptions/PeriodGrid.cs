using Billing.Catalog;
using NodaTime;
using NodaTime.TimeZones;

namespace Billing.Subscriptions;

/// <summary>
/// Where the borders of billing periods lie: an anchor and how it is counted from. Borders come from the anchor by calendar arithmetic, never step by step.
/// </summary>
internal sealed record PeriodGrid
{
    private Derived<PeriodGrid, RecentPeriods> _recent;

    /// <summary>A time that the clock skips moves forward, a doubled one is the first.</summary>
    private static readonly ZoneLocalMappingResolver Resolver =
        Resolvers.CreateMappingResolver(Resolvers.ReturnEarlier, Resolvers.ReturnForwardShifted);

    public required DateTimeZone Zone { get; init; }

    /// <summary>A border: the anchor's date (for month-based intervals its month counts, with <see cref="NominalDay"/>).</summary>
    public required LocalDate Anchor { get; init; }

    /// <summary>Day of the month of month-based borders; months that are shorter use their last day.</summary>
    public required int NominalDay { get; init; }

    /// <summary>Time of day of borders; midnight unless parts are measured in seconds.</summary>
    public LocalTime TimeOfDay { get; init; } = LocalTime.Midnight;

    /// <summary>Whether borders are calendar units (the 1st, Monday, 1 January, quarters from January).</summary>
    public bool Calendar { get; init; }

    public LocalDate BorderDate(BillingInterval interval, int index)
    {
        var (anchor, day) = AnchorOf(interval);
        if (!interval.IsMonthBased)
        {
            return interval.Border(anchor, index);
        }

        var month = new LocalDate(anchor.Year, anchor.Month, 1).PlusMonths(interval.Months * index);
        return new LocalDate(month.Year, month.Month, Math.Min(day, CalendarSystem.Iso.GetDaysInMonth(month.Year, month.Month)));
    }

    public Instant Border(BillingInterval interval, int index) => InstantOf(BorderDate(interval, index));

    /// <summary>The period in which a moment lies.</summary>
    public BillingPeriod PeriodAt(BillingInterval interval, Instant at)
    {
        var known = Derived<PeriodGrid, RecentPeriods>.Of(ref _recent, this, static _ => new RecentPeriods());
        if (!known.TryFind(interval, at, out var period))
        {
            period = FindPeriod(interval, at);
            known.Add(interval, period);
        }

        return period;
    }

    private BillingPeriod FindPeriod(BillingInterval interval, Instant at)
    {
        var (anchor, _) = AnchorOf(interval);
        var date = at.InZone(Zone).Date;
        var index = interval.IndexAt(new LocalDate(anchor.Year, anchor.Month, interval.IsMonthBased ? 1 : anchor.Day), date);
        var period = Period(interval, index);
        while (period.From > at)
        {
            period = Period(interval, --index);
        }

        while (period.To <= at)
        {
            period = Period(interval, ++index);
        }

        return period;
    }

    public BillingPeriod Period(BillingInterval interval, int index)
    {
        var (from, to) = (BorderDate(interval, index), BorderDate(interval, index + 1));
        return new BillingPeriod(index, InstantOf(from), InstantOf(to), from, to, TimeOfDay == LocalTime.Midnight);
    }

    public Instant InstantOf(LocalDate date) => InstantOf(Zone, date, TimeOfDay);

    public static Instant InstantOf(DateTimeZone zone, LocalDate date, LocalTime time) =>
        time == LocalTime.Midnight
            ? zone.AtStartOfDay(date).ToInstant()
            : zone.ResolveLocal(date + time, Resolver).ToInstant();

    /// <summary>The first date on or after a date that has the day of the month (its last day, where the month is shorter).</summary>
    public static LocalDate FirstWithDay(LocalDate from, int day)
    {
        var candidate = WithDay(from.Year, from.Month, day);
        if (candidate >= from)
        {
            return candidate;
        }

        var next = new LocalDate(from.Year, from.Month, 1).PlusMonths(1);
        return WithDay(next.Year, next.Month, day);
    }

    private static LocalDate WithDay(int year, int month, int day) =>
        new(year, month, Math.Min(day, CalendarSystem.Iso.GetDaysInMonth(year, month)));

    private (LocalDate Anchor, int Day) AnchorOf(BillingInterval interval)
    {
        if (!Calendar)
        {
            return (Anchor, NominalDay);
        }

        return interval.Unit switch
        {
            IntervalUnit.Week => (Anchor.PlusDays(1 - (int)Anchor.DayOfWeek), NominalDay),
            IntervalUnit.Month when 12 % interval.Count != 0 => (new LocalDate(Anchor.Year, Anchor.Month, 1), 1),
            IntervalUnit.Month or IntervalUnit.Year => (new LocalDate(Anchor.Year, 1, 1), 1),
            _ => (Anchor, NominalDay),
        };
    }
}

/// <summary>The periods that were looked for last: one billing of a subscription asks for the same two or three again and again. Not thread-safe, as a timeline belongs to one payer's work.</summary>
internal sealed class RecentPeriods
{
    private readonly (BillingInterval Interval, BillingPeriod Period)[] _periods = new (BillingInterval, BillingPeriod)[4];
    private int _next;

    public bool TryFind(BillingInterval interval, Instant at, out BillingPeriod period)
    {
        foreach (ref readonly var known in _periods.AsSpan())
        {
            if (known.Period.From <= at && at < known.Period.To && known.Interval == interval)
            {
                period = known.Period;
                return true;
            }
        }

        period = default;
        return false;
    }

    public void Add(BillingInterval interval, BillingPeriod period) => _periods[_next++ % _periods.Length] = (interval, period);
}

/// <summary>One billing period, half-open.</summary>
/// <param name="Index">Its number, counted from the anchor.</param>
/// <param name="From">Start.</param>
/// <param name="To">End, exclusive.</param>
/// <param name="FromDate">The date of the start.</param>
/// <param name="ToDate">The date of the end.</param>
/// <param name="AtMidnight">Whether its borders are the starts of these dates. Others can fall on the next date, where the clock skips their time of day.</param>
internal readonly record struct BillingPeriod(int Index, Instant From, Instant To, LocalDate FromDate, LocalDate ToDate, bool AtMidnight = false)
{
    /// <summary>The date of a moment in the period's zone; that of a border is known.</summary>
    public LocalDate DateOf(Instant at, DateTimeZone zone) =>
        AtMidnight && at == From ? FromDate
        : AtMidnight && at == To ? ToDate
        : at.InZone(zone).Date;
}
