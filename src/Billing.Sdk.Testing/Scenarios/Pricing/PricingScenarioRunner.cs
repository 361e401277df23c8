using System.Text.Json;
using Billing.Catalog;

namespace Billing.Testing.Scenarios.Pricing;

/// <summary>Runs scenario files of the kinds <c>pricing</c> and <c>rating</c>: each case is priced, and what comes out compared.</summary>
/// <remarks>Thread-safe; cases do not see one another.</remarks>
public static class PricingScenarioRunner
{
    /// <summary>Runs a file.</summary>
    /// <param name="path">The file; results name it so.</param>
    /// <param name="options">Plugins that the file may name. Default: none.</param>
    /// <param name="cancellationToken">Stops between cases.</param>
    /// <returns>One result per case, in the order of the file.</returns>
    /// <exception cref="BillingException">With code <c>validation</c>: the file is not in the format; the path of the key is named.</exception>
    public static Task<IReadOnlyList<ScenarioCaseResult>> RunFileAsync(
        string path, PricingScenarioOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(ScenarioJson.ReadFile(path), path, options, cancellationToken);

    /// <summary>Runs a file that has been read.</summary>
    /// <param name="root">The file's root object.</param>
    /// <param name="file">How results name the file.</param>
    /// <param name="options">Plugins that the file may name. Default: none.</param>
    /// <param name="cancellationToken">Stops between cases.</param>
    /// <inheritdoc cref="RunFileAsync" path="/returns"/>
    /// <inheritdoc cref="RunFileAsync" path="/exception"/>
    public static async Task<IReadOnlyList<ScenarioCaseResult>> RunAsync(
        JsonElement root, string file, PricingScenarioOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new PricingScenarioOptions();
        var fields = new JsonFields(root, "");
        var kind = fields.Text("kind");
        ScenarioJson.ReadDescription(fields);
        if (kind is not ("pricing" or "rating"))
        {
            throw JsonFields.Error("kind", $"'{kind}' is neither pricing nor rating.");
        }

        var currency = fields.OptionalText("currency") ?? "USD";
        if (!Currency.TryOf(currency, out _))
        {
            throw JsonFields.Error("currency", $"'{currency}' is not a currency code of ISO 4217.");
        }

        var zone = ScenarioJson.ReadZone(fields, "timeZone");
        var decks = fields.Items("decks").Select(i => CatalogJson.ReadDeck(i.Value, i.Path)).ToList();
        var cases = fields.RequiredItems("cases").ToList();
        fields.End();

        var pricing = kind == "pricing" ? new PricingCases(file, currency, zone, decks, options) : null;
        var rating = kind == "rating" ? new RatingCases(file, zone, decks) : null;
        var results = new List<ScenarioCaseResult>(cases.Count);
        foreach (var (element, path) in cases)
        {
            cancellationToken.ThrowIfCancellationRequested();
            results.Add(pricing is null
                ? rating!.Run(element, path)
                : await pricing.RunAsync(element, path, cancellationToken).ConfigureAwait(false));
        }

        return results;
    }
}
