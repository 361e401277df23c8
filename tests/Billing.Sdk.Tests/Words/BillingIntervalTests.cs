using FsCheck;
using FsCheck.Fluent;
using NodaTime;
using Xunit;

namespace Billing.Tests.Words;

public class BillingIntervalTests
{
    [Fact]
    public void Every_date_lies_in_exactly_one_period() => Prop.ForAll(
        Given.Intervals.ToArbitrary(),
        Given.Dates.ToArbitrary(),
        Given.Dates.ToArbitrary(),
        (interval, anchor, date) =>
        {
            var index = interval.IndexAt(anchor, date);
            return interval.Border(anchor, index) <= date && date < interval.Border(anchor, index + 1);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_border_is_the_first_day_of_its_period() => Prop.ForAll(
        Given.Intervals.ToArbitrary(),
        Given.Dates.ToArbitrary(),
        Gen.Choose(-300, 300).ToArbitrary(),
        (interval, anchor, index) =>
        {
            var border = interval.Border(anchor, index);
            return interval.IndexAt(anchor, border) == index && interval.IndexAt(anchor, border.PlusDays(-1)) == index - 1;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Borders_keep_the_billing_day_or_the_last_day_of_the_month() => Prop.ForAll(
        Given.Intervals.Where(i => i.IsMonthBased).ToArbitrary(),
        Given.Dates.ToArbitrary(),
        Gen.Choose(-200, 200).ToArbitrary(),
        (interval, anchor, index) =>
        {
            var border = interval.Border(anchor, index);
            return border.Day == Math.Min(anchor.Day, border.Calendar.GetDaysInMonth(border.Year, border.Month));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Borders_return_to_the_anchor_day_after_short_months()
    {
        var monthly = BillingInterval.Monthly;

        Assert.Equal(
            ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"],
            Borders(monthly, new LocalDate(2024, 1, 31), -1, 6));
        Assert.Equal(["2023-01-30", "2023-02-28", "2023-03-30"], Borders(monthly, new LocalDate(2023, 1, 30), 0, 3));
        Assert.Equal(["2024-01-29", "2024-02-29", "2024-03-29"], Borders(monthly, new LocalDate(2024, 1, 29), 0, 3));
        Assert.Equal(["2023-01-29", "2023-02-28", "2023-03-29"], Borders(monthly, new LocalDate(2023, 1, 29), 0, 3));
    }

    [Fact]
    public void A_leap_day_comes_back_in_leap_years()
    {
        var yearly = new BillingInterval(IntervalUnit.Year, 1);

        Assert.Equal(
            ["2023-02-28", "2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"],
            Borders(yearly, new LocalDate(2024, 2, 29), -1, 6));
        Assert.Equal(0, yearly.IndexAt(new LocalDate(2024, 2, 29), new LocalDate(2025, 2, 27)));
        Assert.Equal(1, yearly.IndexAt(new LocalDate(2024, 2, 29), new LocalDate(2025, 2, 28)));
    }

    [Fact]
    public void Days_and_weeks_count_days()
    {
        var anchor = new LocalDate(2024, 2, 26);

        Assert.Equal(["2024-02-12", "2024-02-26", "2024-03-11"], Borders(new BillingInterval(IntervalUnit.Week, 2), anchor, -1, 3));
        Assert.Equal(["2024-02-26", "2024-03-07"], Borders(new BillingInterval(IntervalUnit.Day, 10), anchor, 0, 2));
        Assert.Equal(-1, new BillingInterval(IntervalUnit.Day, 10).IndexAt(anchor, new LocalDate(2024, 2, 25)));
    }

    [Fact]
    public void An_interval_tells_its_months_and_its_name()
    {
        Assert.Equal(3, new BillingInterval(IntervalUnit.Month, 3).Months);
        Assert.Equal(24, new BillingInterval(IntervalUnit.Year, 2).Months);
        Assert.Equal(0, new BillingInterval(IntervalUnit.Week, 2).Months);
        Assert.False(new BillingInterval(IntervalUnit.Week, 2).IsMonthBased);
        Assert.Equal("1 month", BillingInterval.Monthly.ToString());
        Assert.Equal("2 weeks", new BillingInterval(IntervalUnit.Week, 2).ToString());
    }

    [Theory]
    [InlineData(IntervalUnit.Month, 0)]
    [InlineData(IntervalUnit.Day, -1)]
    [InlineData((IntervalUnit)17, 1)]
    public void An_interval_that_leads_nowhere_is_refused_when_it_is_used(IntervalUnit unit, int count)
    {
        var interval = new BillingInterval(unit, count);
        var day = new LocalDate(2024, 1, 1);

        Assert.Throws<InvalidOperationException>(() => interval.Border(day, 1));
        Assert.Throws<InvalidOperationException>(() => interval.IndexAt(day, day.PlusDays(40)));
    }

    private static IEnumerable<string> Borders(BillingInterval interval, LocalDate anchor, int from, int count) =>
        Enumerable.Range(from, count).Select(i => interval.Border(anchor, i).ToString("uuuu-MM-dd", null));
}
