using Billing.Catalog;

namespace Billing.Tests.Catalog;

public class CatalogValidatorTests
{
    [Theory]
    [InlineData("""{ "model": "graduated", "tiers": [] }""", "tiers")]
    [InlineData("""{ "model": "graduated", "tiers": [ { "upTo": "10" } ] }""", "tiers[0].upTo")]
    [InlineData("""{ "model": "graduated", "tiers": [ { "upTo": null }, { "upTo": null } ] }""", "tiers[0].upTo")]
    [InlineData("""{ "model": "volume", "tiers": [ { "upTo": "10" }, { "upTo": "10" }, { "upTo": null } ] }""", "tiers[1].upTo")]
    [InlineData("""{ "model": "volume", "tiers": [ { "upTo": "0" }, { "upTo": null } ] }""", "tiers[0].upTo")]
    [InlineData("""{ "model": "volume", "tiers": [ { "upTo": null, "unitAmount": "-1" } ] }""", "tiers[0].unitAmount")]
    [InlineData("""{ "model": "flat", "amount": "-1" }""", "amount")]
    [InlineData("""{ "model": "perUnit", "unitAmount": "0.0000000000001" }""", "unitAmount")]
    [InlineData("""{ "model": "perUnit", "unitAmount": "1000000000000000" }""", "unitAmount")]
    [InlineData("""{ "model": "perUnit", "unitAmount": "1", "discountPercent": "101" }""", "discountPercent")]
    [InlineData("""{ "model": "perUnit", "unitAmount": "1", "minimumAmount": "-1" }""", "minimumAmount")]
    [InlineData("""{ "model": "perUnit", "unitAmount": "1", "unitConversion": { "divideBy": "0" } }""", "unitConversion.divideBy")]
    [InlineData("""{ "model": "package", "packageSize": "0", "packageAmount": "1" }""", "packageSize")]
    [InlineData("""{ "model": "percentage", "rate": "1", "minPerTransaction": "2", "maxPerTransaction": "1" }""", "minPerTransaction")]
    [InlineData("""{ "model": "percentage", "rate": "1", "freeTransactions": "1.5" }""", "freeTransactions")]
    [InlineData("""{ "model": "matrix", "dimensions": [], "cells": [] }""", "dimensions")]
    [InlineData("""{ "model": "matrix", "dimensions": ["a"], "cells": [ { "match": { "b": "1" }, "price": { "model": "flat", "amount": "1" } } ] }""", "cells[0].match.b")]
    [InlineData("""{ "model": "matrix", "dimensions": ["a"], "cells": [ { "match": { "a": "1" }, "price": { "model": "flat", "amount": "-1" } } ] }""", "cells[0].price.amount")]
    [InlineData("""{ "model": "rateDeck", "deck": "d", "includedQuantity": "1" }""", "includedQuantity")]
    public void A_price_that_makes_no_sense_is_named(string json, string key) =>
        Assert.Contains(key, CatalogValidator.Check(CatalogJson.ReadPrice(Parse(json), "")).Select(p => p.Key));

