using System.Text.Json;
using Billing.Catalog;
using Billing.Testing.Scenarios;

namespace Billing.Tests.Catalog;

public class CatalogJsonTests
{
    private const string Full = """
        { "meters": [ { "code": "m", "eventType": "t", "aggregation": "percentile", "percentile": 95, "field": "n", "filter": { "r": ["eu", "us"] },
              "groupBy": ["model"], "rounding": { "scale": -2, "mode": "up" }, "carryOver": true, "allowNegative": true },
            { "code": "c", "eventType": "t", "aggregation": "custom", "task": "acme/agg" } ],
          "coupons": [ { "code": "ten", "percentOff": "10", "duration": "repeating", "periods": 3, "plans": ["pro"], "charges": ["base"], "maxRedemptions": 5, "until": "2025-01-01" } ],
          "decks": [ { "code": "retail", "rates": [ { "prefix": "49", "name": "Germany", "connectFee": "0.05", "chargeZeroDuration": true,
              "bands": [ { "when": "peak", "unitAmount": "0.10", "per": 60, "initial": 30, "increment": 6, "from": 0 }, { "unitAmount": "0.01" } ] } ],
              "timeBands": [ { "code": "peak", "days": ["mon", "tue"], "from": "08:00", "to": "24:00" } ], "roundingScale": 4, "roundingMode": "halfEven", "splitAtBands": true, "timeZone": "Europe/Berlin" } ],
          "plans": [ { "code": "pro", "name": "Pro", "product": "app", "currency": "EUR", "interval": "month", "intervalCount": 3, "trialDays": 14, "minimumCommitment": "100",
              "charges": [
                { "code": "base", "type": "recurring", "timing": "inArrears", "price": { "model": "flat", "amount": 20.50 }, "taxCode": "t", "includedIn": "x", "name": "Base", "prorate": false, "interval": "week", "intervalCount": 2 },
                { "code": "parts", "type": "installment", "count": 3, "price": { "model": "perUnit", "unitAmount": "0.000000000001" } },
                { "code": "use", "type": "usage", "meter": "m", "price": { "model": "matrix", "dimensions": ["r"], "cells": [ { "match": { "r": "eu" },
                    "price": { "model": "percentage", "rate": "1.5", "fixedAmount": "0.3", "freeTransactions": 2, "freeAmount": "10", "minPerTransaction": "1", "maxPerTransaction": "9" } } ],
                    "default": { "model": "package", "packageSize": "10", "packageAmount": "5", "freeUnits": "2" }, "minimumAmount": "5", "maximumAmount": "50", "discountPercent": "12.5" } },
                { "code": "deck", "type": "usage", "meter": "m", "timing": "inAdvance", "price": { "model": "rateDeck", "deck": "retail" } },
                { "code": "own", "type": "usage", "meter": "m", "price": { "model": "custom", "task": "acme/price", "parameters": { "a": [1, "x"] }, "unitConversion": { "divideBy": "1000", "round": "none" }, "includedQuantity": "5" } },
                { "code": "tiers", "type": "usage", "meter": "m", "price": { "model": "graduatedPercentage", "flatOnZero": true, "tiers": [ { "upTo": "10", "rate": "1", "flatAmount": "2" }, { "upTo": null, "rate": "0" } ], "unitConversion": { "divideBy": 2, "round": "halfUp", "scale": 1 } } },
                { "code": "steps", "type": "usage", "meter": "m", "price": { "model": "stairstep", "tiers": [ { "upTo": null, "flatAmount": "0" } ] } } ] },
            { "code": "phased", "phases": [ { "type": "fixedTerm", "duration": "P3M", "charges": [] }, { "type": "evergreen", "duration": null,
                "charges": [ { "code": "d", "type": "oneTime", "price": { "model": "dynamic", "multiplier": "2" } } ] } ] } ] }
        """;

    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(ScenarioFiles.Root, "*.json", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(ScenarioFiles.Root, f)).Order(StringComparer.Ordinal)];

    [Fact]
    public void Every_key_survives_writing_and_reading()
    {
        var catalog = CatalogJson.Read(Full);

        Assert.Equal(catalog, CatalogJson.Read(CatalogJson.Write(catalog)));
        Assert.Empty(CatalogValidator.Check(catalog).Select(p => p.ToException().Message));
    }

    [Fact]
    public void Every_key_of_the_format_is_read()
    {
        var catalog = CatalogJson.Read(Full);
        var plan = catalog.Plan("pro");

        Assert.Equal(new BillingInterval(IntervalUnit.Month, 3), plan.Interval);
        Assert.Equal(20.50m, plan.Charges[0].Price.Amount);
        Assert.Equal((ChargeTiming.InArrears, false, (BillingInterval?)new BillingInterval(IntervalUnit.Week, 2)), (plan.Charges[0].Timing, plan.Charges[0].Prorate, plan.Charges[0].Interval));
        Assert.Equal((ChargeTiming.InAdvance, 3), (plan.Charges[1].Timing, plan.Charges[1].Count));
        Assert.Equal(ChargeTiming.InArrears, plan.Charges[2].Timing);
        Assert.Equal("{\"a\":[1,\"x\"]}", plan.Charges[4].Price.Parameters);
        Assert.Null(plan.Charges[4].Price.UnitConversion!.Round);
        Assert.Equal(BillingInterval.Monthly, catalog.Plan("phased").Interval);
        Assert.Equal("mon,tue", catalog.Decks[0].TimeBands[0].Days);
        Assert.Equal(NodaTime.Period.FromMonths(3), catalog.Plan("phased").Phases[0].Length);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_catalogs_prices_meters_and_decks_of_scenario_files_survive_writing_and_reading(string file)
    {
        var catalogs = new List<CatalogDefinition>();
        Collect(ScenarioJson.ReadFile(ScenarioFiles.PathOf(file)), "", catalogs);

        Assert.NotEmpty(catalogs);
        Assert.All(catalogs, c => Assert.Equal(c, CatalogJson.Read(CatalogJson.Write(c))));
    }

    [Theory]
    [InlineData("""{ "plan": [] }""", "plan")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ {}, { "code": "c", "type": "recurring", "price": { "model": "perUnit", "unitAmonut": "1" } } ] } ] }""", "plans[0].charges[0].type")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "perUnit", "unitAmount": "1", "unitAmonut": "1" } } ] } ] }""", "plans[0].charges[0].price.unitAmonut")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "perUnit" } } ] } ] }""", "plans[0].charges[0].price.unitAmount")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "flat", "amount": null } } ] } ] }""", "plans[0].charges[0].price.amount")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "flat", "amount": 1e2 } } ] } ] }""", "plans[0].charges[0].price.amount")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "flat", "amount": "1", "tiers": [] } } ] } ] }""", "plans[0].charges[0].price.tiers")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "stairstep", "tiers": [ { "upTo": null, "flatAmount": "1", "unitAmount": "1" } ] } } ] } ] }""", "plans[0].charges[0].price.tiers[0].unitAmount")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "volume", "tiers": [ { "unitAmount": "1" } ] } } ] } ] }""", "plans[0].charges[0].price.tiers[0].upTo")]
    [InlineData("""{ "plans": [ { "code": "p", "phases": [ { "type": "Trial" } ] } ] }""", "plans[0].phases[0].type")]
    [InlineData("""{ "plans": [ { "code": "p", "intervalCount": 3 } ] }""", "plans[0].interval")]
    [InlineData("""{ "meters": [ { "code": "m", "eventType": "t", "aggregation": "sum" } ] }""", "meters[0].field")]
    [InlineData("""{ "meters": [ { "code": "m", "eventType": "t", "aggregation": "count", "percentile": 5 } ] }""", "meters[0].percentile")]
    [InlineData("""{ "meters": [ { "code": "m", "code": "m", "eventType": "t", "aggregation": "count" } ] }""", "meters[0].code")]
    [InlineData("""{ "meters": {} }""", "meters")]
    [InlineData("""{ "decks": [ { "code": "d", "rates": [ { "prefix": 49, "bands": [] } ] } ] }""", "decks[0].rates[0].prefix")]
    [InlineData("""{ "coupons": [ { "code": "c", "percentOff": "10", "periods": 1.5 } ] }""", "coupons[0].periods")]
    public void What_does_not_belong_there_is_refused_with_its_path(string json, string path)
    {
        var error = Assert.Throws<BillingException>(() => CatalogJson.Read(json));

        Assert.Equal((BillingErrorCodes.Validation, path), (error.Code, error.Key));
    }

    [Fact]
    public void What_is_no_json_is_refused() => Assert.Equal(BillingErrorCodes.Validation, Assert.Throws<BillingException>(() => CatalogJson.Read("{")).Code);

    [Theory]
    [InlineData("\"0.1\"", "0.1")]
    [InlineData("0.1", "0.1")]
    [InlineData("\"-5.0\"", "-5")]
    [InlineData("1234567890123456789012345678", "1234567890123456789012345678")]
    [InlineData("\"0.00000000000000000000\"", "0")]
    public void Decimals_are_read_from_their_text(string json, string expected) =>
        Assert.Equal(decimal.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), JsonFields.NumberOf(Element(json), "x"));

    [Theory]
    [InlineData("1e3")]
    [InlineData("\"1E3\"")]
    [InlineData("\"+1\"")]
    [InlineData("\".5\"")]
    [InlineData("\"5.\"")]
    [InlineData("\"1,5\"")]
    [InlineData("\" 1\"")]
    [InlineData("\"\"")]
    [InlineData("true")]
    [InlineData("0.12345678901234567890123456789")]
    [InlineData("99999999999999999999999999999999")]
    public void What_is_no_plain_decimal_is_refused(string json) => Assert.Throws<BillingException>(() => JsonFields.NumberOf(Element(json), "x"));

    private static JsonElement Element(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    // Whole catalogs of lifecycles; prices, meters and decks of the other kinds, each in a catalog of its own.
    private static void Collect(JsonElement element, string key, List<CatalogDefinition> catalogs)
    {
        if (key == "catalog")
        {
            catalogs.Add(CatalogJson.Read(element));
        }
        else if (key == "price")
        {
            catalogs.Add(new CatalogDefinition { Plans = [new Plan { Code = "p", Charges = [new Charge { Code = "c", Type = ChargeType.OneTime, Price = CatalogJson.ReadPrice(element, "price") }] }] });
        }
        else if (key == "meter" && element.ValueKind == JsonValueKind.Object)
        {
            catalogs.Add(new CatalogDefinition { Meters = [CatalogJson.ReadMeter(element, "meter", "usage")] });
        }
        else if (key == "decks")
        {
            catalogs.Add(new CatalogDefinition { Decks = [.. JsonFields.ItemsOf(element, "decks").Select(i => CatalogJson.ReadDeck(i.Value, i.Path))] });
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                Collect(property.Value, property.Name, catalogs);
            }
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Collect(item, "", catalogs);
            }
        }
    }
}
