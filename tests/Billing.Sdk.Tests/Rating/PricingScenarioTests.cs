using System.Text.Json;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Pricing;

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
    [InlineData("""{ "kind": "pricing", "cases": [], "casess": [] }""", "casess")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "quantity": "1", "expect": { "ammount": "1" } } ] }""", "cases[0].expect.ammount")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "quantity": "1e3", "expect": { "amount": "1" } } ] }""", "cases[0].quantity")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "expect": { "amount": "1" } } ] }""", "cases[0]")]
    [InlineData("""{ "kind": "pricing", "cases": [ { "price": { "model": "flat", "amount": "1" }, "quantity": "1", "expect": { } } ] }""", "cases[0].expect")]
    [InlineData("""{ "kind": "rating", "decks": [], "cases": [ { "deck": "d", "record": { "at": "2024-01-01", "destination": "1", "secs": 1 }, "expect": { "amount": "1" } } ] }""", "cases[0].record.seconds")]
    public async Task A_file_that_is_not_in_the_format_is_refused_with_the_path(string json, string path)
    {
        var error = await Assert.ThrowsAsync<BillingException>(() => Run(json));

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Equal(path, error.Key);
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

    private static Task<IReadOnlyList<ScenarioCaseResult>> Run(string json)
    {
        using var document = JsonDocument.Parse(json);
        return PricingScenarioRunner.RunAsync(document.RootElement.Clone(), "memory");
    }
}