    [Theory]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "usage", "price": { "model": "flat", "amount": "1" } } ] } ] }""", "validation", "plan", "charges[c].meter")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "usage", "meter": "x", "price": { "model": "flat", "amount": "1" } } ] } ] }""", "unknown-meter", "plan", "charges[c].meter")]
    [InlineData("""{ "meters": [ { "code": "m", "eventType": "t", "aggregation": "count" } ], "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "usage", "meter": "m", "price": { "model": "rateDeck", "deck": "x" } } ] } ] }""", "not-found", "plan", "charges[c].price.deck")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "installment", "price": { "model": "flat", "amount": "1" } } ] } ] }""", "validation", "plan", "charges[c].count")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "recurring", "price": { "model": "matrix", "dimensions": ["a"], "cells": [] } } ] } ] }""", "validation", "plan", "charges[c].price.model")]
    [InlineData("""{ "plans": [ { "code": "p", "charges": [ { "code": "c", "type": "oneTime", "price": { "model": "flat", "amount": "1" } } ], "phases": [ { "type": "evergreen" } ] } ] }""", "validation", "plan", "phases")]
    [InlineData("""{ "plans": [ { "code": "p", "phases": [ { "type": "trial" }, { "type": "evergreen" } ] } ] }""", "validation", "plan", "phases[0].duration")]
    [InlineData("""{ "plans": [ { "code": "p", "phases": [ { "type": "trial", "duration": "PT5H" } ] } ] }""", "validation", "plan", "phases[0].duration")]
    [InlineData("""{ "plans": [ { "code": "p", "phases": [ { "type": "trial", "duration": "30 days" } ] } ] }""", "validation", "plan", "phases[0].duration")]
    [InlineData("""{ "plans": [ { "code": "p", "currency": "EURO" } ] }""", "validation", "plan", "currency")]
    [InlineData("""{ "plans": [ { "code": "p" }, { "code": "p" } ] }""", "duplicate", "plan", "code")]
    [InlineData("""{ "coupons": [ { "code": "c" } ] }""", "validation", "coupon", "percentOff")]
    [InlineData("""{ "coupons": [ { "code": "c", "percentOff": "5", "amountOff": "5" } ] }""", "validation", "coupon", "percentOff")]
    [InlineData("""{ "coupons": [ { "code": "c", "percentOff": "5", "duration": "repeating" } ] }""", "validation", "coupon", "periods")]
    [InlineData("""{ "coupons": [ { "code": "c", "percentOff": "5", "plans": ["none"] } ] }""", "unknown-plan", "coupon", "plans")]
    [InlineData("""{ "coupons": [ { "code": "c", "percentOff": "5", "until": "soon" } ] }""", "validation", "coupon", "until")]
    [InlineData("""{ "decks": [ { "code": "d", "rates": [ { "prefix": "1", "bands": [ { "unitAmount": "1", "from": 5 } ] } ] } ] }""", "validation", "deck", "rates[1].bands")]
    [InlineData("""{ "decks": [ { "code": "d", "rates": [ { "prefix": "1", "bands": [ { "unitAmount": "1", "when": "peak" } ] } ] } ] }""", "validation", "deck", "rates[1].bands[0].when")]
    [InlineData("""{ "decks": [ { "code": "d", "timeZone": "Mars/Olympus", "rates": [] } ] }""", "validation", "deck", "timeZone")]
    [InlineData("""{ "decks": [ { "code": "d", "rates": [], "timeBands": [ { "code": "x", "from": "20:00", "to": "08:00" } ] } ] }""", "validation", "deck", "timeBands[0].to")]
    [InlineData("""{ "decks": [ { "code": "d", "rates": [], "timeBands": [ { "code": "x", "days": "mon-foo", "from": "20:00", "to": "24:00" } ] } ] }""", "validation", "deck", "timeBands[0].days")]
    public void A_catalog_that_makes_no_sense_is_named_with_object_and_key(string json, string code, string subject, string key)
    {
        var problems = CatalogValidator.Check(CatalogJson.Read(json));

        Assert.Contains((code, subject, key), problems.Select(p => (p.Code, p.Subject, p.Key)));
        Assert.Equal(problems[0].Code, Assert.Throws<BillingException>(() => CatalogValidator.ThrowIfInvalid(CatalogJson.Read(json))).Code);
    }

    [Fact]
    public void A_catalog_without_faults_passes()
    {
        CatalogValidator.ThrowIfInvalid(CatalogDefinition.Empty);
        CatalogValidator.ThrowIfInvalid(CatalogJson.Read("""
            { "plans": [ { "code": "p", "phases": [ { "type": "trial", "duration": "P1Y2M3W4D" }, { "type": "evergreen" } ] } ],
              "decks": [ { "code": "d", "rates": [ { "prefix": "", "bands": [ { "unitAmount": "0" } ] } ], "timeBands": [ { "code": "x", "days": "fri-mon, wed", "from": "08:00", "to": "24:00" } ] } ] }
            """));
    }

    private static System.Text.Json.JsonElement Parse(string json)
    {
        using var document = System.Text.Json.JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
