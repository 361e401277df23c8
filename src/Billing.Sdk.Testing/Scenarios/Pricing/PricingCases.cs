using System.Text.Json;
using Billing.Catalog;
using Billing.Rating;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Scenarios.Pricing;

/// <summary>Runs the cases of one <c>pricing</c> file.</summary>
internal sealed class PricingCases(string file, string currency, DateTimeZone zone, IReadOnlyList<RateDeck> decks, PricingScenarioOptions options)
{
    private const string DefaultEventType = "usage";

    private readonly PriceCalculator _calculator = new(options.PricingRules, decks.Select(d => new CallRater(d, zone)));

    public async Task<ScenarioCaseResult> RunAsync(JsonElement element, string path, CancellationToken cancellationToken)
    {
        var (test, expected) = Read(element, path);
        var comparison = new ScenarioComparison(file, test.Name);
        var (result, quantity) = await PriceAsync(test, cancellationToken).ConfigureAwait(false);
        Compare(comparison, expected, result, quantity);
        return comparison.Result;
    }

    private (PricingCase Case, PricingExpectation Expected) Read(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var name = ScenarioJson.ReadDescription(fields) ?? path;
        var meter = fields.Optional("meter") is { } m ? CatalogJson.ReadMeter(m, fields.PathOf("meter"), DefaultEventType) : null;
        var transactions = fields.Has("transactions")
            ? fields.RequiredItems("transactions").Select(i => JsonFields.NumberOf(i.Value, i.Path)).ToList()
            : null;
        var test = new PricingCase(
            name,
            CatalogJson.ReadPrice(fields.Required("price"), fields.PathOf("price")),
            fields.OptionalNumber("quantity"),
            transactions,
            meter,
            [.. fields.Items("events").Select(i => ScenarioJson.EventOf(i.Value, i.Path, zone, meter?.EventType ?? DefaultEventType))],
            fields.Optional("period") is { } period ? ScenarioJson.IntervalOf(period, fields.PathOf("period"), zone) : null,
            fields.OptionalNumber("billedQuantity"),
            fields.OptionalFields("rounding") is { } rounding ? CatalogJson.ReadRounding(rounding) : null);
        var expected = PricingExpectation.Read(fields.Fields("expect"));
        CheckInput(test, fields);
        fields.End();
        return (test, expected);
    }

    private static void CheckInput(PricingCase test, JsonFields fields)
    {
        var given = test.Quantity is not null || test.Transactions is not null;
        if (given == test.Meter is not null || fields.Has("events") != test.Meter is not null)
        {
            throw JsonFields.Error(fields.Path, "A case has either a quantity (or transactions) or a meter with events.");
        }

        if (test is { Quantity: { } quantity, Transactions: { } transactions } && transactions.Sum() != quantity)
        {
            throw JsonFields.Error(fields.PathOf("transactions"), "The transactions do not sum to the quantity.");
        }
    }

    private async Task<(PricingResult Result, Fraction? Quantity)> PriceAsync(PricingCase test, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var problem in CatalogValidator.Check(test.Price).Concat(test.Meter is null ? [] : CatalogValidator.Check(test.Meter)))
            {
                throw problem.ToException();
            }

