using Billing.Catalog;
using Billing.Rating;
using Billing.Usage;
using FsCheck;
using FsCheck.Fluent;
using NodaTime;

namespace Billing.Tests.Rating;

public class CallRaterTests
{
    private static readonly DateTimeZone Berlin = DateTimeZoneProviders.Tzdb["Europe/Berlin"];

    private static readonly EquatableList<TimeBand> PeakAndOff =
    [
        new() { Code = "peak", Days = "mon-fri", From = "08:00", To = "20:00" },
        new() { Code = "off", Days = "mon-fri", From = "00:00", To = "08:00" },
        new() { Code = "off", Days = "mon-fri", From = "20:00", To = "24:00" },
        new() { Code = "off", Days = "sat,sun", From = "00:00", To = "24:00" },
    ];

    [Fact]
    public void The_longest_prefix_wins_and_the_empty_one_takes_the_rest()
    {
        var rater = Rater(new() { Code = "d", Rates = [Simple("", 1m), Simple("49", 2m), Simple("4915", 3m)] });

        Assert.Equal("4915", rater.Rate(Call("49151", 1m)).Prefix);
        Assert.Equal("4915", rater.Rate(Call("4915", 1m)).Prefix);
        Assert.Equal("49", rater.Rate(Call("491", 1m)).Prefix);
        Assert.Equal("", rater.Rate(Call("4", 1m)).Prefix);
        Assert.Equal("", rater.Rate(Call("", 1m)).Prefix);
    }

