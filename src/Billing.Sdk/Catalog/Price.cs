using System.Security.Cryptography;
using System.Text;

namespace Billing.Catalog;

/// <summary>
/// What a quantity costs: a price model with its keys, and modifiers around it. A plain value: two prices with equal keys are equal.
/// </summary>
/// <remarks>
/// Which keys a model takes stands in docs/concepts/pricing.md. Unit prices keep up to twelve decimals; amounts are in the currency of the
/// plan. Publishing a catalog checks them.
/// </remarks>
public sealed record Price
{
    private Derived<Price, string> _key;
    private Derived<Price, string> _unproratedKey;

    /// <summary>The model: <c>flat</c>, <c>perUnit</c>, <c>graduated</c>, <c>volume</c>, <c>stairstep</c>, <c>package</c>, <c>percentage</c>, <c>graduatedPercentage</c>, <c>dynamic</c>, <c>matrix</c>, <c>rateDeck</c> or <c>custom</c>.</summary>
    public required string Model { get; init; }

    /// <summary><c>flat</c>: the amount.</summary>
    public decimal? Amount { get; init; }

    /// <summary><c>perUnit</c>: the amount of one unit.</summary>
    public decimal? UnitAmount { get; init; }

    /// <summary><c>graduated</c>, <c>volume</c>, <c>stairstep</c>, <c>graduatedPercentage</c>: the tiers, ascending, the last without an upper bound.</summary>
    public EquatableList<PriceTier> Tiers { get; init; } = [];

    /// <summary>Tiers: whether the first tier's flat amount is charged at quantity 0 too. Default false.</summary>
    public bool FlatOnZero { get; init; }

    /// <summary><c>package</c>: units in a package.</summary>
    public decimal? PackageSize { get; init; }

    /// <summary><c>package</c>: amount of a started package.</summary>
    public decimal? PackageAmount { get; init; }

    /// <summary><c>package</c>: units before the first paid package. Default 0.</summary>
    public decimal FreeUnits { get; init; }

    /// <summary><c>percentage</c>: percent of the paid part.</summary>
    public decimal? Rate { get; init; }

    /// <summary><c>percentage</c>: amount per paid transaction. Default 0.</summary>
    public decimal FixedAmount { get; init; }

    /// <summary><c>percentage</c>: how many transactions are free.</summary>
    public decimal? FreeTransactions { get; init; }

    /// <summary><c>percentage</c>: transactions are free while their running total is within this amount.</summary>
    public decimal? FreeAmount { get; init; }

    /// <summary><c>percentage</c>: least fee of a paid transaction.</summary>
    public decimal? MinPerTransaction { get; init; }

    /// <summary><c>percentage</c>: greatest fee of a paid transaction.</summary>
    public decimal? MaxPerTransaction { get; init; }

    /// <summary><c>dynamic</c>: factor on the amounts that the events carry. Default 1.</summary>
    public decimal Multiplier { get; init; } = 1m;

    /// <summary><c>matrix</c>: the event properties that choose the cell.</summary>
    public EquatableList<string> Dimensions { get; init; } = [];

    /// <summary><c>matrix</c>: the cells.</summary>
    public EquatableList<PriceCell> Cells { get; init; } = [];

    /// <summary><c>matrix</c>: price of an event that no cell matches; without one such an event is <c>no-matching-price</c>.</summary>
    public Price? Default { get; init; }

    /// <summary><c>rateDeck</c>: code of the deck.</summary>
    public string? Deck { get; init; }

    /// <summary><c>custom</c>: name of the pricing task.</summary>
    public string? Task { get; init; }

    /// <summary><c>custom</c>: the task's parameters, a JSON object.</summary>
    public string? Parameters { get; init; }

    /// <summary>Modifier, first: converts the quantity.</summary>
    public UnitConversion? UnitConversion { get; init; }

    /// <summary>Modifier, second: units that cost nothing, taken off the quantity.</summary>
    public decimal? IncludedQuantity { get; init; }

    /// <summary>Modifier, after the price: percent off.</summary>
    public decimal? DiscountPercent { get; init; }

    /// <summary>Modifier: greatest amount per period, prorated like the charge.</summary>
    public decimal? MaximumAmount { get; init; }

    /// <summary>Modifier: least amount per period, prorated like the charge; holds at quantity 0 too.</summary>
    public decimal? MinimumAmount { get; init; }

