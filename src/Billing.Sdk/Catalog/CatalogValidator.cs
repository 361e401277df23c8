using NodaTime;

namespace Billing.Catalog;

/// <summary>Something that keeps a catalog from being published.</summary>
/// <param name="Code">The stable code: <c>validation</c>, <c>duplicate</c>, <c>unknown-meter</c>, <c>unknown-plan</c> or <c>not-found</c>.</param>
/// <param name="Subject">Kind of the object: <c>meter</c>, <c>plan</c>, <c>coupon</c>, <c>deck</c>, <c>price</c>.</param>
/// <param name="SubjectId">Its code.</param>
/// <param name="Key">The key that is wrong, with the way to it: <c>charges[seat].price.tiers[1].upTo</c>.</param>
/// <param name="Message">What is wrong with it.</param>
public sealed record CatalogProblem(string Code, string Subject, string SubjectId, string Key, string Message)
{
    /// <summary>The problem as the exception that refuses the catalog.</summary>
    public BillingException ToException() => BillingException.For(Code, Subject, SubjectId, Key, Message);
}

/// <summary>Checks that a catalog makes sense, before it is published. Pure and thread-safe.</summary>
/// <remarks>Give it the whole catalog as it will be in force (see <see cref="CatalogDefinition.With"/>): it looks up meters, decks and plans that others name.</remarks>
public static class CatalogValidator
{
    /// <summary>All problems, in the order of the catalog; empty when it can be published.</summary>
    public static IReadOnlyList<CatalogProblem> Check(CatalogDefinition catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        var problems = new CatalogProblems();
        CheckCodes(problems, "meter", catalog.Meters.Select(m => m.Code));
        CheckCodes(problems, "plan", catalog.Plans.Select(p => p.Code));
        CheckCodes(problems, "coupon", catalog.Coupons.Select(c => c.Code));
        CheckCodes(problems, "deck", catalog.Decks.Select(d => d.Code));
        foreach (var meter in catalog.Meters)
        {
            MeterRules.Check(meter, problems.Of("meter", meter.Code));
        }

        foreach (var deck in catalog.Decks)
        {
            DeckRules.Check(deck, problems.Of("deck", deck.Code));
        }

        foreach (var coupon in catalog.Coupons)
        {
            CouponRules.Check(coupon, catalog, problems.Of("coupon", coupon.Code));
        }

        foreach (var plan in catalog.Plans)
        {
            PlanRules.Check(plan, catalog, problems.Of("plan", plan.Code));
        }

        return problems.Found;
    }

    /// <summary>All problems of one price on its own; the decks that it names are not looked up.</summary>
    public static IReadOnlyList<CatalogProblem> Check(Price price)
    {
        ArgumentNullException.ThrowIfNull(price);
        var problems = new CatalogProblems();
        PriceRules.Check(price, "", problems.Of("price", price.Model));
        return problems.Found;
    }

    /// <summary>All problems of one meter on its own.</summary>
    public static IReadOnlyList<CatalogProblem> Check(Meter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        var problems = new CatalogProblems();
        MeterRules.Check(meter, problems.Of("meter", meter.Code));
        return problems.Found;
    }

    /// <summary>All problems of one rate deck on its own.</summary>
    public static IReadOnlyList<CatalogProblem> Check(RateDeck deck)
    {
        ArgumentNullException.ThrowIfNull(deck);
        var problems = new CatalogProblems();
        DeckRules.Check(deck, problems.Of("deck", deck.Code));
        return problems.Found;
    }

    /// <summary>Refuses a catalog that has problems.</summary>
    /// <exception cref="BillingException">The first problem.</exception>
    public static void ThrowIfInvalid(CatalogDefinition catalog)
    {
        var problems = Check(catalog);
        if (problems.Count > 0)
        {
            throw problems[0].ToException();
        }
    }

    private static void CheckCodes(CatalogProblems problems, string subject, IEnumerable<string> codes)
    {
        foreach (var group in codes.GroupBy(c => c, StringComparer.Ordinal))
        {
            if (group.Key.Length == 0)
            {
                problems.Add(BillingErrorCodes.Validation, subject, "", "code", "A code must not be empty.");
            }
            else if (group.Skip(1).Any())
            {
                problems.Add(BillingErrorCodes.Duplicate, subject, group.Key, "code", "The code stands twice.");
            }
        }
    }
}

/// <summary>The problems found so far.</summary>
internal sealed class CatalogProblems
{
    private readonly List<CatalogProblem> _found = [];

    public IReadOnlyList<CatalogProblem> Found => _found;

    public void Add(string code, string subject, string id, string key, string message) => _found.Add(new CatalogProblem(code, subject, id, key, message));

    public ProblemsOfObject Of(string subject, string id) => new(this, subject, id);
}

/// <summary>Takes the problems of one object.</summary>
internal sealed class ProblemsOfObject(CatalogProblems problems, string subject, string id)
{
    private const int MaximumDecimals = 12;
    private const decimal Limit = 1_000_000_000_000_000m;

    public void Add(string key, string message, string code = BillingErrorCodes.Validation) => problems.Add(code, subject, id, key, message);

