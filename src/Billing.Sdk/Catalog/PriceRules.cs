namespace Billing.Catalog;

/// <summary>What a price must be like to be published.</summary>
internal static class PriceRules
{
    public static void Check(Price price, string path, ProblemsOfObject problems)
    {
        var prefix = path.Length == 0 ? "" : path + ".";
        CheckModel(price, prefix, problems);
        CheckModifiers(price, prefix, problems);
    }

    /// <summary>The decks that a price and the prices nested in it name.</summary>
    public static IEnumerable<string> Decks(Price price) =>
        (price.Deck is null ? Enumerable.Empty<string>() : [price.Deck])
            .Concat(price.Cells.SelectMany(c => Decks(c.Price)))
            .Concat(price.Default is null ? [] : Decks(price.Default));

    private static void CheckModel(Price price, string prefix, ProblemsOfObject problems)
    {
        switch (price.Model)
        {
            case PriceModels.Flat:
                Needs(price.Amount, $"{prefix}amount", problems);
                break;
            case PriceModels.PerUnit:
                Needs(price.UnitAmount, $"{prefix}unitAmount", problems);
                break;
            case PriceModels.Graduated or PriceModels.Volume or PriceModels.Stairstep or PriceModels.GraduatedPercentage:
                CheckTiers(price, prefix, problems);
                break;
            case PriceModels.Package:
                Needs(price.PackageSize, $"{prefix}packageSize", problems, positive: true);
                Needs(price.PackageAmount, $"{prefix}packageAmount", problems);
                problems.CheckNumber(price.FreeUnits, $"{prefix}freeUnits");
                break;
            case PriceModels.Percentage:
                CheckPercentage(price, prefix, problems);
                break;
            case PriceModels.Dynamic:
                problems.CheckNumber(price.Multiplier, $"{prefix}multiplier");
                break;
            case PriceModels.Matrix:
                CheckMatrix(price, prefix, problems);
                break;
            case PriceModels.RateDeck:
                problems.AddIf(string.IsNullOrEmpty(price.Deck), $"{prefix}deck", "The key is missing.");
                break;
            case PriceModels.Custom:
                problems.AddIf(string.IsNullOrEmpty(price.Task), $"{prefix}task", "The key is missing.");
                break;
            default:
                problems.Add($"{prefix}model", $"There is no price model '{price.Model}'.");
                break;
        }
    }

    private static void Needs(decimal? value, string key, ProblemsOfObject problems, bool positive = false)
    {
        problems.AddIf(value is null, key, "The key is missing.");
        problems.CheckNumber(value, key, positive);
    }

    private static void CheckTiers(Price price, string prefix, ProblemsOfObject problems)
    {
        problems.AddIf(price.Tiers.Count == 0, $"{prefix}tiers", "The price has no tiers.");
        var lower = 0m;
        for (var i = 0; i < price.Tiers.Count; i++)
        {
            var tier = price.Tiers[i];
            var path = $"{prefix}tiers[{i}]";
            var last = i == price.Tiers.Count - 1;
            problems.AddIf(last != tier.UpTo is null, $"{path}.upTo", "The last tier, and no other, is open (upTo null).");
            problems.AddIf(tier.UpTo <= lower, $"{path}.upTo", "Tiers are ascending, from above zero.");
            problems.CheckNumber(tier.UpTo, $"{path}.upTo");
            problems.CheckNumber(tier.UnitAmount, $"{path}.unitAmount");
            problems.CheckNumber(tier.FlatAmount, $"{path}.flatAmount");
            problems.CheckNumber(tier.Rate, $"{path}.rate");
            problems.AddIf(price.Model is PriceModels.Stairstep or PriceModels.GraduatedPercentage && tier.UnitAmount != 0m, $"{path}.unitAmount", $"A tier of {price.Model} has no unit amount.");
            problems.AddIf(price.Model != PriceModels.GraduatedPercentage && tier.Rate != 0m, $"{path}.rate", $"A tier of {price.Model} has no rate.");
            lower = tier.UpTo ?? lower;
        }
    }

    private static void CheckPercentage(Price price, string prefix, ProblemsOfObject problems)
    {
        Needs(price.Rate, $"{prefix}rate", problems);
        problems.CheckNumber(price.FixedAmount, $"{prefix}fixedAmount");
        problems.CheckNumber(price.FreeTransactions, $"{prefix}freeTransactions");
        problems.AddIf(price.FreeTransactions is { } free && decimal.Truncate(free) != free, $"{prefix}freeTransactions", "A whole number is needed.");
        problems.CheckNumber(price.FreeAmount, $"{prefix}freeAmount");
        problems.CheckNumber(price.MinPerTransaction, $"{prefix}minPerTransaction");
        problems.CheckNumber(price.MaxPerTransaction, $"{prefix}maxPerTransaction");
        problems.AddIf(price.MinPerTransaction > price.MaxPerTransaction, $"{prefix}minPerTransaction", "The least fee is above the greatest.");
    }

    private static void CheckMatrix(Price price, string prefix, ProblemsOfObject problems)
    {
        problems.AddIf(price.Dimensions.Count == 0, $"{prefix}dimensions", "A matrix has at least one dimension.");
        problems.AddIf(price.Dimensions.Distinct(StringComparer.Ordinal).Count() != price.Dimensions.Count, $"{prefix}dimensions", "A dimension stands twice.");
        for (var i = 0; i < price.Cells.Count; i++)
        {
            var cell = price.Cells[i];
            foreach (var dimension in cell.Match.Keys.Where(k => !price.Dimensions.Contains(k)))
            {
                problems.Add($"{prefix}cells[{i}].match.{dimension}", "The matrix has no such dimension.");
            }

            problems.AddIf(cell.Match.Count == 0, $"{prefix}cells[{i}].match", "A cell that matches all events is the default.");
            problems.AddIf(price.Cells.Take(i).Any(c => c.Match.Equals(cell.Match)), $"{prefix}cells[{i}].match", "An earlier cell has the same values.");
            Check(cell.Price, $"{prefix}cells[{i}].price", problems);
        }

        if (price.Default is { } fallback)
        {
            Check(fallback, $"{prefix}default", problems);
        }
    }

    private static void CheckModifiers(Price price, string prefix, ProblemsOfObject problems)
    {
        problems.CheckNumber(price.UnitConversion?.DivideBy, $"{prefix}unitConversion.divideBy", positive: true);
        problems.AddIf(price.UnitConversion is { Scale: < -20 or > 28 }, $"{prefix}unitConversion.scale", "A scale is within -20 and 28.");
        problems.CheckNumber(price.IncludedQuantity, $"{prefix}includedQuantity");
        problems.CheckPercent(price.DiscountPercent, $"{prefix}discountPercent");
        problems.CheckNumber(price.MaximumAmount, $"{prefix}maximumAmount");
        problems.CheckNumber(price.MinimumAmount, $"{prefix}minimumAmount");
        if (price.Model == PriceModels.RateDeck)
        {
            const string Message = "A rate deck prices calls, not a quantity: use bundles, or the deck's own steps.";
            problems.AddIf(price.UnitConversion is not null, $"{prefix}unitConversion", Message);
            problems.AddIf(price.IncludedQuantity is not null, $"{prefix}includedQuantity", Message);
        }
    }
}
