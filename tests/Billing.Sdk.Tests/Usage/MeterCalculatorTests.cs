using Billing.Catalog;
using Billing.Usage;
using FsCheck;
using FsCheck.Fluent;
using NodaTime;
using Interval = NodaTime.Interval;

namespace Billing.Tests.Usage;

public class MeterCalculatorTests
{
    private static readonly Instant Start = Instant.FromUtc(2024, 4, 1, 0, 0);
    private static readonly Interval April = new(Start, Instant.FromUtc(2024, 5, 1, 0, 0));

    public static TheoryData<MeterAggregation, bool> AllMeters
    {
        get
        {
            var data = new TheoryData<MeterAggregation, bool>();
            foreach (var aggregation in Enum.GetValues<MeterAggregation>().Where(a => a != MeterAggregation.Custom))
            {
                data.Add(aggregation, false);
                data.Add(aggregation, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(AllMeters))]
    public void The_order_of_the_list_does_not_matter(MeterAggregation aggregation, bool carryOver)
    {
        var meter = MeterOf(aggregation) with { CarryOver = carryOver };
        var cases = from events in Events() from shuffled in Gen.Shuffle(events) select (events, shuffled);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c =>
            MeterCalculator.Quantity(meter, c.events, April) == MeterCalculator.Quantity(meter, c.shuffled, April)));
    }

    [Theory]
    [MemberData(nameof(AllMeters))]
    public void Events_sent_twice_count_once(MeterAggregation aggregation, bool carryOver)
    {
        var meter = MeterOf(aggregation) with { CarryOver = carryOver };
        Check.QuickThrowOnFailure(Prop.ForAll(Events().ToArbitrary(), events =>
        {
            var again = events.Select(e => e with { At = e.At + Duration.FromHours(1), Properties = Properties(("n", "777")) });
            return MeterCalculator.Quantity(meter, events, April) == MeterCalculator.Quantity(meter, events.Concat(again), April);
        }));
    }

