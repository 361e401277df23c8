using NodaTime;
using NodaTime.Text;

namespace Billing.Hosting.Tests;

public class RunScheduleTests
{
    [Theory]
    [InlineData("0 2 * * *", "2026-03-01T00:00:00Z", "2026-03-01T02:00:00Z")]
    [InlineData("0 2 * * *", "2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z")]
    [InlineData("0 2 * * *", "2026-03-01T01:59:59.999999999Z", "2026-03-01T02:00:00Z")]
    [InlineData("*/15 8-9 * * *", "2026-03-01T08:50:00Z", "2026-03-01T09:00:00Z")]
    [InlineData("*/15 8-9 * * *", "2026-03-01T09:45:00Z", "2026-03-02T08:00:00Z")]
    [InlineData("5/20 * * * *", "2026-03-01T08:05:00Z", "2026-03-01T08:25:00Z")]
    [InlineData("30 6 1,15 * *", "2026-03-01T06:30:00Z", "2026-03-15T06:30:00Z")]
    [InlineData("0 0 L * *", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z")]
    [InlineData("0 0 31 * *", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z")]
    [InlineData("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z")]
    [InlineData("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z")]
    [InlineData("59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z")]
    [InlineData("0 9 * * mon-fri", "2026-03-06T09:00:00Z", "2026-03-09T09:00:00Z")]
    [InlineData("0 9 * * 0", "2026-03-06T09:00:00Z", "2026-03-08T09:00:00Z")]
    [InlineData("0 9 * * 7", "2026-03-06T09:00:00Z", "2026-03-08T09:00:00Z")]
    [InlineData("0 9 * jul *", "2026-03-06T09:00:00Z", "2026-07-01T09:00:00Z")]
    public void The_next_time_follows_the_expression(string expression, string after, string expected) =>
        Assert.Equal(At(expected), RunSchedule.Cron(expression).NextAfter(At(after), "UTC"));

    [Theory]
    [InlineData("", "fields")]
    [InlineData("0 2 * *", "4 fields")]
    [InlineData("0 2 * * * *", "6 fields")]
    [InlineData("60 2 * * *", "minute")]
    [InlineData("0 24 * * *", "hour")]
    [InlineData("0 2 0 * *", "day of the month")]
    [InlineData("0 2 * 13 *", "month")]
    [InlineData("0 2 * * 8", "day of the week")]
    [InlineData("0 2 * * uesday", "day of the week")]
    [InlineData("0 2 * * ED ", "day of the week")]
    [InlineData("0 9-5 * * *", "backwards")]
    [InlineData("*/0 2 * * *", "minute")]
    [InlineData("1,,2 2 * * *", "minute")]
    [InlineData("-1 2 * * *", "minute")]
    [InlineData("0 0 30 2 *", "never comes")]
    [InlineData("0 0 1 * mon", "name one")]
    public void An_expression_that_cannot_be_meant_is_refused(string expression, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => RunSchedule.Cron(expression)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_tenants_calendar_is_that_of_its_zone_and_a_schedules_own_zone_goes_before_it()
    {
        var two = RunSchedule.Daily(new LocalTime(2, 0));

        Assert.Equal(At("2026-01-15T07:00:00Z"), two.NextAfter(At("2026-01-15T00:00:00Z"), "America/New_York"));
        Assert.Equal(At("2026-07-15T06:00:00Z"), two.NextAfter(At("2026-07-15T00:00:00Z"), "America/New_York"));
        Assert.Equal(At("2026-01-14T17:00:00Z"), two.In("Asia/Tokyo").NextAfter(At("2026-01-14T12:00:00Z"), "America/New_York"));
        Assert.Equal(BillingErrorCodes.Validation, Assert.Throws<BillingException>(() => two.In("Europe/Atlantis")).Code);
    }

    [Fact]
    public void A_time_that_the_clock_leaves_out_is_made_up_for_at_the_change()
    {
        // Berlin, 29 March 2026: 02:00 becomes 03:00.
        Assert.Equal(
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
            Next(RunSchedule.Cron("30 2 * * *"), "2026-03-28T00:00:00Z", "Europe/Berlin", 3));
    }

    [Fact]
    public void A_time_that_the_clock_shows_twice_counts_once()
    {
        // Berlin, 25 October 2026: 03:00 becomes 02:00.
        var schedule = RunSchedule.Cron("30 2 * * *");

        Assert.Equal(["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"], Next(schedule, "2026-10-24T00:00:00Z", "Europe/Berlin", 3));
        Assert.Equal(At("2026-10-26T01:30:00Z"), schedule.NextAfter(At("2026-10-25T01:10:00Z"), "Europe/Berlin"));
        Assert.Equal(At("2026-10-25T02:00:00Z"), RunSchedule.Cron("0 3 * * *").NextAfter(At("2026-10-24T02:00:00Z"), "Europe/Berlin"));
    }

    [Fact]
    public void What_fires_in_each_hour_fires_in_both_passes_of_the_hour()
    {
        Assert.Equal(
            ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
            Next(RunSchedule.Cron("*/30 * * * *"), "2026-10-24T23:45:00Z", "Europe/Berlin", 5));
        Assert.Equal(
            ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
            Next(RunSchedule.Cron("*/30 * * * *"), "2026-03-29T00:15:00Z", "Europe/Berlin", 3));
    }

    [Theory]
    [InlineData("17 */5 * * *")]
    [InlineData("0 4 * * tue,sat")]
    [InlineData("30 1 L * *")]
    [InlineData("45 2 10-20/3 * *")]
    public void Every_match_of_a_year_is_found_and_nothing_else(string expression)
    {
        var zone = DateTimeZoneProviders.Tzdb["Europe/Berlin"];
        var schedule = RunSchedule.Cron(expression);
        var end = At("2026-12-31T23:00:00Z");
        var found = new List<Instant>();
        for (var at = schedule.NextAfter(At("2025-12-31T22:59:59Z"), "Europe/Berlin"); at < end; at = schedule.NextAfter(at, "Europe/Berlin"))
        {
            found.Add(at);
        }

        Assert.Equal(ByMinute(expression, zone, end), found);
    }

    [Fact]
    public void An_interval_means_the_same_moments_in_every_process()
    {
        var schedule = RunSchedule.Every(Duration.FromMinutes(15));

        Assert.Equal(At("2026-03-01T08:15:00Z"), schedule.NextAfter(At("2026-03-01T08:00:00Z"), "Asia/Kathmandu"));
        Assert.Equal(At("2026-03-01T08:15:00Z"), schedule.NextAfter(At("2026-03-01T08:14:59.999999999Z"), "UTC"));
        Assert.Equal(At("1969-12-31T23:45:00Z"), schedule.NextAfter(At("1969-12-31T23:30:00Z"), "UTC"));
        Assert.Throws<ArgumentOutOfRangeException>(() => RunSchedule.Every(Duration.FromMilliseconds(999)));
    }

    [Fact]
    public void Schedules_are_compared_by_what_they_say()
    {
        Assert.Equal(RunSchedule.Cron("0 2 * * *"), RunSchedule.Daily(new LocalTime(2, 0)));
        Assert.NotEqual(RunSchedule.Cron("0 2 * * *"), RunSchedule.Cron("0 2 * * *").In("UTC"));
        Assert.NotEqual(RunSchedule.Every(Duration.FromHours(1)), RunSchedule.Every(Duration.FromHours(2)));
        Assert.Equal("cron 0 2 * * * in Europe/Berlin", RunSchedule.Cron("0 2 * * *").In("Europe/Berlin").ToString());
        Assert.Equal("every 01:00:00", RunSchedule.Every(Duration.FromHours(1)).ToString());
    }

    private static Instant At(string text) => InstantPattern.ExtendedIso.Parse(text).Value;

    private static IEnumerable<string> Next(RunSchedule schedule, string after, string zone, int count)
    {
        var at = At(after);
        for (var i = 0; i < count; i++)
        {
            at = schedule.NextAfter(at, zone);
            yield return InstantPattern.ExtendedIso.Format(at);
        }
    }

    /// <summary>The matches of 2026 by looking at each minute of the local calendar; none of the expressions matches in an hour that is left out or shown twice.</summary>
    private static List<Instant> ByMinute(string expression, DateTimeZone zone, Instant end)
    {
        var matches = new List<Instant>();
        for (var local = new LocalDateTime(2026, 1, 1, 0, 0); zone.AtLeniently(local).ToInstant() is var at && at < end; local = local.PlusMinutes(1))
        {
            var fits = expression switch
            {
                "17 */5 * * *" => local.Minute == 17 && local.Hour % 5 == 0,
                "0 4 * * tue,sat" => local is { Minute: 0, Hour: 4, DayOfWeek: IsoDayOfWeek.Tuesday or IsoDayOfWeek.Saturday },
                "30 1 L * *" => local is { Minute: 30, Hour: 1 } && local.Date.PlusDays(1).Day == 1,
                "45 2 10-20/3 * *" => local is { Minute: 45, Hour: 2, Day: 10 or 13 or 16 or 19 },
                _ => throw new ArgumentException("No such expression.", nameof(expression)),
            };
            if (fits)
            {
                matches.Add(at);
            }
        }

        return matches;
    }
}