    [Fact]
    public void The_prefix_found_is_that_of_a_search_through_all()
    {
        var digits = Gen.Choose(1, 4).Select(d => (char)('0' + d));
        var numbers = from length in Gen.Choose(0, 5) from text in digits.ArrayOf(length) select new string(text);
        var cases = from prefixes in numbers.ListOf(12) from number in numbers select (Prefixes: prefixes.Distinct().ToList(), Number: number);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var expected = c.Prefixes.Where(p => c.Number.StartsWith(p, StringComparison.Ordinal)).MaxBy(p => p.Length);
            var result = Rater(new() { Code = "d", Rates = [.. c.Prefixes.Select(p => Simple(p, 1m))] }).Rate(Call(c.Number, 1m));
            return result.Prefix == expected && (result.Error == BillingErrorCodes.NoMatchingRate) == expected is null;
        }));
    }

    [Theory]
    [InlineData(60, 60, "61", "120")]
    [InlineData(60, 1, "61", "61")]
    [InlineData(60, 1, "0.5", "60")]
    [InlineData(30, 6, "37", "42")]
    [InlineData(0, 30, "1", "30")]
    [InlineData(1, 1, "110.5", "111")]
    public void Started_steps_are_billed_in_full(int initial, int increment, string seconds, string billed)
    {
        var rater = Rater(new() { Code = "d", Rates = [Rate("", new DeckRateBand { UnitAmount = 1m, Per = 1m, Initial = initial, Increment = increment })] });

        Assert.Equal(Dec(billed), rater.Rate(Call("1", Dec(seconds))).BilledSeconds);
        Assert.Equal(Dec(billed), rater.Rate(Call("1", Dec(seconds))).Amount);
    }

    [Fact]
    public void A_step_ends_where_the_next_stage_starts()
    {
        var rater = Rater(new()
        {
            Code = "d",
            Rates =
            [
                Rate("", new DeckRateBand { UnitAmount = 1m, Per = 1m, Initial = 60m, Increment = 60m }, new DeckRateBand { UnitAmount = 10m, Per = 1m, Increment = 10m, From = 90m }),
            ],
        });

        Assert.Equal(60m, rater.Rate(Call("1", 5m)).Amount);
        Assert.Equal(90m, rater.Rate(Call("1", 61m)).Amount);
        Assert.Equal(90m, rater.Rate(Call("1", 90m)).Amount);
        Assert.Equal(190m, rater.Rate(Call("1", 91m)).Amount);
    }

    [Fact]
    public void A_call_of_no_length_costs_nothing_or_the_connect_fee()
    {
        var rate = Simple("", 1m) with { ConnectFee = 0.05m };

        Assert.Equal(0m, Rater(new() { Code = "d", Rates = [rate] }).Rate(Call("1", 0m)).Amount);
        var charged = Rater(new() { Code = "d", Rates = [rate with { ChargeZeroDuration = true }] }).Rate(Call("1", 0m));
        Assert.Equal(0.05m, charged.Amount);
        Assert.Equal(0m, charged.BilledSeconds);
    }

    [Fact]
    public void A_call_over_a_border_is_split_pays_one_fee_and_is_rounded_up_once()
    {
        var deck = new RateDeck
        {
            Code = "d",
            SplitAtBands = true,
            TimeBands = PeakAndOff,
            Rates =
            [
                Rate("", new DeckRateBand { When = "peak", UnitAmount = 10m, Per = 1m, Initial = 60m, Increment = 60m }, new DeckRateBand { When = "off", UnitAmount = 1m, Per = 1m, Initial = 60m, Increment = 60m }) with { ConnectFee = 1000m },
            ],
        };
        var result = Rater(deck).Rate(Call("1", 100m, Local(2024, 3, 4, 19, 59, 30)));

        Assert.Equal(120m, result.BilledSeconds);
        Assert.Equal(1000m + (30m * 10m) + 90m, result.Amount);
        Assert.Equal(1000m + (120m * 10m), Rater(deck with { SplitAtBands = false }).Rate(Call("1", 100m, Local(2024, 3, 4, 19, 59, 30))).Amount);
    }

    [Fact]
    public void Borders_are_wall_clock_times_when_the_clock_changes()
    {
        var deck = new RateDeck
        {
            Code = "d",
            SplitAtBands = true,
            TimeBands = [new() { Code = "night", From = "00:00", To = "03:00" }, new() { Code = "day", From = "03:00", To = "24:00" }],
            Rates = [Rate("", new DeckRateBand { When = "night", UnitAmount = 1m, Per = 1m }, new DeckRateBand { When = "day", UnitAmount = 100m, Per = 1m })],
        };
        var rater = Rater(deck);

        Assert.Equal(60m + 6000m, rater.Rate(Call("1", 120m, Local(2024, 3, 31, 1, 59, 0))).Amount);
        Assert.Equal(5400m + 180000m, rater.Rate(Call("1", 7200m, Instant.FromUtc(2024, 10, 27, 0, 30))).Amount);
    }

    [Fact]
    public void Splitting_at_borders_loses_no_second()
    {
        var deck = new RateDeck
        {
            Code = "d",
            SplitAtBands = true,
            TimeBands = PeakAndOff,
            Rates = [Rate("", new DeckRateBand { When = "peak", UnitAmount = 1m, Per = 1m }, new DeckRateBand { When = "off", UnitAmount = 1m, Per = 1m }, new DeckRateBand { UnitAmount = 1m, Per = 1m, From = 1800m })],
        };
        var rater = Rater(deck);
        var calls = from start in Gen.Choose(0, 366 * 86400) from seconds in Gen.Choose(1, 400_000) select (start, seconds);
        Check.QuickThrowOnFailure(Prop.ForAll(calls.ToArbitrary(), c =>
        {
            var result = rater.Rate(Call("1", c.seconds, Instant.FromUtc(2024, 1, 1, 0, 0) + Duration.FromSeconds(c.start)));
            return result.BilledSeconds == c.seconds && result.Amount == c.seconds;
        }));
    }

    [Fact]
    public void A_moment_that_no_band_covers_has_no_rate()
    {
        var deck = new RateDeck { Code = "d", SplitAtBands = true, TimeBands = PeakAndOff, Rates = [Rate("", new DeckRateBand { When = "peak", UnitAmount = 1m })] };

        Assert.Null(Rater(deck).Rate(Call("1", 60m, Local(2024, 3, 4, 19, 59, 0))).Error);
        Assert.Equal(BillingErrorCodes.NoMatchingRate, Rater(deck).Rate(Call("1", 61m, Local(2024, 3, 4, 19, 59, 0))).Error);
        Assert.Equal(BillingErrorCodes.NoMatchingRate, Rater(deck).Rate(Call("1", 1m, Local(2024, 3, 9, 12, 0, 0))).Error);
    }

    [Fact]
    public void The_first_band_that_fits_wins()
    {
        var deck = new RateDeck { Code = "d", TimeBands = PeakAndOff, Rates = [Rate("", new DeckRateBand { When = "peak", UnitAmount = 2m, Per = 1m }, new DeckRateBand { UnitAmount = 1m, Per = 1m })] };

        Assert.Equal(2m, Rater(deck).Rate(Call("1", 1m, Local(2024, 3, 4, 12, 0, 0))).Amount);
        Assert.Equal(1m, Rater(deck).Rate(Call("1", 1m, Local(2024, 3, 4, 21, 0, 0))).Amount);
    }

    [Fact]
    public void Bundles_take_billed_seconds_in_their_order_and_spare_the_connect_fee_when_they_cover_all()
    {
        var rater = Rater(new() { Code = "d", Rates = [Simple("", 1m) with { ConnectFee = 100m }] });
        var bundles = new[]
        {
            new CallBundle { Code = "late", Seconds = 50m, Order = 2 },
            new CallBundle { Code = "early", Seconds = 30m, Order = 1 },
            new CallBundle { Code = "uk", Seconds = 40m, Prefixes = ["44"] },
        };

        var partly = rater.Rate(Call("49", 99.5m), bundles);
        Assert.Equal(120m, partly.Amount);
        Assert.Equal(100m, partly.BilledSeconds);
        Assert.Equal((0m, 0m, 40m), (partly.BundleSecondsLeft["early"], partly.BundleSecondsLeft["late"], partly.BundleSecondsLeft["uk"]));
        Assert.Equal(0m, rater.Rate(Call("49", 80m), bundles).Amount);
        Assert.Equal(0m, rater.Rate(Call("44", 40m), bundles).BundleSecondsLeft["uk"]);
    }

    [Fact]
    public void The_sum_is_rounded_once()
    {
        var deck = new RateDeck
        {
            Code = "d",
            Rates = [Rate("", new DeckRateBand { UnitAmount = 1m, Per = 3m }, new DeckRateBand { UnitAmount = 1m, Per = 7m, From = 1m })],
            RoundingScale = 2,
            RoundingMode = RoundingMode.Up,
        };

        // One second of the first stage (1/3) and fourteen of the second (14/7); rounded up one by one they would be more.
        Assert.Equal(2.34m, Rater(deck).Rate(Call("1", 15m)).Amount);
        Assert.Equal(1m, Rater(deck with { Rates = [Rate("", new DeckRateBand { UnitAmount = 1m, Per = 3m })] }).Rate(Call("1", 3m)).Amount);
    }

    [Fact]
    public void A_rate_deck_price_sums_the_calls_of_the_events()
    {
        var calculator = new PriceCalculator(decks: [Rater(new() { Code = "d", Rates = [Simple("49", 2m)] })]);
        var meter = new Meter { Code = "m", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "duration" };
        UsageEvent Of(string id, string number, string seconds) => new()
        {
            Id = id,
            At = Local(2024, 1, 1, 0, 0, 0),
            Type = "call",
            Properties = new EquatableMap<string>([new("destination", number), new("duration", seconds)]),
        };
        var request = new PricingRequest
        {
            Price = new Price { Model = PriceModels.RateDeck, Deck = "d", MinimumAmount = 7m },
            Quantity = 3m,
            Meter = meter,
            Events = [Of("1", "4930", "1"), Of("2", "4940", "2"), Of("2", "4940", "2")],
            Currency = "EUR",
        };

        Assert.Equal(7m, calculator.Price(request).Amount);
        Assert.Equal(6m, calculator.Price(request with { Price = request.Price with { MinimumAmount = null } }).Amount);
        Assert.Equal(BillingErrorCodes.NoMatchingRate, calculator.Price(request with { Events = [Of("3", "1", "1")] }).Error);
        Assert.Equal(BillingErrorCodes.NotFound, calculator.Price(request with { Price = new Price { Model = PriceModels.RateDeck, Deck = "x" } }).Error);
    }

    private static CallRater Rater(RateDeck deck) => new(deck, Berlin);

    private static DeckRate Simple(string prefix, decimal perSecond) => Rate(prefix, new DeckRateBand { UnitAmount = perSecond, Per = 1m });

    private static DeckRate Rate(string prefix, params DeckRateBand[] bands) => new() { Prefix = prefix, Bands = [.. bands] };

    private static CallRecord Call(string number, decimal seconds, Instant? at = null) =>
        new() { At = at ?? Local(2024, 3, 4, 10, 0, 0), Destination = number, Seconds = seconds };

    private static Instant Local(int year, int month, int day, int hour, int minute, int second) =>
        new LocalDateTime(year, month, day, hour, minute, second).InZoneStrictly(Berlin).ToInstant();

    private static decimal Dec(string text) => decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
