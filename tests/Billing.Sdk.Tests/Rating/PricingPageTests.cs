using System.Text.Json;
using System.Text.RegularExpressions;
using Billing.Testing.Scenarios.Pricing;

namespace Billing.Tests.Rating;

/// <summary>The examples of docs/concepts/pricing.md are cases, and must come out.</summary>
public partial class PricingPageTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(ScenarioFiles.Root, "..", "..", "docs", "concepts", "pricing.md")).ReplaceLineEndings("\n");

    public static TheoryData<string> Examples => [.. Blocks().Matches(Page).Select(m => m.Groups[1].Value)];

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task An_example_of_the_page_comes_out(string example)
    {
        var file = example.Contains("\"kind\"", StringComparison.Ordinal) ? example : $$"""{ "kind": "pricing", "cases": [ {{example}} ] }""";
        using var document = JsonDocument.Parse(file);

        var results = await PricingScenarioRunner.RunAsync(document.RootElement, "pricing.md");

        Assert.Empty(results.SelectMany(r => r.Failures).Select(f => f.ToString()));
    }

    [Theory]
    [InlineData("flat")]
    [InlineData("perUnit")]
    [InlineData("graduated")]
    [InlineData("volume")]
    [InlineData("stairstep")]
    [InlineData("package")]
    [InlineData("percentage")]
    [InlineData("graduatedPercentage")]
    [InlineData("dynamic")]
    [InlineData("matrix")]
    [InlineData("rateDeck")]
    [InlineData("custom")]
    public void Every_model_is_described(string model) => Assert.Contains($"\n### `{model}`\n", Page, StringComparison.Ordinal);

    [GeneratedRegex("```json\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
