using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using NodaTime;
using NodaTime.Text;

namespace Billing.Catalog;

/// <summary>The times of the week that a <see cref="TimeBand"/> means, read from its texts.</summary>
internal sealed record WeekTimes(IReadOnlySet<IsoDayOfWeek> Days, long FromNanosecond, long ToNanosecond)
{
    private static readonly ImmutableArray<string> DayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    public bool Contains(LocalDateTime moment) =>
        Days.Contains(moment.DayOfWeek) && moment.NanosecondOfDay >= FromNanosecond && moment.NanosecondOfDay < ToNanosecond;

    public static bool TryRead(TimeBand band, [NotNullWhen(true)] out WeekTimes? times, out string wrongKey)
    {
        times = null;
        wrongKey = "days";
        if (!TryDays(band.Days, out var days))
        {
            return false;
        }

        wrongKey = "from";
        if (!TryTime(band.From, out var from))
        {
            return false;
        }

        wrongKey = "to";
        if (!TryTime(band.To, out var to) || to <= from)
        {
            return false;
        }

        times = new WeekTimes(days, from, to);
        return true;
    }

    private static bool TryDays(string? text, out HashSet<IsoDayOfWeek> days)
    {
        days = [];
        if (text is null)
        {
            days.UnionWith(Enumerable.Range(1, 7).Select(d => (IsoDayOfWeek)d));
            return true;
        }

        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-', StringSplitOptions.TrimEntries);
            var first = DayNames.IndexOf(ends[0]);
            var last = DayNames.IndexOf(ends[^1]);
            if (first < 0 || last < 0 || ends.Length > 2)
            {
                return false;
            }

            // A range may go over the end of the week: fri-mon.
            for (var day = first; ; day = (day + 1) % 7)
            {
                days.Add((IsoDayOfWeek)(day + 1));
                if (day == last)
                {
                    break;
                }
            }
        }

        return true;
    }

    private static bool TryTime(string text, out long nanosecond)
    {
        nanosecond = NodaConstants.NanosecondsPerDay;
        if (text is "24:00" or "24:00:00")
        {
            return true;
        }

        var time = LocalTimePattern.CreateWithInvariantCulture(text.Length == 5 ? "HH':'mm" : "HH':'mm':'ss").Parse(text);
        nanosecond = time.Success ? time.Value.NanosecondOfDay : 0;
        return time.Success;
    }
}
