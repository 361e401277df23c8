using NodaTime;

namespace Billing;

/// <summary>The unit of a billing interval.</summary>
public enum IntervalUnit
{
    /// <summary>Calendar days.</summary>
    Day,

    /// <summary>Weeks of seven days.</summary>
    Week,

    /// <summary>Calendar months.</summary>
    Month,

    /// <summary>Calendar years.</summary>
    Year,
}

/// <summary>How long a billing period is: so many days, weeks, months or years. A quarter is three months.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Count">How many, at least one.</param>
public readonly record struct BillingInterval(IntervalUnit Unit, int Count)
{
    /// <summary>One month.</summary>
    public static BillingInterval Monthly { get; } = new(IntervalUnit.Month, 1);

    /// <summary>Whether periods are counted in calendar months (months and years), so that a billing day has a meaning.</summary>
    public bool IsMonthBased => Unit is IntervalUnit.Month or IntervalUnit.Year;

    /// <summary>Months in the interval, 0 for days and weeks.</summary>
    public int Months => Unit switch
    {
        IntervalUnit.Month => Count,
        IntervalUnit.Year => 12 * Count,
        _ => 0,
    };

    /// <summary>
    /// The border that lies so many intervals after the anchor (before it for negative numbers). Counted from the anchor by calendar
    /// arithmetic, never step by step: an anchor on the 31st gives 28 or 29 February and then 31 March again.
    /// </summary>
    /// <exception cref="InvalidOperationException">The count is below one, or the unit unknown.</exception>
    public LocalDate Border(LocalDate anchor, int index) =>
        IsMonthBased ? anchor.PlusMonths(index * Length) : anchor.PlusDays(index * Length);

    /// <summary>The index of the period, counted from the anchor, in which the date lies: Border(index) ≤ date &lt; Border(index + 1).</summary>
    /// <exception cref="InvalidOperationException">The count is below one, or the unit unknown.</exception>
    public int IndexAt(LocalDate anchor, LocalDate date)
    {
        var distance = IsMonthBased ? ((date.Year - anchor.Year) * 12) + date.Month - anchor.Month : Period.DaysBetween(anchor, date);
        var guess = Floor(distance, Length);
        while (Border(anchor, guess) > date)
        {
            guess--;
        }

        while (Border(anchor, guess + 1) <= date)
        {
            guess++;
        }

        return guess;
    }

    /// <summary>For example <c>1 month</c>.</summary>
    public override string ToString() => $"{Count} {Unit.ToString().ToLowerInvariant()}{(Count == 1 ? "" : "s")}";

    /// <summary>Months or days, at least one; a length of nothing would make periods without end.</summary>
    private int Length => (Count, Unit) switch
    {
        ( < 1, _) => throw new InvalidOperationException($"{this} is no billing interval: the count is at least one."),
        (_, IntervalUnit.Day) => Count,
        (_, IntervalUnit.Week) => 7 * Count,
        (_, IntervalUnit.Month or IntervalUnit.Year) => Months,
        _ => throw new InvalidOperationException($"Unknown interval unit {Unit}."),
    };

    private static int Floor(int value, int divisor) => value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor);
}
