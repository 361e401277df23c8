using Billing.Catalog;
using Billing.Rating;
using Billing.Usage;
using FsCheck;
using FsCheck.Fluent;
using NodaTime;

namespace Billing.Tests.Rating;

public class PriceModelTests
{
    private static readonly PriceCalculator Calculator = new();

    private static readonly PriceTier[] Tiers =
    [
        new() { UpTo = 10m, UnitAmount = 2m, FlatAmount = 5m },
        new() { UpTo = 20m, UnitAmount = 1.5m, FlatAmount = 7m },
        new() { UnitAmount = 1m, FlatAmount = 9m },
    ];

    [Theory]
    [InlineData("0", "0")]
    [InlineData("0.01", "5.02")]
    [InlineData("10", "25")]
    [InlineData("10.01", "32.015")]
    [InlineData("20", "47")]
    [InlineData("20.5", "56.5")]
    public void Graduated_charges_each_unit_in_its_tier_and_the_flat_amount_of_tiers_entered(string quantity, string amount) =>
        Assert.Equal(Dec(amount), Calculator.Amount(Price.Graduated(Tiers), Dec(quantity)));

    [Theory]
    [InlineData("0", "0")]
    [InlineData("10", "25")]
    [InlineData("10.01", "22.015")]
    [InlineData("21", "30")]
    public void Volume_charges_all_units_at_the_tier_of_the_whole(string quantity, string amount) =>
        Assert.Equal(Dec(amount), Calculator.Amount(Price.Volume(Tiers), Dec(quantity)));

    [Fact]
    public void Flat_on_zero_charges_the_first_flat_amount_at_nothing_and_at_nothing_else_twice()
    {
        var graduated = Price.Graduated(Tiers) with { FlatOnZero = true };

        Assert.Equal(5m, Calculator.Amount(graduated, 0m));
        Assert.Equal(25m, Calculator.Amount(graduated, 10m));
        Assert.Equal(5m, Calculator.Amount(Price.Volume(Tiers) with { FlatOnZero = true }, 0m));
        Assert.Equal(5m, Calculator.Amount(graduated with { IncludedQuantity = 3m }, 2m));
    }

    [Fact]
    public void A_batch_of_quantities_costs_digit_by_digit_what_each_costs_alone()
    {
        var prices = new[]
        {
            Price.Graduated(Tiers),
            Price.Graduated(new PriceTier { UpTo = 0.5m, UnitAmount = 0.123456789012m }, new PriceTier { UpTo = 1000.25m, FlatAmount = 3.10m }, new PriceTier { UnitAmount = 0.000000000001m }),
            Price.Graduated(Tiers) with { FlatOnZero = true },
            Price.Graduated(Tiers) with { IncludedQuantity = 3m, MinimumAmount = 4m },
            Price.Volume(Tiers),
            Price.PerUnit(0.25m),
        };
        decimal[] quantities = [0m, 0.01m, 0.5m, 3m, 10m, 10.01m, 20m, 20.50m, 1000.25m, 1000.26m, 123456789.123456m];
        foreach (var price in prices)
        {
            var amounts = new decimal[quantities.Length];
            Calculator.Amounts(price, quantities, amounts);

            var alone = quantities.Select(q => Calculator.Price(new PricingRequest { Price = price, Quantity = q, Currency = "USD" }).Amount);
            Assert.Equal(alone.Select(a => a.ToString(System.Globalization.CultureInfo.InvariantCulture)), amounts.Select(a => a.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            Assert.Equal(amounts, quantities.Select(q => Calculator.Amount(price, q)));
        }
    }

    [Fact]
    public void A_batch_refuses_what_a_quantity_alone_is_refused_for()
    {
        var closed = Price.Graduated(new PriceTier { UpTo = 10m, UnitAmount = 1m });
        var huge = Price.Graduated(new PriceTier { UpTo = 10m, UnitAmount = 1m }, new PriceTier { UpTo = decimal.MaxValue / 2m, UnitAmount = 1000m }, new PriceTier { UnitAmount = 1m });
        var amounts = new decimal[1];

        Assert.Equal(BillingErrorCodes.NoMatchingPrice, Assert.Throws<BillingException>(() => Calculator.Amounts(closed, [11m], amounts)).Code);
        Assert.Equal(BillingErrorCodes.NegativeQuantity, Assert.Throws<BillingException>(() => Calculator.Amounts(closed, [-1m], amounts)).Code);
        Assert.Equal(BillingErrorCodes.Validation, Assert.Throws<BillingException>(() => Calculator.Amounts(huge, [decimal.MaxValue], amounts)).Code);
        Calculator.Amounts(huge, [12m], amounts);
        Assert.Equal(2010m, amounts[0]);
        Assert.Throws<ArgumentException>(() => Calculator.Amounts(closed, [1m, 2m], amounts));
    }

    [Fact]
    public void Graduated_and_volume_agree_with_a_reference_that_counts_unit_by_unit()
    {
        var tiers = from bounds in Gen.Choose(1, 400).ArrayOf(3)
                    from units in Gen.Choose(0, 5_000_000).ArrayOf(4)
                    from flats in Gen.Choose(0, 1000).ArrayOf(4)
                    select MakeTiers(bounds, units, flats);
        var cases = from t in tiers
                    from q in Gen.Choose(0, 2000)
                    select (Tiers: t, Quantity: q / 100m);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c =>
            Calculator.Amount(Price.Graduated(c.Tiers), c.Quantity) == ReferencePrices.Graduated(c.Tiers, c.Quantity)
            && Calculator.Amount(Price.Volume(c.Tiers), c.Quantity) == ReferencePrices.Volume(c.Tiers, c.Quantity)));
    }