    public void AddIf(bool wrong, string key, string message)
    {
        if (wrong)
        {
            Add(key, message);
        }
    }

    /// <summary>A number within the limits: not negative, at most twelve decimals, below 10^15.</summary>
    public void CheckNumber(decimal? value, string key, bool positive = false)
    {
        if (value is not { } number)
        {
            return;
        }

        AddIf(number < 0m, key, "The number must not be negative.");
        AddIf(positive && number == 0m, key, "The number must be above zero.");
        AddIf(decimal.Abs(number) >= Limit, key, "The number must be below 10^15.");
        AddIf(decimal.Round(number, MaximumDecimals) != number, key, $"The number has more than {MaximumDecimals} decimals.");
    }

    public void CheckPercent(decimal? value, string key)
    {
        CheckNumber(value, key);
        AddIf(value > 100m, key, "A percentage off is at most 100.");
    }
}

internal static class MeterRules
{
    public static void Check(Meter meter, ProblemsOfObject problems)
    {
        problems.AddIf(
            meter.Field is null && meter.Aggregation is not (MeterAggregation.Count or MeterAggregation.Custom),
            "field", $"The aggregation {JsonFields.WordFor(meter.Aggregation)} needs a field.");
        problems.AddIf((meter.Aggregation == MeterAggregation.Percentile) != meter.Percentile is not null, "percentile", "The aggregation percentile, and no other, has a percentile.");
        problems.AddIf(meter.Percentile is < 0m or > 100m, "percentile", "A percentile is within 0 and 100.");
        problems.AddIf((meter.Aggregation == MeterAggregation.Custom) != meter.Task is not null, "task", "The aggregation custom, and no other, has a task.");
        problems.AddIf(meter.Rounding is { Scale: < -20 or > 28 }, "rounding.scale", "A scale is within -20 and 28.");
        foreach (var (property, values) in meter.Filter)
        {
            problems.AddIf(values.Count == 0, $"filter.{property}", "A filter without values lets no event through.");
        }
    }
}

internal static class CouponRules
{
    public static void Check(Coupon coupon, CatalogDefinition catalog, ProblemsOfObject problems)
    {
        problems.AddIf(coupon.PercentOff is null == coupon.AmountOff is null, "percentOff", "A coupon has either percentOff or amountOff.");
        problems.CheckPercent(coupon.PercentOff, "percentOff");
        problems.CheckNumber(coupon.AmountOff, "amountOff");
        problems.AddIf((coupon.Duration == CouponDuration.Repeating) != coupon.Periods is not null, "periods", "A repeating coupon, and no other, has periods.");
        problems.AddIf(coupon.Periods < 1, "periods", "A coupon works for one period at least.");
        problems.AddIf(coupon.MaxRedemptions < 1, "maxRedemptions", "A coupon can be redeemed once at least.");
        problems.AddIf(coupon.Until is { } until && !IsMoment(until), "until", "A date, a date-time or a date-time with offset in ISO 8601 is needed.");
        foreach (var plan in coupon.Plans.Where(code => catalog.Plans.All(p => p.Code != code)))
        {
            problems.Add("plans", $"The catalog has no plan '{plan}'.", BillingErrorCodes.UnknownPlan);
        }
    }

    private static bool IsMoment(string text) =>
        NodaTime.Text.LocalDatePattern.Iso.Parse(text).Success
        || NodaTime.Text.LocalDateTimePattern.ExtendedIso.Parse(text).Success
        || NodaTime.Text.OffsetDateTimePattern.ExtendedIso.Parse(text).Success;
}

internal static class PlanRules
{
    public static void Check(Plan plan, CatalogDefinition catalog, ProblemsOfObject problems)
    {
        problems.AddIf(plan.Currency is { } currency && !Currency.TryOf(currency, out _), "currency", $"'{plan.Currency}' is not a currency code of ISO 4217.");
        problems.AddIf(plan.Interval.Count < 1, "intervalCount", "An interval has at least one unit.");
        problems.AddIf(plan.TrialDays < 0, "trialDays", "Days must not be negative.");
        problems.CheckNumber(plan.MinimumCommitment, "minimumCommitment");
        problems.AddIf(plan.Charges.Count > 0 && plan.Phases.Count > 0, "phases", "A plan has either charges or phases.");
        CheckCharges(plan.Charges, "", catalog, problems);
        for (var i = 0; i < plan.Phases.Count; i++)
        {
            CheckPhase(plan.Phases[i], $"phases[{i}]", i == plan.Phases.Count - 1, problems);
            CheckCharges(plan.Phases[i].Charges, $"phases[{i}].", catalog, problems);
        }
    }

    private static void CheckPhase(PlanPhase phase, string path, bool last, ProblemsOfObject problems)
    {
        problems.AddIf(phase.Duration is null && !last, $"{path}.duration", "Only the last phase can go on without end.");
        problems.AddIf(
            phase.Duration is not null && phase.Length is null,
            $"{path}.duration", $"'{phase.Duration}' is no duration in days, weeks, months or years (P30D, P6M).");
    }

