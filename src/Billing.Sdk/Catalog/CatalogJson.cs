using System.Text.Json;

namespace Billing.Catalog;

/// <summary>Reads and writes catalogs as JSON. The keys stand in docs/concepts/pricing.md.</summary>
/// <remarks>
/// Reading is strict: unknown, missing and ill-typed keys, and keys that do not belong to a price's model, are errors that name the path. It says that
/// the text is a catalog, not that the catalog makes sense: see <see cref="CatalogValidator"/>. What is written reads back equal. Pure and thread-safe.
/// </remarks>
public static class CatalogJson
{
    /// <summary>Reads a catalog.</summary>
    /// <exception cref="BillingException">With code <c>validation</c> and the path as key.</exception>
    public static CatalogDefinition Read(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement);
        }
        catch (JsonException unreadable)
        {
            throw new BillingException(BillingErrorCodes.Validation, $"The catalog is no JSON: {unreadable.Message}", unreadable) { Subject = "catalog" };
        }
    }

    /// <summary>Reads a catalog.</summary>
    /// <param name="element">The catalog object.</param>
    /// <param name="path">Its path in the file. Default: the root.</param>
    /// <exception cref="BillingException">With code <c>validation</c> and the path as key.</exception>
    public static CatalogDefinition Read(JsonElement element, string path = "")
    {
        var fields = new JsonFields(element, path);
        var catalog = new CatalogDefinition
        {
            Meters = List(fields, "meters", (e, p) => ReadMeter(e, p)),
            Plans = List(fields, "plans", ReadPlan),
            Coupons = List(fields, "coupons", ReadCoupon),
            Decks = List(fields, "decks", ReadDeck),
        };
        fields.End();
        return catalog;
    }

    /// <summary>Reads one price.</summary>
    /// <inheritdoc cref="Read(JsonElement, string)" path="/exception"/>
    public static Price ReadPrice(JsonElement element, string path) => PriceJson.Read(element, path);

    /// <summary>Reads one meter.</summary>
    /// <param name="element">The meter object.</param>
    /// <param name="path">Its path in the file.</param>
    /// <param name="defaultEventType">The event type of a meter that names none. Default: it must name one.</param>
    /// <inheritdoc cref="Read(JsonElement, string)" path="/exception"/>
    public static Meter ReadMeter(JsonElement element, string path, string? defaultEventType = null)
    {
        var fields = new JsonFields(element, path);
        var aggregation = fields.Word<MeterAggregation>("aggregation");
        var custom = aggregation == MeterAggregation.Custom;
        var meter = new Meter
        {
            Code = fields.Text("code"),
            EventType = defaultEventType is null ? fields.Text("eventType") : fields.OptionalText("eventType") ?? defaultEventType,
            Aggregation = aggregation,
            Field = aggregation is MeterAggregation.Count or MeterAggregation.Custom ? fields.OptionalText("field") : fields.Text("field"),
            Filter = ReadFilter(fields),
            GroupBy = fields.Texts("groupBy"),
            Rounding = fields.OptionalFields("rounding") is { } rounding ? ReadRounding(rounding) : null,
            CarryOver = fields.Flag("carryOver", false),
            Percentile = aggregation == MeterAggregation.Percentile ? fields.Number("percentile") : null,
            Task = custom ? fields.Text("task") : null,
            AllowNegative = fields.Flag("allowNegative", false),
        };
        fields.End();
        return meter;
    }

    /// <summary>Reads a rounding: <c>{ "scale": 2, "mode": "halfUp" }</c>.</summary>
    public static QuantityRounding ReadRounding(JsonFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var rounding = new QuantityRounding(fields.Integer("scale"), fields.Word<RoundingMode>("mode"));
        fields.End();
        return rounding.Scale is >= -20 and <= 28
            ? rounding
            : throw JsonFields.Error(fields.PathOf("scale"), $"{rounding.Scale} is not within -20 and 28.");
    }

    /// <summary>Reads one rate deck.</summary>
    /// <inheritdoc cref="Read(JsonElement, string)" path="/exception"/>
    public static RateDeck ReadDeck(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var deck = new RateDeck
        {
            Code = fields.Text("code"),
            Rates = [.. fields.RequiredItems("rates").Select(i => ReadRate(i.Value, i.Path))],
            TimeBands = List(fields, "timeBands", ReadTimeBand),
            RoundingScale = fields.OptionalInteger("roundingScale"),
            RoundingMode = fields.OptionalWord<RoundingMode>("roundingMode") ?? default,
            SplitAtBands = fields.Flag("splitAtBands", false),
            TimeZone = fields.OptionalText("timeZone"),
        };
        fields.End();
        return deck;
    }

    /// <summary>Reads one plan.</summary>
    /// <inheritdoc cref="Read(JsonElement, string)" path="/exception"/>
    public static Plan ReadPlan(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var plan = new Plan
        {
            Code = fields.Text("code"),
            Name = fields.OptionalText("name"),
            Currency = fields.OptionalText("currency"),
            Interval = ReadInterval(fields) ?? BillingInterval.Monthly,
            TrialDays = fields.OptionalInteger("trialDays") ?? 0,
            Charges = List(fields, "charges", ReadCharge),
            Phases = List(fields, "phases", ReadPhase),
            MinimumCommitment = fields.OptionalNumber("minimumCommitment"),
            Product = fields.OptionalText("product"),
        };
        fields.End();
        return plan;
    }

    /// <summary>Reads one coupon.</summary>
    /// <inheritdoc cref="Read(JsonElement, string)" path="/exception"/>
    public static Coupon ReadCoupon(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var coupon = new Coupon
        {
            Code = fields.Text("code"),
            PercentOff = fields.OptionalNumber("percentOff"),
            AmountOff = fields.OptionalNumber("amountOff"),
            Duration = fields.OptionalWord<CouponDuration>("duration") ?? CouponDuration.Once,
            Periods = fields.OptionalInteger("periods"),
            Plans = fields.Texts("plans"),
            Charges = fields.Texts("charges"),
            MaxRedemptions = fields.OptionalInteger("maxRedemptions"),
            Until = fields.OptionalText("until"),
        };
        fields.End();
        return coupon;
    }

    /// <summary>Writes a catalog, indented; keys with default values are left out.</summary>
    public static string Write(CatalogDefinition catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return CatalogWriter.Write(catalog);
    }

    /// <summary>Writes one price on one line.</summary>
    public static string Write(Price price)
    {
        ArgumentNullException.ThrowIfNull(price);
        return CatalogWriter.Write(price);
    }

    private static Charge ReadCharge(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var type = fields.Word<ChargeType>("type");
        var charge = new Charge
        {
            Code = fields.Text("code"),
            Name = fields.OptionalText("name"),
            Type = type,
            Timing = fields.OptionalWord<ChargeTiming>("timing") ?? CatalogWriter.DefaultTiming(type),
            Price = ReadPrice(fields.Required("price"), fields.PathOf("price")),
            Meter = fields.OptionalText("meter"),
            Prorate = fields.Flag("prorate", true),
            Interval = ReadInterval(fields),
            Count = fields.OptionalInteger("count"),
            TaxCode = fields.OptionalText("taxCode"),
            IncludedIn = fields.OptionalText("includedIn"),
            CurrencyPrices = ReadCurrencyPrices(fields),
        };
        fields.End();
        return charge;
    }

    private static EquatableMap<Price> ReadCurrencyPrices(JsonFields charge)
    {
        if (charge.OptionalFields("currencyPrices") is not { } prices)
        {
            return EquatableMap<Price>.Empty;
        }

        var result = new EquatableMap<Price>(prices.Keys.Select(code => KeyValuePair.Create(code, ReadPrice(prices.Required(code), prices.PathOf(code)))));
        prices.End();
        return result;
    }

    private static PlanPhase ReadPhase(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var phase = new PlanPhase
        {
            Type = fields.Word<PhaseType>("type"),
            Duration = fields.OptionalText("duration"),
            Charges = List(fields, "charges", ReadCharge),
        };
        fields.End();
        return phase;
    }

    private static BillingInterval? ReadInterval(JsonFields fields)
    {
        var unit = fields.OptionalWord<IntervalUnit>("interval");
        var count = fields.OptionalInteger("intervalCount");
        if (count < 1)
        {
            throw JsonFields.Error(fields.PathOf("intervalCount"), "An interval has at least one unit.");
        }

        return unit is null && count is not null
            ? throw JsonFields.Error(fields.PathOf("interval"), "The key is missing: a count needs a unit.")
            : unit is { } known ? new BillingInterval(known, count ?? 1) : null;
    }

    private static EquatableMap<EquatableList<string>> ReadFilter(JsonFields fields)
    {
        if (fields.OptionalFields("filter") is not { } filter)
        {
            return EquatableMap<EquatableList<string>>.Empty;
        }

        return new EquatableMap<EquatableList<string>>(filter.Keys.Select(k => KeyValuePair.Create(k, Values(k))));

        EquatableList<string> Values(string property) => [.. filter.RequiredItems(property).Select(i => JsonFields.ScalarOf(i.Value, i.Path))];
    }

    private static DeckRate ReadRate(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var rate = new DeckRate
        {
            Prefix = fields.Text("prefix"),
            Name = fields.OptionalText("name"),
            ConnectFee = fields.OptionalNumber("connectFee") ?? 0m,
            ChargeZeroDuration = fields.Flag("chargeZeroDuration", false),
            Bands = [.. fields.RequiredItems("bands").Select(i => ReadBand(i.Value, i.Path))],
        };
        fields.End();
        return rate;
    }

    private static DeckRateBand ReadBand(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var band = new DeckRateBand
        {
            When = fields.OptionalText("when"),
            UnitAmount = fields.Number("unitAmount"),
            Per = fields.OptionalNumber("per") ?? 60m,
            Initial = fields.OptionalNumber("initial") ?? 0m,
            Increment = fields.OptionalNumber("increment") ?? 1m,
            From = fields.OptionalNumber("from") ?? 0m,
        };
        fields.End();
        return band;
    }

    private static TimeBand ReadTimeBand(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var band = new TimeBand
        {
            Code = fields.Text("code"),
            Days = fields.Optional("days") is { ValueKind: JsonValueKind.Array } ? string.Join(',', fields.Texts("days")) : fields.OptionalText("days"),
            From = fields.Text("from"),
            To = fields.Text("to"),
        };
        fields.End();
        return band;
    }

    private static EquatableList<T> List<T>(JsonFields fields, string key, Func<JsonElement, string, T> read) =>
        [.. fields.Items(key).Select(i => read(i.Value, i.Path))];
}