    [Fact]
    public void The_tiers_of_a_result_sum_to_quantity_and_amount()
    {
        Check.QuickThrowOnFailure(Prop.ForAll(Gen.Choose(1, 5000).ToArbitrary(), hundredths =>
        {
            var result = Calculator.Price(Request(Price.Graduated(Tiers), hundredths / 100m));
            return result.Tiers.Sum(t => t.Quantity) == hundredths / 100m && result.Tiers.Sum(t => t.Amount) == result.Amount;
        }));
    }

    [Fact]
    public void Prices_of_parts_billed_one_after_another_sum_to_the_price_of_the_whole()
    {
        var rounding = new QuantityRounding(2, RoundingMode.HalfUp);
        var price = Price.Graduated(Tiers) with { DiscountPercent = 7.5m, MinimumAmount = 3m, MaximumAmount = 40m };
        var parts = Gen.Choose(0, 900).ArrayOf(5);
        Check.QuickThrowOnFailure(Prop.ForAll(parts.ToArbitrary(), thousandths =>
        {
            var billed = 0m;
            var sum = Rounding.Round(Calculator.Amount(price, 0m), 2, RoundingMode.HalfUp);
            foreach (var part in thousandths)
            {
                var quantity = billed + (part / 37m);
                sum += Calculator.PriceDifference(Request(price, quantity), billed, rounding).Amount;
                billed = quantity;
            }

            return sum == Rounding.Round(Calculator.Amount(price, billed), 2, RoundingMode.HalfUp);
        }));
    }

    [Fact]
    public void Stairstep_is_the_flat_amount_of_one_tier()
    {
        var price = new Price { Model = PriceModels.Stairstep, Tiers = [new() { UpTo = 10m, FlatAmount = 50m }, new() { FlatAmount = 100m }] };

        Assert.Equal(0m, Calculator.Amount(price, 0m));
        Assert.Equal(50m, Calculator.Amount(price, 0.001m));
        Assert.Equal(50m, Calculator.Amount(price, 10m));
        Assert.Equal(100m, Calculator.Amount(price, 10.001m));
    }

    [Theory]
    [InlineData("0", "0")]
    [InlineData("0.0000001", "5")]
    [InlineData("100", "5")]
    [InlineData("100.0000001", "10")]
    [InlineData("79228162514264337593500000000", "3961408125713216879675000000")]
    public void Packages_are_started_packages(string quantity, string amount) =>
        Assert.Equal(Dec(amount), Calculator.Amount(Price.Package(100m, 5m), Dec(quantity)));

    [Fact]
    public void A_package_is_not_started_by_the_last_digit_of_a_quotient()
    {
        Assert.Equal(3m, Calculator.Amount(Price.Package(0.3m, 1m), 0.9m));
        Assert.Equal(7m, Calculator.Amount(Price.Package(1m / 7m, 1m), 7m * (1m / 7m)));
        Assert.Equal(1m, Calculator.Price(Request(Price.Package(1m, 1m), 0m) with { ExactQuantity = new Fraction(3m, 3m) }).Amount);
    }