    private static void CheckCharges(EquatableList<Charge> charges, string path, CatalogDefinition catalog, ProblemsOfObject problems)
    {
        foreach (var duplicate in charges.GroupBy(c => c.Code, StringComparer.Ordinal).Where(g => g.Skip(1).Any()))
        {
            problems.Add($"{path}charges[{duplicate.Key}].code", "The code stands twice.", BillingErrorCodes.Duplicate);
        }

        foreach (var charge in charges)
        {
            CheckCharge(charge, $"{path}charges[{charge.Code}]", catalog, problems);
        }
    }

    private static void CheckCharge(Charge charge, string path, CatalogDefinition catalog, ProblemsOfObject problems)
    {
        var usage = charge.Type == ChargeType.Usage;
        problems.AddIf(charge.Code.Length == 0, $"{path}.code", "A code must not be empty.");
        problems.AddIf(usage != charge.Meter is not null, $"{path}.meter", "A usage charge, and no other, has a meter.");
        problems.AddIf((charge.Type == ChargeType.Installment) != charge.Count is not null, $"{path}.count", "An installment charge, and no other, has a count.");
        problems.AddIf(charge.Count < 1, $"{path}.count", "There is at least one part.");
        problems.AddIf(charge.Interval is { Count: < 1 }, $"{path}.intervalCount", "An interval has at least one unit.");
        problems.AddIf(
            !usage && charge.Price.Model is (PriceModels.Matrix or PriceModels.RateDeck),
            $"{path}.price.model", $"A {charge.Price.Model} price looks at events, so only a usage charge can have it.");
        if (charge.Meter is { } meter && catalog.Meters.All(m => m.Code != meter))
        {
            problems.Add($"{path}.meter", $"The catalog has no meter '{meter}'.", BillingErrorCodes.UnknownMeter);
        }

        PriceRules.Check(charge.Price, $"{path}.price", problems);
        foreach (var (currency, price) in charge.CurrencyPrices)
        {
            problems.AddIf(!Currency.TryOf(currency, out _), $"{path}.currencyPrices.{currency}", $"'{currency}' is not a currency code of ISO 4217.");
            PriceRules.Check(price, $"{path}.currencyPrices.{currency}", problems);
        }

        foreach (var deck in PriceRules.Decks(charge.Price).Where(code => catalog.Decks.All(d => d.Code != code)))
        {
            problems.Add($"{path}.price.deck", $"The catalog has no deck '{deck}'.", BillingErrorCodes.NotFound);
        }
    }
}

internal static class DeckRules
{
    public static void Check(RateDeck deck, ProblemsOfObject problems)
    {
        foreach (var duplicate in deck.Rates.GroupBy(r => r.Prefix, StringComparer.Ordinal).Where(g => g.Skip(1).Any()))
        {
            problems.Add($"rates[{duplicate.Key}].prefix", "The prefix stands twice.", BillingErrorCodes.Duplicate);
        }

        problems.AddIf(deck.Rates.Count == 0, "rates", "A deck has at least one rate.");
        problems.AddIf(deck.RoundingScale is < 0 or > 12, "roundingScale", "A scale is within 0 and 12.");
        problems.AddIf(
            deck.TimeZone is { } zone && DateTimeZoneProviders.Tzdb.GetZoneOrNull(zone) is null, "timeZone", $"'{deck.TimeZone}' is no IANA time zone.");
        for (var i = 0; i < deck.TimeBands.Count; i++)
        {
            if (!WeekTimes.TryRead(deck.TimeBands[i], out _, out var wrongKey))
            {
                problems.Add($"timeBands[{i}].{wrongKey}", "Days are a range or list of mon … sun; times are HH:mm, the end after the start, 24:00 at most.");
            }
        }

        var codes = deck.TimeBands.Select(b => b.Code).ToHashSet(StringComparer.Ordinal);
        foreach (var rate in deck.Rates)
        {
            CheckRate(rate, codes, problems);
        }
    }

    private static void CheckRate(DeckRate rate, HashSet<string> codes, ProblemsOfObject problems)
    {
        var path = $"rates[{rate.Prefix}]";
        problems.CheckNumber(rate.ConnectFee, $"{path}.connectFee");
        problems.AddIf(rate.Bands.All(b => b.From != 0m), $"{path}.bands", "A rate has at least one band from 0.");
        for (var i = 0; i < rate.Bands.Count; i++)
        {
            var band = rate.Bands[i];
            var bandPath = $"{path}.bands[{i}]";
            problems.AddIf(band.When is { } when && !codes.Contains(when), $"{bandPath}.when", $"The deck has no time band '{band.When}'.");
            problems.CheckNumber(band.UnitAmount, $"{bandPath}.unitAmount");
            problems.CheckNumber(band.Per, $"{bandPath}.per", positive: true);
            problems.CheckNumber(band.Initial, $"{bandPath}.initial");
            problems.CheckNumber(band.Increment, $"{bandPath}.increment", positive: true);
            problems.CheckNumber(band.From, $"{bandPath}.from");
        }
    }
}
