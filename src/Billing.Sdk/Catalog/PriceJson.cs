using System.Text;
using System.Text.Json;

namespace Billing.Catalog;

/// <summary>Reads prices: which keys a price may have depends on its model.</summary>
internal static class PriceJson
{
    public static Price Read(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var model = fields.Text("model");
        var price = WithModifiers(Model(model, fields), fields);
        fields.End();
        return price;
    }

    private static Price Model(string model, JsonFields fields) => model switch
    {
        PriceModels.Flat => new Price { Model = model, Amount = fields.Number("amount") },
        PriceModels.PerUnit => new Price { Model = model, UnitAmount = fields.Number("unitAmount") },
        PriceModels.Graduated or PriceModels.Volume or PriceModels.Stairstep or PriceModels.GraduatedPercentage => new Price
        {
            Model = model,
            Tiers = [.. fields.RequiredItems("tiers").Select(i => ReadTier(model, i.Value, i.Path))],
            FlatOnZero = fields.Flag("flatOnZero", false),
        },
        PriceModels.Package => new Price
        {
            Model = model,
            PackageSize = fields.Number("packageSize"),
            PackageAmount = fields.Number("packageAmount"),
            FreeUnits = fields.OptionalNumber("freeUnits") ?? 0m,
        },
        PriceModels.Percentage => new Price
        {
            Model = model,
            Rate = fields.Number("rate"),
            FixedAmount = fields.OptionalNumber("fixedAmount") ?? 0m,
            FreeTransactions = fields.OptionalNumber("freeTransactions"),
            FreeAmount = fields.OptionalNumber("freeAmount"),
            MinPerTransaction = fields.OptionalNumber("minPerTransaction"),
            MaxPerTransaction = fields.OptionalNumber("maxPerTransaction"),
        },
        PriceModels.Dynamic => new Price { Model = model, Multiplier = fields.OptionalNumber("multiplier") ?? 1m },
        PriceModels.Matrix => ReadMatrix(fields),
        PriceModels.RateDeck => new Price { Model = model, Deck = fields.Text("deck") },
        PriceModels.Custom => new Price { Model = model, Task = fields.Text("task"), Parameters = ReadParameters(fields) },
        _ => throw JsonFields.Error(fields.PathOf("model"), $"There is no price model '{model}'."),
    };

    private static Price ReadMatrix(JsonFields fields) => new()
    {
        Model = PriceModels.Matrix,
        Dimensions = [.. fields.RequiredItems("dimensions").Select(i => JsonFields.TextOf(i.Value, i.Path))],
        Cells = [.. fields.RequiredItems("cells").Select(i => ReadCell(i.Value, i.Path))],
        Default = fields.Optional("default") is { } fallback ? Read(fallback, fields.PathOf("default")) : null,
    };

    private static PriceCell ReadCell(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var match = fields.Fields("match");
        var cell = new PriceCell
        {
            Match = new EquatableMap<string>(match.Keys.ToDictionary(k => k, k => ScalarText(match.Required(k), match.PathOf(k)), StringComparer.Ordinal)),
            Price = Read(fields.Required("price"), fields.PathOf("price")),
        };
        fields.End();
        return cell;
    }

    // Properties of events are texts, so a number or a flag in a match means its text.
    private static string ScalarText(JsonElement value, string path) =>
        value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? value.GetRawText() : JsonFields.TextOf(value, path);

    private static PriceTier ReadTier(string model, JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var tier = new PriceTier
        {
            UpTo = fields.Nullable("upTo") is { } upTo ? JsonFields.NumberOf(upTo, fields.PathOf("upTo")) : null,
            UnitAmount = model is PriceModels.Graduated or PriceModels.Volume ? fields.OptionalNumber("unitAmount") ?? 0m : 0m,
            FlatAmount = model == PriceModels.Stairstep ? fields.Number("flatAmount") : fields.OptionalNumber("flatAmount") ?? 0m,
            Rate = model == PriceModels.GraduatedPercentage ? fields.Number("rate") : 0m,
        };
        fields.End();
        return tier;
    }

    private static string? ReadParameters(JsonFields fields)
    {
        if (fields.Optional("parameters") is not { } parameters)
        {
            return null;
        }

        if (parameters.ValueKind != JsonValueKind.Object)
        {
            throw JsonFields.Error(fields.PathOf("parameters"), "The parameters of a task are an object.");
        }

        // Without white space, so that equal parameters make equal prices however the file is laid out.
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            parameters.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static Price WithModifiers(Price price, JsonFields fields) => price with
    {
        UnitConversion = fields.OptionalFields("unitConversion") is { } conversion ? ReadConversion(conversion) : null,
        IncludedQuantity = fields.OptionalNumber("includedQuantity"),
        DiscountPercent = fields.OptionalNumber("discountPercent"),
        MaximumAmount = fields.OptionalNumber("maximumAmount"),
        MinimumAmount = fields.OptionalNumber("minimumAmount"),
    };

    private static UnitConversion ReadConversion(JsonFields fields)
    {
        var none = fields.Optional("round") is { ValueKind: JsonValueKind.String } word && word.ValueEquals("none");
        var conversion = new UnitConversion
        {
            DivideBy = fields.Number("divideBy"),
            Round = none ? null : fields.OptionalWord<RoundingMode>("round"),
            Scale = fields.OptionalInteger("scale") ?? 0,
        };
        fields.End();
        return conversion;
    }
}