    [Fact]
    public void A_third_stays_exact_until_the_end()
    {
        var price = Price.PerUnit(3m) with { UnitConversion = new UnitConversion { DivideBy = 3m } };
        var month = new PricingRequest { Price = Price.PerUnit(0m) with { MinimumAmount = 0.015m }, Quantity = 0m, ExactPeriodPart = new Fraction(10m, 30m), Currency = "USD" };

        Assert.Equal(1m, Calculator.Amount(price, 1m));
        Assert.Equal(0.005m, Calculator.Price(month).Amount);
        Assert.Equal(743m, Calculator.Price(Request(Price.PerUnit(743m), 1m) with { ExactQuantity = new Fraction(743m, 743m) }).Amount);
        Assert.Equal(1m, Calculator.Price(Request(Price.PerUnit(743m), 0m) with { ExactQuantity = new Fraction(1m, 743m) }).Amount);
    }

    [Fact]
    public void Percentage_counts_free_transactions_and_the_free_amount_while_both_last()
    {
        var price = new Price { Model = PriceModels.Percentage, Rate = 2m, FixedAmount = 0.10m, FreeTransactions = 3m, FreeAmount = 150m };

        Assert.Equal(2.20m, Transactions(price, 100m, 100m, 50m));
        Assert.Equal(0m, Transactions(price, 100m, 50m));
        Assert.Equal(0.12m, Transactions(price, 10m, 10m, 10m, 1m));
        Assert.Equal(0m, Transactions(price));
    }

    [Fact]
    public void Percentage_limits_hold_for_each_paid_transaction()
    {
        var price = new Price { Model = PriceModels.Percentage, Rate = 1m, MinPerTransaction = 1m, MaxPerTransaction = 100m };

        Assert.Equal(151m, Transactions(price, 40m, 5000m, 250000m));
        Assert.Equal(1m, Transactions(price, 0m));
    }

    [Fact]
    public void The_billed_part_of_a_percentage_is_its_first_transactions()
    {
        var price = new Price { Model = PriceModels.Percentage, Rate = 1m, FixedAmount = 0.30m };
        var request = Request(price, 60m) with { Transactions = [10m, 20m, 30m] };

        Assert.Equal(0.60m, Calculator.PriceDifference(request, 30m).Amount);
        Assert.Equal(0m, Calculator.PriceDifference(request, 60m).Amount);
        Assert.Equal(1.50m, Calculator.PriceDifference(request, 0m).Amount);
    }

    [Fact]
    public void Graduated_percentage_takes_percents_of_the_parts()
    {
        var price = new Price { Model = PriceModels.GraduatedPercentage, Tiers = [new() { UpTo = 1000m, Rate = 3m, FlatAmount = 1m }, new() { Rate = 1m }] };

        Assert.Equal(31m, Calculator.Amount(price, 1000m));
        Assert.Equal(31.005m, Calculator.Amount(price, 1000.50m));
        Assert.Equal(0m, Calculator.Amount(price, 0m));
    }

    [Fact]
    public void Modifiers_come_in_their_order()
    {
        var price = Price.PerUnit(10m) with
        {
            UnitConversion = new UnitConversion { DivideBy = 1000m, Round = RoundingMode.Up },
            IncludedQuantity = 0.5m,
            DiscountPercent = 50m,
            MaximumAmount = 100m,
            MinimumAmount = 4m,
        };

        Assert.Equal(7.5m, Calculator.Amount(price, 1400m));
        Assert.Equal(100m, Calculator.Amount(price, 1_000_000m));
        Assert.Equal(4m, Calculator.Amount(price, 0m));
        Assert.Equal(4m, Calculator.Amount(price, 1m));
    }

    [Fact]
    public void Minimum_and_maximum_are_prorated_with_the_period()
    {
        var price = Price.PerUnit(1m) with { MaximumAmount = 100m, MinimumAmount = 30m };

        Assert.Equal(15m, Calculator.Price(Request(price, 1m) with { PeriodPart = 0.5m }).Amount);
        Assert.Equal(50m, Calculator.Price(Request(price, 99m) with { PeriodPart = 0.5m }).Amount);
    }

