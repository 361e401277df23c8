using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Billing.Catalog;

/// <summary>Writes what <see cref="CatalogJson"/> reads. Keys with default values are left out.</summary>
internal sealed class CatalogWriter
{
    private readonly Utf8JsonWriter _json;

    private CatalogWriter(Utf8JsonWriter json) => _json = json;

    public static string Write(CatalogDefinition catalog) => ToText(indented: true, w => w.Catalog(catalog));

    public static string Write(Price price) => ToText(indented: false, w => w.Price(price));

    public static ChargeTiming DefaultTiming(ChargeType type) => type == ChargeType.Usage ? ChargeTiming.InArrears : ChargeTiming.InAdvance;

    private static string ToText(bool indented, Action<CatalogWriter> write)
    {
        using var stream = new MemoryStream();
        var options = new JsonWriterOptions { Indented = indented, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            write(new CatalogWriter(json));
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private void Catalog(CatalogDefinition catalog)
    {
        _json.WriteStartObject();
        List("meters", catalog.Meters, Meter);
        List("coupons", catalog.Coupons, Coupon);
        List("decks", catalog.Decks, Deck);
        List("plans", catalog.Plans, Plan);
        _json.WriteEndObject();
    }

    private void Meter(Meter meter)
    {
        _json.WriteStartObject();
        Text("code", meter.Code);
        Text("eventType", meter.EventType);
        Word("aggregation", meter.Aggregation);
        Text("field", meter.Field);
        if (meter.Filter.Count > 0)
        {
            _json.WriteStartObject("filter");
            foreach (var (property, values) in meter.Filter)
            {
                _json.WriteStartArray(property);
                foreach (var value in values)
                {
                    _json.WriteStringValue(value);
                }

                _json.WriteEndArray();
            }

            _json.WriteEndObject();
        }

        Texts("groupBy", meter.GroupBy);
        if (meter.Rounding is { } rounding)
        {
            _json.WriteStartObject("rounding");
            _json.WriteNumber("scale", rounding.Scale);
            Word("mode", rounding.Mode);
            _json.WriteEndObject();
        }

        Flag("carryOver", meter.CarryOver, byDefault: false);
        Number("percentile", meter.Percentile);
        Text("task", meter.Task);
        Flag("allowNegative", meter.AllowNegative, byDefault: false);
        _json.WriteEndObject();
    }

    private void Coupon(Coupon coupon)
    {
        _json.WriteStartObject();
        Text("code", coupon.Code);
        Number("percentOff", coupon.PercentOff);
        Number("amountOff", coupon.AmountOff);
        Word("duration", coupon.Duration);
        Integer("periods", coupon.Periods);
        Texts("plans", coupon.Plans);
        Texts("charges", coupon.Charges);
        Integer("maxRedemptions", coupon.MaxRedemptions);
        Text("until", coupon.Until);
        _json.WriteEndObject();
    }

    private void Deck(RateDeck deck)
    {
        _json.WriteStartObject();
        Text("code", deck.Code);
        _json.WriteStartArray("rates");
        foreach (var rate in deck.Rates)
        {
            Rate(rate);
        }

        _json.WriteEndArray();
        List("timeBands", deck.TimeBands, band =>
        {
            _json.WriteStartObject();
            Text("code", band.Code);
            Text("days", band.Days);
            Text("from", band.From);
            Text("to", band.To);
            _json.WriteEndObject();
        });
        Integer("roundingScale", deck.RoundingScale);
        if (deck.RoundingMode != default)
        {
            Word("roundingMode", deck.RoundingMode);
        }

        Flag("splitAtBands", deck.SplitAtBands, byDefault: false);
        Text("timeZone", deck.TimeZone);
        _json.WriteEndObject();
    }

    private void Rate(DeckRate rate)
    {
        _json.WriteStartObject();
        Text("prefix", rate.Prefix);
        Text("name", rate.Name);
        Number("connectFee", rate.ConnectFee, byDefault: 0m);
        Flag("chargeZeroDuration", rate.ChargeZeroDuration, byDefault: false);
        _json.WriteStartArray("bands");
        foreach (var band in rate.Bands)
        {
            _json.WriteStartObject();
            Text("when", band.When);
            Number("unitAmount", band.UnitAmount);
            Number("per", band.Per);
            Number("initial", band.Initial);
            Number("increment", band.Increment);
            Number("from", band.From);
            _json.WriteEndObject();
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void Plan(Plan plan)
    {
        _json.WriteStartObject();
        Text("code", plan.Code);
        Text("name", plan.Name);
        Text("product", plan.Product);
        Text("currency", plan.Currency);
        Interval(plan.Interval);
        Integer("trialDays", plan.TrialDays == 0 ? null : plan.TrialDays);
        List("charges", plan.Charges, Charge);
        List("phases", plan.Phases, phase =>
        {
            _json.WriteStartObject();
            Word("type", phase.Type);
            Text("duration", phase.Duration);
            List("charges", phase.Charges, Charge);
            _json.WriteEndObject();
        });
        Number("minimumCommitment", plan.MinimumCommitment);
        _json.WriteEndObject();
    }

    private void Charge(Charge charge)
    {
        _json.WriteStartObject();
        Text("code", charge.Code);
        Text("name", charge.Name);
        Word("type", charge.Type);
        if (charge.Timing != DefaultTiming(charge.Type))
        {
            Word("timing", charge.Timing);
        }

        Text("meter", charge.Meter);
        Interval(charge.Interval);
        Integer("count", charge.Count);
        Flag("prorate", charge.Prorate, byDefault: true);
        Text("taxCode", charge.TaxCode);
        Text("includedIn", charge.IncludedIn);
        _json.WritePropertyName("price");
        Price(charge.Price);
        if (charge.CurrencyPrices.Count > 0)
        {
            _json.WriteStartObject("currencyPrices");
            foreach (var (currency, price) in charge.CurrencyPrices)
            {
                _json.WritePropertyName(currency);
                Price(price);
            }

            _json.WriteEndObject();
        }

        _json.WriteEndObject();
    }

    private void Price(Price price)
    {
        _json.WriteStartObject();
        Text("model", price.Model);
        Number("amount", price.Amount);
        Number("unitAmount", price.UnitAmount);
        List("tiers", price.Tiers, tier => Tier(price.Model, tier));
        Flag("flatOnZero", price.FlatOnZero, byDefault: false);
        Number("packageSize", price.PackageSize);
        Number("packageAmount", price.PackageAmount);
        Number("freeUnits", price.FreeUnits, byDefault: 0m);
        Number("rate", price.Rate);
        Number("fixedAmount", price.FixedAmount, byDefault: 0m);
        Number("freeTransactions", price.FreeTransactions);
        Number("freeAmount", price.FreeAmount);
        Number("minPerTransaction", price.MinPerTransaction);
        Number("maxPerTransaction", price.MaxPerTransaction);
        Number("multiplier", price.Multiplier, byDefault: 1m);
        if (price.Model == PriceModels.Matrix)
        {
            Matrix(price);
        }

        Text("deck", price.Deck);
        Text("task", price.Task);
        if (price.Parameters is { } parameters)
        {
            _json.WritePropertyName("parameters");
            _json.WriteRawValue(parameters);
        }

        Modifiers(price);
        _json.WriteEndObject();
    }

    private void Matrix(Price price)
    {
        _json.WriteStartArray("dimensions");
        foreach (var dimension in price.Dimensions)
        {
            _json.WriteStringValue(dimension);
        }

        _json.WriteEndArray();
        _json.WriteStartArray("cells");
        foreach (var cell in price.Cells)
        {
            _json.WriteStartObject();
            _json.WriteStartObject("match");
            foreach (var (dimension, value) in cell.Match)
            {
                Text(dimension, value);
            }

            _json.WriteEndObject();
            _json.WritePropertyName("price");
            Price(cell.Price);
            _json.WriteEndObject();
        }

        _json.WriteEndArray();
        if (price.Default is { } fallback)
        {
            _json.WritePropertyName("default");
            Price(fallback);
        }
    }

    private void Tier(string model, PriceTier tier)
    {
        _json.WriteStartObject();
        if (tier.UpTo is { } upTo)
        {
            Number("upTo", upTo);
        }
        else
        {
            _json.WriteNull("upTo");
        }

        Number("unitAmount", tier.UnitAmount, byDefault: 0m);
        if (model == PriceModels.GraduatedPercentage)
        {
            Number("rate", tier.Rate);
        }

        if (model == PriceModels.Stairstep || tier.FlatAmount != 0m)
        {
            Number("flatAmount", tier.FlatAmount);
        }

        _json.WriteEndObject();
    }

    private void Modifiers(Price price)
    {
        if (price.UnitConversion is { } conversion)
        {
            _json.WriteStartObject("unitConversion");
            Number("divideBy", conversion.DivideBy);
            Text("round", conversion.Round is { } mode ? JsonFields.WordFor(mode) : "none");
            Integer("scale", conversion.Scale == 0 ? null : conversion.Scale);
            _json.WriteEndObject();
        }

        Number("includedQuantity", price.IncludedQuantity);
        Number("discountPercent", price.DiscountPercent);
        Number("maximumAmount", price.MaximumAmount);
        Number("minimumAmount", price.MinimumAmount);
    }

    private void Interval(BillingInterval? interval)
    {
        if (interval is { } known)
        {
            Word("interval", known.Unit);
            Integer("intervalCount", known.Count == 1 ? null : known.Count);
        }
    }

    private void List<T>(string key, EquatableList<T> items, Action<T> write)
    {
        if (items.Count == 0)
        {
            return;
        }

        _json.WriteStartArray(key);
        foreach (var item in items)
        {
            write(item);
        }

        _json.WriteEndArray();
    }

    private void Texts(string key, EquatableList<string> texts) => List(key, texts, _json.WriteStringValue);

    private void Text(string key, string? value)
    {
        if (value is not null)
        {
            _json.WriteString(key, value);
        }
    }

    private void Word<T>(string key, T value)
        where T : struct, Enum => _json.WriteString(key, JsonFields.WordFor(value));

    private void Integer(string key, int? value)
    {
        if (value is { } number)
        {
            _json.WriteNumber(key, number);
        }
    }

    private void Number(string key, decimal? value)
    {
        if (value is { } number)
        {
            _json.WriteString(key, Rounding.Format(number, 0));
        }
    }

    private void Number(string key, decimal value, decimal byDefault)
    {
        if (value != byDefault)
        {
            Number(key, value);
        }
    }

    private void Flag(string key, bool value, bool byDefault)
    {
        if (value != byDefault)
        {
            _json.WriteBoolean(key, value);
        }
    }
}