            var quantity = await QuantityAsync(test, cancellationToken).ConfigureAwait(false);
            var request = new PricingRequest
            {
                Price = test.Price,
                Quantity = quantity.Value,
                ExactQuantity = quantity,
                Transactions = test.Transactions ?? [],
                Events = test.Events,
                Meter = test.Meter,
                Period = test.Period,
                Currency = currency,
            };
            PricingRequest[] batch = test.BilledQuantity is { } billed ? [request, PriceCalculator.BilledPart(request, billed)] : [request];
            var results = await _calculator.PriceAsync(batch, cancellationToken).ConfigureAwait(false);
            var before = batch.Length > 1 ? results[1] : PricingResult.Of(0m);
            return (PriceCalculator.Difference(results[0], before, request, test.Rounding), quantity);
        }
        catch (BillingException refused)
        {
            // A case may expect the error; what is not expected is reported as the case's failure.
            return (PricingResult.Failed(refused.Code, refused.Message), null);
        }
    }

    private async Task<Fraction> QuantityAsync(PricingCase test, CancellationToken cancellationToken)
    {
        if (test.Meter is not { } meter)
        {
            return Fraction.Of(test.Quantity ?? test.Transactions!.Sum());
        }

        if (meter.Aggregation != MeterAggregation.Custom)
        {
            return MeterCalculator.Quantity(meter, test.Events, test.Period);
        }

        if (!options.Aggregators.TryGetValue(meter.Task!, out var aggregator))
        {
            throw BillingException.For(BillingErrorCodes.TaskMissing, "meter", meter.Code, "task", $"There is no aggregation task '{meter.Task}'.");
        }

        var request = new AggregationRequest { Meter = meter, Events = MeterCalculator.EventsThatCount(meter, test.Events, test.Period), Period = test.Period };
        var results = await aggregator.AggregateAsync([request], cancellationToken).ConfigureAwait(false);
        var answer = results.Count == 1 ? results[0] : AggregationResult.Failed(BillingErrorCodes.TaskFailed, $"{results.Count} answers to one request.");
        return answer.Error is null
            ? MeterCalculator.Rounded(meter, Fraction.Of(answer.Quantity))
            : throw BillingException.For(answer.Error, "meter", meter.Code, "task", answer.ErrorMessage ?? "");
    }

    private static void Compare(ScenarioComparison comparison, PricingExpectation expected, PricingResult result, Fraction? quantity)
    {
        if (expected.Error is { } error)
        {
            comparison.Compare("expect.error", error, result.Error);
            return;
        }

        if (result.Error is not null)
        {
            comparison.Fail("expect", "no error", $"{result.Error}: {result.ErrorMessage}");
            return;
        }

        if (expected.Amount is { } amount)
        {
            comparison.Compare("expect.amount", amount, result.Amount);
        }

        if (expected.UnitAmount is { } unitAmount)
        {
            comparison.Compare("expect.unitAmount", unitAmount, Rounding.Round(result.UnitAmount, expected.UnitAmountDecimals, RoundingMode.HalfUp));
        }

        if (expected.Quantity is { } wanted && quantity is { } was)
        {
            comparison.Compare("expect.quantity", wanted, was.Value);
        }

        if (expected.Tiers is { } tiers)
        {
            CompareTiers(comparison, tiers, result.Tiers);
        }
    }

    private static void CompareTiers(ScenarioComparison comparison, IReadOnlyList<PricedTier> expected, IReadOnlyList<PricedTier> actual)
    {
        comparison.Compare("expect.tiers.length", expected.Count, actual.Count);
        for (var i = 0; i < Math.Min(expected.Count, actual.Count); i++)
        {
            comparison.Compare($"expect.tiers[{i}].quantity", expected[i].Quantity, actual[i].Quantity);
            comparison.Compare($"expect.tiers[{i}].amount", expected[i].Amount, actual[i].Amount);
        }
    }
}

/// <summary>What a case gives.</summary>
internal sealed record PricingCase(
    string Name,
    Price Price,
    decimal? Quantity,
    IReadOnlyList<decimal>? Transactions,
    Meter? Meter,
    IReadOnlyList<UsageEvent> Events,
    Interval? Period,
    decimal? BilledQuantity,
    QuantityRounding? Rounding);

/// <summary>What a case must come to; what is not written is not compared.</summary>
internal sealed record PricingExpectation(
    decimal? Amount, decimal? UnitAmount, int UnitAmountDecimals, decimal? Quantity, IReadOnlyList<PricedTier>? Tiers, string? Error)
{
    public static PricingExpectation Read(JsonFields fields)
    {
        var expected = new PricingExpectation(
            fields.OptionalNumber("amount"),
            fields.OptionalNumber("unitAmount"),
            fields.OptionalNumber("unitAmount")?.Scale ?? 0,
            fields.OptionalNumber("quantity"),
            fields.Has("tiers") ? [.. fields.RequiredItems("tiers").Select(i => ReadTier(i.Value, i.Path))] : null,
            fields.OptionalText("error"));
        fields.End();
        return expected is { Amount: null, UnitAmount: null, Quantity: null, Tiers: null, Error: null }
            ? throw JsonFields.Error(fields.Path, "The case expects nothing.")
            : expected;
    }

    private static PricedTier ReadTier(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var tier = new PricedTier(fields.Number("quantity"), fields.Number("amount"));
        fields.End();
        return tier;
    }
}