    [Fact]
    public void A_negative_quantity_is_refused_unless_the_meter_allows_it()
    {
        var meter = new Meter { Code = "net", EventType = "n", Aggregation = MeterAggregation.Sum, Field = "n" };
        var request = Request(Price.Graduated(Tiers), -5m);

        Assert.Equal(BillingErrorCodes.NegativeQuantity, Calculator.Price(request).Error);
        Assert.Equal(BillingErrorCodes.NegativeQuantity, Calculator.Price(request with { Meter = meter }).Error);
        Assert.Equal(-10m, Calculator.Price(request with { Meter = meter with { AllowNegative = true } }).Amount);
        Assert.Equal(BillingErrorCodes.NegativeQuantity, Assert.Throws<BillingException>(() => Calculator.Amount(Price.PerUnit(1m), -1m)).Code);
    }

    [Fact]
    public void A_quantity_above_the_last_closed_tier_has_no_price()
    {
        var price = Price.Graduated(new PriceTier { UpTo = 10m, UnitAmount = 1m });

        Assert.Equal(10m, Calculator.Amount(price, 10m));
        Assert.Equal(BillingErrorCodes.NoMatchingPrice, Calculator.Price(Request(price, 10.01m)).Error);
    }

    [Fact]
    public void Figures_beyond_decimals_are_an_error_and_not_a_crash()
    {
        var result = Calculator.Price(Request(Price.PerUnit(1000m), decimal.MaxValue));

        Assert.Equal(BillingErrorCodes.Validation, result.Error);
        Assert.Throws<BillingException>(() => Calculator.Amount(Price.PerUnit(1000m), decimal.MaxValue));
    }

    [Fact]
    public void The_unit_amount_is_amount_by_quantity_and_zero_for_nothing()
    {
        Assert.Equal(9.25m, Calculator.Price(Request(Price.Volume(new PriceTier { UnitAmount = 9m, FlatAmount = 3m }), 12m)).UnitAmount);
        Assert.Equal(0m, Calculator.Price(Request(Price.Flat(7m), 0m)).UnitAmount);
    }

    [Fact]
    public void Dynamic_sums_the_field_even_when_the_meter_counts()
    {
        var meter = new Meter { Code = "m", EventType = "t", Aggregation = MeterAggregation.Count, Field = "amount" };
        var request = Request(new Price { Model = PriceModels.Dynamic, Multiplier = 1.5m }, 2m) with { Meter = meter, Events = [Event("a", ("amount", "4")), Event("b", ("amount", "6"))] };

        Assert.Equal(15m, Calculator.Price(request).Amount);
    }

    [Fact]
    public void A_matrix_prices_the_events_of_each_cell_for_themselves()
    {
        var meter = new Meter { Code = "m", EventType = "t", Aggregation = MeterAggregation.Max, Field = "n" };
        var price = new Price
        {
            Model = PriceModels.Matrix,
            Dimensions = ["region", "size"],
            Cells =
            [
                new() { Match = Match(("region", "eu"), ("size", "l")), Price = Price.PerUnit(10m) },
                new() { Match = Match(("region", "eu")), Price = Price.Graduated(Tiers) },
            ],
            Default = Price.Flat(1m),
        };
        var events = new[]
        {
            Event("a", ("region", "eu"), ("size", "l"), ("n", "3")), Event("b", ("region", "eu"), ("size", "l"), ("n", "2")),
            Event("c", ("region", "eu"), ("size", "s"), ("n", "12")), Event("d", ("region", "us"), ("n", "99")),
        };
        var request = Request(price, 99m) with { Meter = meter, Events = events };

        Assert.Equal(30m + 25m + 10m + 1m, Calculator.Price(request).Amount);
        Assert.Equal(BillingErrorCodes.NoMatchingPrice, Calculator.Price(request with { Price = price with { Default = null } }).Error);
        Assert.Equal(0m, Calculator.Price(Request(price, 0m)).Amount);
        Assert.Equal(1m, Calculator.Price(Request(price, 5m)).Amount);
    }

