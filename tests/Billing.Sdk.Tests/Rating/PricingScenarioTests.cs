using System.Text.Json;
using Billing.Rating;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Pricing;
using Billing.Usage;

namespace Billing.Tests.Rating;

public class PricingScenarioTests
{
    public static TheoryData<string> Files => [.. ScenarioFiles.Of("pricing"), .. ScenarioFiles.Of("rating")];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Every_case_of_a_scenario_file_comes_out(string file)
    {
        var results = await PricingScenarioRunner.RunAsync(ScenarioJson.ReadFile(ScenarioFiles.PathOf(file)), file);

        Assert.NotEmpty(results);
        Assert.Empty(results.SelectMany(r => r.Failures).Select(f => f.ToString()));
    }

    [Fact]
    public async Task A_wrong_figure_is_reported_with_file_case_path_and_both_values()
    {
        var result = Assert.Single(await Run("""
            { "kind": "pricing", "cases": [ { "name": "three", "price": { "model": "perUnit", "unitAmount": "2" }, "quantity": 3, "expect": { "amount": "7" } } ] }
            """));

        Assert.False(result.Passed);
        Assert.Equal("FAIL memory#three: expect.amount: expected 7, was 6", result.ToString());
    }

    [Theory]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "quantity": "1", "expect": { "ammount": "1" } } ] }""", "cases[0].expect.ammount")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "quantity": "1e3", "expect": { "amount": "1" } } ] }""", "cases[0].quantity")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "expect": { "amount": "1" } } ] }""", "cases[0]")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "quantity": "1", "expect": { } } ] }""", "cases[0].expect")]
    [InlineData("""{ "kind": "rating", "decks": [], "cases": [ { "deck": "d", "record": { "at": "2024-01-01", "destination": "1", "secs": 1 }, "expect": { "amount": "1" } } ] }""", "cases[0].record.seconds")]
    public async Task A_case_that_is_not_in_the_format_fails_with_the_path(string json, string path) =>
        Assert.Equal(path, Assert.Single(Assert.Single(await Run(json)).Failures).Path);

    [Theory]
    [InlineData("""{ "kind": "pricing", "cases": [], "casess": [] }""", "casess")]
    [InlineData("""{ "kind": "lifecycle", "cases": [] }""", "kind")]
    [InlineData("""{ "kind": "pricing", "currency": "EURO", "cases": [] }""", "currency")]
    [InlineData("""{ "kind": "rating", "timeZone": "Mars", "cases": [] }""", "timeZone")]
    [InlineData("""{ "kind": "rating", "decks": [ { "code": "d", "rate": [] } ], "cases": [] }""", "decks[0].rates")]
    public async Task A_file_that_is_not_in_the_format_is_refused_with_the_path(string json, string path)
    {
        var error = await Assert.ThrowsAsync<BillingException>(() => Run(json));

        Assert.Equal((BillingErrorCodes.Validation, path), (error.Code, error.Key));
    }

    [Fact]
    public async Task An_expected_error_passes_and_another_one_does_not()
    {
        var results = await Run("""
            { "kind": "pricing", "cases": [
              { "name": "a", "price": { "model": "perUnit", "unitAmount": "2" }, "quantity": "-1", "expect": { "error": "negative-quantity" } },
              { "name": "b", "price": { "model": "perUnit", "unitAmount": "2" }, "quantity": "-1", "expect": { "error": "no-matching-price" } },
              { "name": "c", "price": { "model": "perUnit", "unitAmount": "2" }, "quantity": "-1", "expect": { "amount": "-2" } } ] }
            """);

        Assert.Equal([true, false, false], results.Select(r => r.Passed));
    }

    [Fact]
    public async Task Tasks_of_plugins_are_asked_for_custom_prices_and_meters()
    {
        const string File = """
            { "kind": "pricing", "cases": [ { "name": "plugins", "price": { "model": "custom", "task": "square" },
              "meter": { "code": "m", "aggregation": "custom", "task": "twice", "rounding": { "scale": 0, "mode": "up" } },
              "events": [ { "id": "a", "at": "2024-01-01" }, { "id": "a", "at": "2024-01-02" }, { "id": "b", "at": "2024-01-03" } ],
              "expect": { "amount": "25", "quantity": "5" } } ] }
            """;
        var plugins = new PricingScenarioOptions
        {
            PricingRules = new SquareRules(),
            Aggregators = new Dictionary<string, IUsageAggregator> { ["twice"] = new TwiceTheEvents() },
        };

        Assert.Empty((await Run(File, plugins)).SelectMany(r => r.Failures).Select(f => f.ToString()));
        Assert.Contains(BillingErrorCodes.TaskMissing, Assert.Single((await Run(File)).SelectMany(r => r.Failures)).Actual, StringComparison.Ordinal);
    }

    private static Task<IReadOnlyList<ScenarioCaseResult>> Run(string json, PricingScenarioOptions? options = null)
    {
        using var document = JsonDocument.Parse(json);
        return PricingScenarioRunner.RunAsync(document.RootElement.Clone(), "memory", options);
    }

    private sealed class SquareRules : PricingRule, IPricingRuleResolver
    {
        public IPricingRule? Find(string task) => task == "square" ? this : null;

        protected override ValueTask<PricingResult> PriceAsync(PricingRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(PricingResult.Of(request.Quantity * request.Quantity));
    }

    private sealed class TwiceTheEvents : UsageAggregator
    {
        protected override ValueTask<AggregationResult> AggregateAsync(AggregationRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(AggregationResult.Of((request.Events.Count * 2m) + 0.5m));
    }
}
