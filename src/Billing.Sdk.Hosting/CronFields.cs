using System.Globalization;
using NodaTime;

namespace Billing.Hosting;

/// <summary>The five fields of a cron expression: minute, hour, day of the month, month, day of the week. Pure; immutable after parsing.</summary>
internal sealed class CronFields
{
    /// <summary>29 February of a year that is divisible by four and a century's end lies between: eight years.</summary>
    private const int LongestWaitYears = 9;

    private static readonly string Months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";
    private static readonly string Weekdays = "SUN MON TUE WED THU FRI SAT";

    private readonly long _minutes;
    private readonly long _hours;
    private readonly long _days;
    private readonly bool _lastDay;
    private readonly long _months;
    private readonly long _weekdays;

    private CronFields(string[] fields)
    {
        _minutes = Parse(fields[0], "minute", 0, 59, null);
        _hours = Parse(fields[1], "hour", 0, 23, null);
        _lastDay = string.Equals(fields[2], "L", StringComparison.OrdinalIgnoreCase);
        _days = _lastDay ? 0 : Parse(fields[2], "day of the month", 1, 31, null);
        _months = Parse(fields[3], "month", 1, 12, Months);
        _weekdays = Parse(fields[4], "day of the week", 0, 7, Weekdays);

        // 7 is another name of Sunday.
        _weekdays = (_weekdays | ((_weekdays >> 7) & 1)) & 0x7F;
        EveryHour = _hours == Range(0, 23);
    }

    /// <summary>Whether it fires in each hour: then it does so in both passes of an hour that the clock shows twice.</summary>
    public bool EveryHour { get; }

    /// <exception cref="FormatException">The text is no expression of five fields, or its date never comes.</exception>
    public static CronFields Parse(string expression)
    {
        var fields = expression.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (fields.Length != 5)
        {
            throw new FormatException($"'{expression}' has {fields.Length} fields, not five: minute, hour, day of the month, month, day of the week.");
        }

        if (fields[2] != "*" && fields[4] != "*")
        {
            throw new FormatException($"'{expression}' names days of the month and days of the week; name one and put '*' for the other.");
        }

        var parsed = new CronFields(fields);
        return parsed.NextLocal(new LocalDateTime(2000, 1, 1, 0, 0)) is null ? throw new FormatException($"'{expression}' names a date that never comes.") : parsed;
    }

    /// <summary>The first match at or after a local time; <see langword="null"/>: there is none.</summary>
    public LocalDateTime? NextLocal(LocalDateTime from)
    {
        var date = from.Date;
        var time = RoundUp(from);
        if (time is null)
        {
            date = date.PlusDays(1);
            time = LocalTime.Midnight;
        }

        var last = date.PlusYears(LongestWaitYears);
        for (var start = time.Value; date < last; date = NextDate(date), start = LocalTime.Midnight)
        {
            if (Fits(date) && NextTime(start) is { } found)
            {
                return date + found;
            }
        }

        return null;
    }

    private static LocalTime? RoundUp(LocalDateTime from)
    {
        var minute = new LocalTime(from.Hour, from.Minute);
        if (minute == from.TimeOfDay)
        {
            return minute;
        }

        return minute == new LocalTime(23, 59) ? null : minute.PlusMinutes(1);
    }

    private LocalDate NextDate(LocalDate date) => Has(_months, date.Month) ? date.PlusDays(1) : date.PlusMonths(1).With(DateAdjusters.StartOfMonth);

    private bool Fits(LocalDate date) =>
        Has(_months, date.Month)
        && (_lastDay ? date.PlusDays(1).Day == 1 : Has(_days, date.Day))
        && Has(_weekdays, (int)date.DayOfWeek % 7);

    private LocalTime? NextTime(LocalTime from)
    {
        for (var hour = from.Hour; hour < 24; hour++)
        {
            for (var minute = hour == from.Hour ? from.Minute : 0; Has(_hours, hour) && minute < 60; minute++)
            {
                if (Has(_minutes, minute))
                {
                    return new LocalTime(hour, minute);
                }
            }
        }

        return null;
    }

    private static bool Has(long set, int value) => ((set >> value) & 1) == 1;

    private static long Range(int first, int last)
    {
        var set = 0L;
        for (var value = first; value <= last; value++)
        {
            set |= 1L << value;
        }

        return set;
    }

    private static long Parse(string field, string name, int least, int most, string? words)
    {
        var set = 0L;
        foreach (var part in field.Split(','))
        {
            set |= Part(part, name, least, most, words);
        }

        return set;
    }

    /// <summary>One of <c>*</c>, <c>5</c>, <c>5-9</c>, each with or without <c>/step</c>; a number with a step goes to the end.</summary>
    private static long Part(string part, string name, int least, int most, string? words)
    {
        var slash = part.IndexOf('/', StringComparison.Ordinal);
        var step = slash < 0 ? 1 : Number(part[(slash + 1)..], name, 1, most, null);
        var range = slash < 0 ? part : part[..slash];
        var dash = range.IndexOf('-', StringComparison.Ordinal);
        int first;
        int last;
        if (range == "*")
        {
            (first, last) = (least, most);
        }
        else if (dash < 0)
        {
            first = Number(range, name, least, most, words);
            last = slash < 0 ? first : most;
        }
        else
        {
            (first, last) = (Number(range[..dash], name, least, most, words), Number(range[(dash + 1)..], name, least, most, words));
        }

        if (last < first)
        {
            throw new FormatException($"The range '{range}' of the field {name} runs backwards.");
        }

        var set = 0L;
        for (var value = first; value <= last; value += step)
        {
            set |= 1L << value;
        }

        return set;
    }

    private static int Number(string text, string name, int least, int most, string? words)
    {
        if (words is not null && text.Length == 3 && words.IndexOf(text.ToUpperInvariant(), StringComparison.Ordinal) is var at and >= 0 && at % 4 == 0)
        {
            return (at / 4) + least;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw new FormatException($"'{text}' is not a {name}: {least} to {most}{(words is null ? "" : $" or {words.Replace(' ', ',')}")}.");
    }
}
