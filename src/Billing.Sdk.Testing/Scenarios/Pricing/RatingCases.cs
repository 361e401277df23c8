using System.Text.Json;
using Billing.Catalog;
using Billing.Rating;
using NodaTime;

namespace Billing.Testing.Scenarios.Pricing;

/// <summary>Runs the cases of one <c>rating</c> file.</summary>
internal sealed class RatingCases
{
    private readonly string _file;
    private readonly DateTimeZone _zone;
    private readonly Dictionary<string, CallRater> _decks = new(StringComparer.Ordinal);

    public RatingCases(string file, DateTimeZone zone, IReadOnlyList<RateDeck> decks)
    {
        _file = file;
        _zone = zone;
        foreach (var deck in decks)
        {
            foreach (var problem in CatalogValidator.Check(deck))
            {
                throw problem.ToException();
            }

            if (!_decks.TryAdd(deck.Code, new CallRater(deck, zone)))
            {
                throw JsonFields.Error("decks", $"Deck '{deck.Code}' stands twice.");
            }
        }
    }

    public ScenarioCaseResult Run(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var comparison = new ScenarioComparison(_file, ScenarioJson.ReadDescription(fields) ?? path);
        var code = fields.Text("deck");
        var call = ReadCall(fields.Fields("record"));
        var bundles = fields.Items("bundles").Select(i => ReadBundle(i.Value, i.Path)).ToList();
        var expected = RatingExpectation.Read(fields.Fields("expect"));
        fields.End();
        Compare(comparison, expected, Rate(code, call, bundles));
        return comparison.Result;
    }

    private CallResult Rate(string code, CallRecord call, IReadOnlyList<CallBundle> bundles)
    {
        try
        {
            return _decks.TryGetValue(code, out var rater) ? rater.Rate(call, bundles) : throw BillingException.NotFound("deck", code);
        }
        catch (BillingException refused)
        {
            // A case may expect the error; what is not expected is reported as the case's failure.
            return new CallResult { Error = refused.Code, ErrorMessage = refused.Message };
        }
    }

    private CallRecord ReadCall(JsonFields fields)
    {
        var call = new CallRecord
        {
            At = ScenarioJson.MomentOf(fields.Required("at"), fields.PathOf("at"), _zone),
            Destination = fields.Text("destination"),
            Seconds = fields.Number("seconds"),
        };
        fields.End();
        return call;
    }

    private static CallBundle ReadBundle(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var bundle = new CallBundle
        {
            Code = fields.Text("code"),
            Seconds = fields.Number("seconds"),
            Prefixes = fields.Texts("prefixes"),
            Order = fields.OptionalInteger("order") ?? 0,
        };
        fields.End();
        return bundle;
    }

    private static void Compare(ScenarioComparison comparison, RatingExpectation expected, CallResult result)
    {
        if (expected.Error is { } error)
        {
            comparison.Compare("expect.error", error, result.Error);
        }
        else if (result.Error is not null)
        {
            comparison.Fail("expect", "no error", $"{result.Error}: {result.ErrorMessage}");
            return;
        }

        if (expected.Amount is { } amount)
        {
            comparison.Compare("expect.amount", amount, result.Amount);
        }

        if (expected.Prefix is { } prefix)
        {
            comparison.Compare("expect.prefix", prefix, result.Prefix);
        }

        if (expected.BilledSeconds is { } seconds)
        {
            comparison.Compare("expect.billedSeconds", seconds, result.BilledSeconds);
        }

        foreach (var (bundle, left) in expected.Bundles ?? [])
        {
            if (result.BundleSecondsLeft.TryGetValue(bundle, out var was))
            {
                comparison.Compare($"expect.bundles.{bundle}", left, was);
            }
            else
            {
                comparison.Fail($"expect.bundles.{bundle}", Rounding.Format(left, 0), "no such bundle");
            }
        }
    }
}

/// <summary>What a case must come to; what is not written is not compared.</summary>
internal sealed record RatingExpectation(decimal? Amount, string? Prefix, decimal? BilledSeconds, Dictionary<string, decimal>? Bundles, string? Error)
{
    public static RatingExpectation Read(JsonFields fields)
    {
        var expected = new RatingExpectation(
            fields.OptionalNumber("amount"),
            fields.OptionalText("prefix"),
            fields.OptionalNumber("billedSeconds"),
            fields.OptionalFields("bundles") is { } bundles ? bundles.Keys.ToDictionary(k => k, bundles.Number, StringComparer.Ordinal) : null,
            fields.OptionalText("error"));
        fields.End();
        return expected is { Amount: null, Prefix: null, BilledSeconds: null, Bundles: null, Error: null }
            ? throw JsonFields.Error(fields.Path, "The case expects nothing.")
            : expected;
    }
}