    /// <summary>Identity of the price: prices that are equal by value have one, whichever plan they come from.</summary>
    internal string Key => Derived<Price, string>.Of(ref _key, this, static price => KeyOf(CatalogJson.Write(price)));

    /// <summary>The identity of the price of a charge whose parts of periods cost as much as whole ones.</summary>
    internal string UnproratedKey => Derived<Price, string>.Of(ref _unproratedKey, this, static price => KeyOf(CatalogJson.Write(price) + "!"));

    /// <summary>A flat price.</summary>
    public static Price Flat(decimal amount) => new() { Model = PriceModels.Flat, Amount = amount };

    /// <summary>A price per unit.</summary>
    public static Price PerUnit(decimal unitAmount) => new() { Model = PriceModels.PerUnit, UnitAmount = unitAmount };

    /// <summary>Each unit at the price of the tier that it falls in.</summary>
    public static Price Graduated(params PriceTier[] tiers) => new() { Model = PriceModels.Graduated, Tiers = [.. tiers] };

    /// <summary>All units at the price of the one tier that the quantity falls in.</summary>
    public static Price Volume(params PriceTier[] tiers) => new() { Model = PriceModels.Volume, Tiers = [.. tiers] };

    /// <summary>A price per started package.</summary>
    public static Price Package(decimal packageSize, decimal packageAmount, decimal freeUnits = 0m) =>
        new() { Model = PriceModels.Package, PackageSize = packageSize, PackageAmount = packageAmount, FreeUnits = freeUnits };

    private static string KeyOf(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)), 0, 8);
}

/// <summary>The names of the built-in price models.</summary>
public static class PriceModels
{
    /// <summary>An amount, once, whatever the quantity.</summary>
    public const string Flat = "flat";

    /// <summary>Quantity × unit amount.</summary>
    public const string PerUnit = "perUnit";

    /// <summary>Each unit at the price of the tier that it falls in.</summary>
    public const string Graduated = "graduated";

    /// <summary>All units at the price of the one tier that the quantity falls in.</summary>
    public const string Volume = "volume";

    /// <summary>The flat amount of the one tier that the quantity falls in.</summary>
    public const string Stairstep = "stairstep";

    /// <summary>Started packages × package amount.</summary>
    public const string Package = "package";

    /// <summary>Percent of the amounts of transactions.</summary>
    public const string Percentage = "percentage";

    /// <summary>Percent by tiers.</summary>
    public const string GraduatedPercentage = "graduatedPercentage";

    /// <summary>Amounts that the events carry.</summary>
    public const string Dynamic = "dynamic";

    /// <summary>A price per combination of event properties.</summary>
    public const string Matrix = "matrix";

    /// <summary>A rate deck, by destination prefix and time band.</summary>
    public const string RateDeck = "rateDeck";

    /// <summary>A pricing task of a plugin.</summary>
    public const string Custom = "custom";
}

/// <summary>One tier of a price.</summary>
public sealed record PriceTier
{
    /// <summary>Greatest quantity in the tier (inclusive); <see langword="null"/> for the last tier.</summary>
    public decimal? UpTo { get; init; }

    /// <summary>Amount of one unit in the tier.</summary>
    public decimal UnitAmount { get; init; }

    /// <summary>Amount charged once when the tier is entered.</summary>
    public decimal FlatAmount { get; init; }

    /// <summary><c>graduatedPercentage</c>: percent of the part of the quantity in the tier.</summary>
    public decimal Rate { get; init; }
}

/// <summary>One cell of a matrix price.</summary>
public sealed record PriceCell
{
    /// <summary>Dimension → value that an event must have.</summary>
    public required EquatableMap<string> Match { get; init; }

    /// <summary>The price of the events in the cell.</summary>
    public required Price Price { get; init; }
}

/// <summary>Division of a quantity before it is priced (bytes → gigabytes).</summary>
public sealed record UnitConversion
{
    /// <summary>The divisor, above zero.</summary>
    public required decimal DivideBy { get; init; }

    /// <summary>How the quotient is rounded; <see langword="null"/>: not at all.</summary>
    public RoundingMode? Round { get; init; }

    /// <summary>Decimals kept when rounding. Default 0.</summary>
    public int Scale { get; init; }
}