    [Fact]
    public void Included_units_of_a_matrix_are_used_up_over_its_cells()
    {
        var meter = new Meter { Code = "m", EventType = "t", Aggregation = MeterAggregation.Sum, Field = "n" };
        var price = new Price
        {
            Model = PriceModels.Matrix,
            Dimensions = ["r"],
            Cells = [new() { Match = Match(("r", "a")), Price = Price.PerUnit(1m) }, new() { Match = Match(("r", "b")), Price = Price.PerUnit(10m) }],
            IncludedQuantity = 5m,
        };
        var request = Request(price, 7m) with { Meter = meter, Events = [Event("1", ("r", "b"), ("n", "4")), Event("2", ("r", "a"), ("n", "3"))] };

        Assert.Equal(20m, Calculator.Price(request).Amount);
    }

    [Fact]
    public async Task Custom_prices_are_asked_once_per_task_also_inside_a_matrix()
    {
        var rule = new DoublingRule();
        var calculator = new PriceCalculator(new OneRule("double", rule));
        var custom = new Price { Model = PriceModels.Custom, Task = "double", DiscountPercent = 50m, IncludedQuantity = 1m };
        var meter = new Meter { Code = "m", EventType = "t", Aggregation = MeterAggregation.Count };
        var matrix = new Price
        {
            Model = PriceModels.Matrix,
            Dimensions = ["r"],
            Cells = [new() { Match = Match(("r", "a")), Price = custom with { IncludedQuantity = null } }],
            Default = Price.PerUnit(100m),
            MinimumAmount = 10m,
        };

        var results = await calculator.PriceAsync(
            [
                Request(Price.PerUnit(3m), 2m),
                Request(custom, 5m),
                Request(matrix, 2m) with { Meter = meter, Events = [Event("1", ("r", "a")), Event("2", ("r", "b"))] },
                Request(custom with { Task = "other" }, 5m),
            ],
            CancellationToken.None);

        Assert.Equal([6m, 4m, 101m], results.Take(3).Select(r => r.Amount));
        Assert.Equal(BillingErrorCodes.TaskMissing, results[3].Error);
        Assert.Equal(1, rule.Calls);
        Assert.Equal(BillingErrorCodes.NotSupported, calculator.Price(Request(custom, 1m)).Error);
        Assert.False(PriceCalculator.IsSynchronous(matrix));
    }

    [Fact]
    public async Task A_rule_that_prices_one_at_a_time_answers_in_order()
    {
        var calculator = new PriceCalculator(new OneRule("half", new HalvingRule()));
        var price = new Price { Model = PriceModels.Custom, Task = "half", UnitConversion = new UnitConversion { DivideBy = 4m } };

        var results = await calculator.PriceAsync([Request(price, 8m), Request(price, 1m)], CancellationToken.None);

        Assert.Equal([1m, 0.125m], results.Select(r => r.Amount));
    }

    private static decimal Transactions(Price price, params decimal[] transactions) =>
        Calculator.Price(Request(price, transactions.Sum()) with { Transactions = transactions }).Amount;

    private static PriceTier[] MakeTiers(int[] bounds, int[] units, int[] flats)
    {
        var upper = bounds.Distinct().Order().Select(b => (decimal?)(b / 25m)).Append(null).ToArray();
        return [.. upper.Select((u, i) => new PriceTier { UpTo = u, UnitAmount = units[i] / 1_000_000m, FlatAmount = flats[i] / 100m })];
    }

    private static PricingRequest Request(Price price, decimal quantity) => new() { Price = price, Quantity = quantity, Currency = "USD" };

    private static UsageEvent Event(string id, params (string Key, string Value)[] properties) =>
        new() { Id = id, At = Instant.FromUtc(2024, 1, 1, 0, 0), Type = "t", Properties = Match(properties) };

    private static EquatableMap<string> Match(params (string Key, string Value)[] entries) =>
        new(entries.Select(e => KeyValuePair.Create(e.Key, e.Value)));

    private static decimal Dec(string text) => decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private sealed class OneRule(string name, IPricingRule rule) : IPricingRuleResolver
    {
        public IPricingRule? Find(string task) => task == name ? rule : null;
    }

    private sealed class HalvingRule : PricingRule
    {
        protected override ValueTask<PricingResult> PriceAsync(PricingRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(PricingResult.Of(request.Quantity / 2m));
    }

    private sealed class DoublingRule : IPricingRule
    {
        public int Calls { get; private set; }

        public ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken)
        {
            Calls++;
            return ValueTask.FromResult<IReadOnlyList<PricingResult>>([.. requests.Select(r => PricingResult.Of(2m * r.Quantity))]);
        }
    }
}