    [Theory]
    [InlineData(MeterAggregation.Count)]
    [InlineData(MeterAggregation.Sum)]
    [InlineData(MeterAggregation.Max)]
    [InlineData(MeterAggregation.Min)]
    public void Summaries_of_parts_in_any_grouping_give_the_quantity_of_the_events(MeterAggregation aggregation)
    {
        var meter = MeterOf(aggregation) with { Rounding = new QuantityRounding(0, RoundingMode.HalfUp), Filter = Filter("n", "1", "2", "-5", "2.5") };
        var cases = from events in Events() from cut in Gen.Choose(0, 20) select (events, cut);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var summaries = c.events.Where(e => April.Contains(e.At)).Select(e => MeterCalculator.Summarize(meter, e) ?? UsageSummary.None).ToList();
            var first = UsageSummary.Combine(summaries.Take(c.cut));
            var second = UsageSummary.Combine(summaries.Skip(c.cut));
            return MeterCalculator.Quantity(meter, first.Combine(second)) == MeterCalculator.Quantity(meter, c.events, April).Value
                && first.Combine(second) == second.Combine(first);
        }));
    }

    [Theory]
    [MemberData(nameof(AllMeters))]
    public void No_events_are_nothing(MeterAggregation aggregation, bool carryOver) =>
        Assert.Equal(default, MeterCalculator.Quantity(MeterOf(aggregation) with { CarryOver = carryOver }, [], April));

    [Fact]
    public void Events_before_the_period_count_only_with_carry_over()
    {
        var before = Event("a", -1, "7");

        Assert.Equal(0m, Quantity(MeterOf(MeterAggregation.Latest), before));
        Assert.Equal(7m, Quantity(MeterOf(MeterAggregation.Latest) with { CarryOver = true }, before));
        Assert.Equal(7m, Quantity(MeterOf(MeterAggregation.WeightedSum) with { CarryOver = true }, before));
        Assert.Equal(0m, Quantity(MeterOf(MeterAggregation.Sum) with { CarryOver = true }, Event("a", 30 * 24, "7")));
    }

    [Fact]
    public void A_peak_starts_from_the_value_that_the_last_period_ended_with_not_from_its_peak()
    {
        var meter = MeterOf(MeterAggregation.Max) with { CarryOver = true };

        Assert.Equal(3m, Quantity(meter, Event("a", -48, "10"), Event("b", -24, "3")));
        Assert.Equal(5m, Quantity(meter, Event("a", -48, "10"), Event("b", -24, "3"), Event("c", 1, "5")));
        Assert.Equal(3m, Quantity(MeterOf(MeterAggregation.Min) with { CarryOver = true }, Event("b", -24, "3"), Event("c", 1, "5")));
    }

    [Fact]
    public void A_removal_comes_after_an_addition_of_the_same_moment()
    {
        var meter = MeterOf(MeterAggregation.UniqueCount);
        var add = Event("z", 1, "ann");
        var remove = Event("a", 1, "ann") with { Operation = UsageOperation.Remove };

        Assert.Equal(0m, Quantity(meter, remove, add));
        Assert.Equal(1m, Quantity(meter, remove, add, Event("b", 2, "ann")));
        Assert.Equal(0m, Quantity(meter, remove));
    }

    [Fact]
    public void Events_of_the_same_moment_are_taken_by_source_then_id()
    {
        var meter = MeterOf(MeterAggregation.Latest);

        Assert.Equal(2m, Quantity(meter, Event("b", 1, "2"), Event("a", 1, "1")));
        Assert.Equal(1m, Quantity(meter, Event("b", 1, "2"), Event("a", 1, "1") with { Source = "s" }));
    }

    [Fact]
    public void A_weighted_sum_is_exact_and_counts_whole_seconds()
    {
        var meter = MeterOf(MeterAggregation.WeightedSum);
        var halfSecond = Event("a", 0, "720") with { At = April.End - Duration.FromMilliseconds(3_599_500) };

        Assert.Equal(new Fraction(1m, 1m), MeterCalculator.Quantity(meter, [Event("a", (30 * 24) - 1, "720")], April));
        Assert.Equal(new Fraction(1m, 1m), MeterCalculator.Quantity(meter, [halfSecond], April));
        Assert.Equal(5m, Quantity(meter, Event("a", 0, "10"), Event("b", 15 * 24, "-10")));
        Assert.Equal(BillingErrorCodes.Validation, Assert.Throws<BillingException>(() => MeterCalculator.Quantity(meter, [halfSecond], null)).Code);
    }

    [Theory]
    [InlineData("0", "1")]
    [InlineData("10", "1")]
    [InlineData("10.1", "2")]
    [InlineData("50", "5")]
    [InlineData("95", "10")]
    [InlineData("100", "10")]
    public void A_percentile_is_the_nearest_rank(string percentile, string expected)
    {
        var meter = MeterOf(MeterAggregation.Percentile) with { Percentile = Dec(percentile) };

        Assert.Equal(Dec(expected), Quantity(meter, [.. Enumerable.Range(1, 10).Select(i => Event($"{i}", i, $"{i}"))]));
    }

    [Fact]
    public void An_average_is_divided_last()
    {
        var quantity = MeterCalculator.Quantity(MeterOf(MeterAggregation.Average), [Event("a", 1, "1"), Event("b", 2, "0"), Event("c", 3, "0")], April);

        Assert.Equal(1m, quantity.Times(3m).Value);
    }

    [Theory]
    [InlineData(2, RoundingMode.HalfUp, "1234.57")]
    [InlineData(0, RoundingMode.Up, "1235")]
    [InlineData(-2, RoundingMode.HalfUp, "1200")]
    [InlineData(-2, RoundingMode.Up, "1300")]
    [InlineData(-4, RoundingMode.Down, "0")]
    public void The_quantity_is_rounded_also_to_hundreds(int scale, RoundingMode mode, string expected) =>
        Assert.Equal(Dec(expected), Quantity(MeterOf(MeterAggregation.Sum) with { Rounding = new QuantityRounding(scale, mode) }, Event("a", 1, "1234.567")));

    [Fact]
    public void Filters_need_one_of_the_values_of_every_property()
    {
        var meter = MeterOf(MeterAggregation.Count) with { Filter = Filter("region", "eu", "us") };

        Assert.Equal(2m, Quantity(meter, Region("a", "eu"), Region("b", "us"), Region("c", "uk"), Event("d", 1, "1"), Region("e", "eu") with { Type = "other" }));
    }

    [Fact]
    public void Quantities_are_kept_apart_by_group()
    {
        var meter = MeterOf(MeterAggregation.Max) with { GroupBy = ["region"] };
        var groups = MeterCalculator.QuantitiesByGroup(meter, [Region("a", "us", "5"), Region("b", "eu", "2"), Region("c", "us", "9"), Event("d", 1, "1")], April);

        Assert.Equal([("", 1m), ("eu", 2m), ("us", 9m)], groups.Select(g => (g.Group["region"], g.Quantity.Value)));
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("1e3")]
    [InlineData("")]
    [InlineData("1,5")]
    [InlineData(" 1")]
    public void A_field_that_is_no_decimal_is_refused_with_event_and_field(string value)
    {
        var error = Assert.Throws<BillingException>(() => MeterCalculator.Check(MeterOf(MeterAggregation.Sum), Event("e7", 1, value)));

        Assert.Equal((BillingErrorCodes.Validation, "e7", "n"), (error.Code, error.SubjectId, error.Key));
        MeterCalculator.Check(MeterOf(MeterAggregation.UniqueCount), Event("e7", 1, value));
        MeterCalculator.Check(MeterOf(MeterAggregation.Count), Event("e7", 1, value));
        Assert.Throws<BillingException>(() => MeterCalculator.Check(MeterOf(MeterAggregation.UniqueCount), Event("e7", 1, value) with { Properties = EquatableMap<string>.Empty }));
    }

    [Fact]
    public void Meters_that_do_not_add_up_refuse_summaries() =>
        Assert.Equal(
            BillingErrorCodes.NotSupported,
            Assert.Throws<BillingException>(() => MeterCalculator.Quantity(MeterOf(MeterAggregation.Average), UsageSummary.OfValue(1m))).Code);

    private static decimal Quantity(Meter meter, params UsageEvent[] events) => MeterCalculator.Quantity(meter, events, April).Value;

    private static Meter MeterOf(MeterAggregation aggregation) => new()
    {
        Code = "m",
        EventType = "t",
        Aggregation = aggregation,
        Field = "n",
        Percentile = aggregation == MeterAggregation.Percentile ? 50m : null,
    };

    private static UsageEvent Event(string id, int hours, string value) =>
        new() { Id = id, At = Start + Duration.FromHours(hours), Type = "t", Properties = Properties(("n", value)) };

    private static UsageEvent Region(string id, string region, string value = "1") =>
        Event(id, 1, value) with { Properties = Properties(("n", value), ("region", region)) };

    private static EquatableMap<string> Properties(params (string Key, string Value)[] entries) =>
        new(entries.Select(e => KeyValuePair.Create(e.Key, e.Value)));

    private static EquatableMap<EquatableList<string>> Filter(string property, params string[] values) =>
        new([KeyValuePair.Create(property, EquatableList.Create<string>(values))]);

    private static decimal Dec(string text) => decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    // Few moments and values, so that events coincide often; ids are unique.
    private static Gen<UsageEvent[]> Events()
    {
        var one = from hours in Gen.Choose(-3, 3)
                  from value in Gen.Elements("1", "2", "-5", "2.5", "100")
                  from operation in Gen.Elements(UsageOperation.Add, UsageOperation.Remove)
                  from source in Gen.Elements("", "s")
                  select Event("", hours * 200, value) with { Operation = operation, Source = source };
        return from count in Gen.Choose(0, 20)
               from events in one.ArrayOf(count)
               select events.Select((e, i) => e with { Id = $"e{i}" }).ToArray();
    }
}
