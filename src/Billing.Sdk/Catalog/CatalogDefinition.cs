using NodaTime;
using NodaTime.Text;

namespace Billing.Catalog;

/// <summary>Everything that is for sale: meters, plans, coupons, rate decks. A plain value; publish one to put it into force.</summary>
public sealed record CatalogDefinition
{
    /// <summary>The meters.</summary>
    public EquatableList<Meter> Meters { get; init; } = [];

    /// <summary>The plans.</summary>
    public EquatableList<Plan> Plans { get; init; } = [];

    /// <summary>The coupons.</summary>
    public EquatableList<Coupon> Coupons { get; init; } = [];

    /// <summary>The rate decks.</summary>
    public EquatableList<RateDeck> Decks { get; init; } = [];

    /// <summary>A catalog without entries.</summary>
    public static CatalogDefinition Empty { get; } = new();

    /// <summary>The plan with this code.</summary>
    /// <exception cref="BillingException">With code <c>unknown-plan</c>.</exception>
    public Plan Plan(string code) =>
        Plans.FirstOrDefault(p => p.Code == code)
        ?? throw BillingException.For(BillingErrorCodes.UnknownPlan, "plan", code, "code", "The catalog has no plan with this code.");

    /// <summary>The meter with this code.</summary>
    /// <exception cref="BillingException">With code <c>unknown-meter</c>.</exception>
    public Meter Meter(string code) =>
        Meters.FirstOrDefault(m => m.Code == code)
        ?? throw BillingException.For(BillingErrorCodes.UnknownMeter, "meter", code, "code", "The catalog has no meter with this code.");

    /// <summary>The coupon with this code.</summary>
    /// <exception cref="BillingException">With code <c>not-found</c>.</exception>
    public Coupon Coupon(string code) => Coupons.FirstOrDefault(c => c.Code == code) ?? throw BillingException.NotFound("coupon", code);

    /// <summary>This catalog with the entries of another put in place of those with the same codes, or added.</summary>
    public CatalogDefinition With(CatalogDefinition changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        return new CatalogDefinition
        {
            Meters = Merge(Meters, changes.Meters, m => m.Code),
            Plans = Merge(Plans, changes.Plans, p => p.Code),
            Coupons = Merge(Coupons, changes.Coupons, c => c.Code),
            Decks = Merge(Decks, changes.Decks, d => d.Code),
        };
    }

    private static EquatableList<T> Merge<T>(EquatableList<T> old, EquatableList<T> changed, Func<T, string> code) =>
        [.. old.Where(o => !changed.Any(c => code(c) == code(o))), .. changed];
}

/// <summary>What a customer subscribes to: an interval and charges, or phases with charges.</summary>
public sealed record Plan
{
    /// <summary>The code, unique in the catalog.</summary>
    public required string Code { get; init; }

    /// <summary>The name customers see. Default: the code.</summary>
    public string? Name { get; init; }

    /// <summary>ISO 4217 code of the plan's amounts; <see langword="null"/>: the tenant's currency.</summary>
    public string? Currency { get; init; }

    /// <summary>Length of a billing period. Default one month.</summary>
    public BillingInterval Interval { get; init; } = BillingInterval.Monthly;

    /// <summary>Days before the first period that cost nothing. Default 0.</summary>
    public int TrialDays { get; init; }

    /// <summary>The charges; empty when there are phases.</summary>
    public EquatableList<Charge> Charges { get; init; } = [];

    /// <summary>Phases that follow one another; empty when there are charges.</summary>
    public EquatableList<PlanPhase> Phases { get; init; } = [];

    /// <summary>Least amount per period over all lines of the subscription; what is missing is a line of its own. Default: none.</summary>
    public decimal? MinimumCommitment { get; init; }

    /// <summary>Free text: the product it belongs to.</summary>
    public string? Product { get; init; }

    /// <summary>The charges of a phase, counted from 0; the last one's beyond, and the plan's own where there are no phases.</summary>
    internal EquatableList<Charge> ChargesOf(int phase) => Phases.Count == 0 ? Charges : Phases[Math.Min(phase, Phases.Count - 1)].Charges;

    /// <summary>Whether customers of a currency can have the plan.</summary>
    /// <param name="currency">Their currency.</param>
    /// <param name="tenantCurrency">The currency of plans that name none.</param>
    internal bool IsSoldIn(string currency, string tenantCurrency) =>
        currency == (Currency ?? tenantCurrency) || (MinimumCommitment is null && AllCharges.All(c => c.CurrencyPrices.ContainsKey(currency)));

    /// <summary>All charges, those of phases included.</summary>
    public IEnumerable<Charge> AllCharges => Phases.Count == 0 ? Charges : Phases.SelectMany(p => p.Charges);
}

/// <summary>What kind of phase.</summary>
public enum PhaseType
{
    /// <summary>A trial: state <c>trialing</c>.</summary>
    Trial,

    /// <summary>A time at another price.</summary>
    Discount,

    /// <summary>A time that ends by itself.</summary>
    FixedTerm,

    /// <summary>The time that goes on until it is ended.</summary>
    Evergreen,
}

/// <summary>A part of a subscription's life with its own charges.</summary>
public sealed record PlanPhase
{
    /// <summary>The kind.</summary>
    public required PhaseType Type { get; init; }

    /// <summary>ISO 8601 duration in days, weeks, months or years (<c>P30D</c>, <c>P6M</c>); <see langword="null"/>: without end. A last phase with a duration ends the subscription.</summary>
    public string? Duration { get; init; }

    /// <summary>The charges of the phase.</summary>
    public EquatableList<Charge> Charges { get; init; } = [];

    /// <summary>The duration as a period of the calendar; <see langword="null"/> when there is none or it is not one of whole days, weeks, months and years above zero.</summary>
    public Period? Length =>
        Duration is { } text && PeriodPattern.Roundtrip.Parse(text) is { Success: true, Value: { HasTimeComponent: false } length }
            && length.Years >= 0 && length.Months >= 0 && length.Weeks >= 0 && length.Days >= 0 && !length.Equals(Period.Zero)
            ? length
            : null;
}

/// <summary>What kind of charge.</summary>
public enum ChargeType
{
    /// <summary>Each period.</summary>
    Recurring,

    /// <summary>Once, at the start.</summary>
    OneTime,

    /// <summary>By what a meter counted.</summary>
    Usage,

    /// <summary>An amount in equal parts, one a period; the parts sum to it exactly, odd minor units on the first parts.</summary>
    Installment,
}

/// <summary>When a charge is billed.</summary>
public enum ChargeTiming
{
    /// <summary>At the start of the period (usage: as each event arrives).</summary>
    InAdvance,

    /// <summary>At its end.</summary>
    InArrears,
}

/// <summary>One thing that a plan charges for.</summary>
public sealed record Charge
{
    /// <summary>The code, unique in the plan (in the phase). Plans share codes for what is the same service.</summary>
    public required string Code { get; init; }

    /// <summary>The name on the invoice. Default: the code.</summary>
    public string? Name { get; init; }

    /// <summary>The kind.</summary>
    public required ChargeType Type { get; init; }

    /// <summary>When it is billed. Default: in advance; usage in arrears.</summary>
    public ChargeTiming Timing { get; init; }

    /// <summary>What it costs per full period (usage: per period's quantity).</summary>
    public required Price Price { get; init; }

    /// <summary>Prices in other currencies than the plan's, by ISO 4217 code. A customer of such a currency can have the plan when all its charges have a price in it. In JSON: <c>currencyPrices</c>.</summary>
    public EquatableMap<Price> CurrencyPrices { get; init; } = EquatableMap<Price>.Empty;

    /// <summary>Usage: code of the meter.</summary>
    public string? Meter { get; init; }

    /// <summary>Whether a part of a period costs its part. Default true.</summary>
    public bool Prorate { get; init; } = true;

    /// <summary>Interval of its own; <see langword="null"/>: the plan's.</summary>
    public BillingInterval? Interval { get; init; }

    /// <summary>Instalments: in how many parts.</summary>
    public int? Count { get; init; }

    /// <summary>For tax rules. Default: none (they then look at the charge code).</summary>
    public string? TaxCode { get; init; }

    /// <summary>Free text: the offer that it is part of.</summary>
    public string? IncludedIn { get; init; }
}

/// <summary>How a meter makes one quantity of events.</summary>
public enum MeterAggregation
{
    /// <summary>How many events.</summary>
    Count,

    /// <summary>Sum of the field.</summary>
    Sum,

    /// <summary>Greatest value of the field.</summary>
    Max,

    /// <summary>Least value of the field.</summary>
    Min,

    /// <summary>Sum ÷ count.</summary>
    Average,

    /// <summary>How many distinct values of the field; a <c>remove</c> takes one away.</summary>
    UniqueCount,

    /// <summary>The last value of the field.</summary>
    Latest,

    /// <summary>Time integral of the running sum ÷ length of the period, to the second.</summary>
    WeightedSum,

    /// <summary>Nearest-rank percentile of the field.</summary>
    Percentile,

    /// <summary>A task of a plugin.</summary>
    Custom,
}

/// <summary>Turns usage events into the quantity that a charge prices.</summary>
public sealed record Meter
{
    /// <summary>The code, unique in the catalog.</summary>
    public required string Code { get; init; }

    /// <summary>Type of the events it counts.</summary>
    public required string EventType { get; init; }

    /// <summary>How.</summary>
    public required MeterAggregation Aggregation { get; init; }

    /// <summary>The event property that is aggregated (not for <c>count</c>).</summary>
    public string? Field { get; init; }

    /// <summary>Property → values: only events with one of the values count. Default: all.</summary>
    public EquatableMap<EquatableList<string>> Filter { get; init; } = EquatableMap<EquatableList<string>>.Empty;

    /// <summary>Properties by which quantities are kept apart.</summary>
    public EquatableList<string> GroupBy { get; init; } = [];

    /// <summary>Rounding of the aggregated quantity; <see langword="null"/>: none.</summary>
    public QuantityRounding? Rounding { get; init; }

    /// <summary>Whether a period starts with the value that the last one ended with (seats, storage). Default false.</summary>
    public bool CarryOver { get; init; }

    /// <summary>Percentile, 0 to 100.</summary>
    public decimal? Percentile { get; init; }

    /// <summary><c>custom</c>: name of the aggregation task.</summary>
    public string? Task { get; init; }

    /// <summary>Whether a quantity below zero is priced instead of refused. Default false.</summary>
    public bool AllowNegative { get; init; }

    /// <summary>
    /// Whether the quantity of a time can be put together from the quantities of its parts, so that it is read from rollups and its events need
    /// not be kept: count, sum, min and max without carry-over.
    /// </summary>
    public bool IsAdditive => !CarryOver && Aggregation is (MeterAggregation.Count or MeterAggregation.Sum or MeterAggregation.Max or MeterAggregation.Min);
}

/// <summary>Rounding of a quantity.</summary>
/// <param name="Scale">Decimals to keep; negative for tens, hundreds, ….</param>
/// <param name="Mode">What happens to the rest.</param>
public sealed record QuantityRounding(int Scale, RoundingMode Mode);

/// <summary>How long a coupon works.</summary>
public enum CouponDuration
{
    /// <summary>On the first invoice with an eligible line.</summary>
    Once,

    /// <summary>For a number of billing periods.</summary>
    Repeating,

    /// <summary>Always.</summary>
    Forever,
}

/// <summary>A discount that can be redeemed.</summary>
public sealed record Coupon
{
    /// <summary>The code, unique in the catalog.</summary>
    public required string Code { get; init; }

    /// <summary>Percent off; this or <see cref="AmountOff"/>.</summary>
    public decimal? PercentOff { get; init; }

    /// <summary>Amount off, never below zero; this or <see cref="PercentOff"/>.</summary>
    public decimal? AmountOff { get; init; }

    /// <summary>How long. Default: once.</summary>
    public CouponDuration Duration { get; init; }

    /// <summary><c>repeating</c>: for how many billing periods of the subscription.</summary>
    public int? Periods { get; init; }

    /// <summary>Plans it is for; empty: all.</summary>
    public EquatableList<string> Plans { get; init; } = [];

    /// <summary>Charges it is for; empty: all.</summary>
    public EquatableList<string> Charges { get; init; } = [];

    /// <summary>How often it can be redeemed; <see langword="null"/>: without limit.</summary>
    public int? MaxRedemptions { get; init; }

    /// <summary>The moment from which it can no longer be redeemed; ISO 8601 date or date-time in the tenant's zone.</summary>
    public string? Until { get; init; }
}

/// <summary>A table of call rates by destination prefix.</summary>
public sealed record RateDeck
{
    /// <summary>The code, unique in the catalog.</summary>
    public required string Code { get; init; }

    /// <summary>The rates; the longest matching prefix wins.</summary>
    public required EquatableList<DeckRate> Rates { get; init; }

    /// <summary>Named times of the week; empty: one rate at all times.</summary>
    public EquatableList<TimeBand> TimeBands { get; init; } = [];

    /// <summary>Decimals of the amount; <see langword="null"/>: not rounded.</summary>
    public int? RoundingScale { get; init; }

    /// <summary>How the amount is rounded. Default half-up.</summary>
    public RoundingMode RoundingMode { get; init; }

    /// <summary>Whether a call that crosses a time band is split there; else its start decides. Default false.</summary>
    public bool SplitAtBands { get; init; }

    /// <summary>IANA zone of the time bands; <see langword="null"/>: the tenant's.</summary>
    public string? TimeZone { get; init; }
}

/// <summary>The rate of one prefix.</summary>
public sealed record DeckRate
{
    /// <summary>The prefix; empty matches all.</summary>
    public required string Prefix { get; init; }

    /// <summary>Name of the destination.</summary>
    public string? Name { get; init; }

    /// <summary>Amount per call. Default 0.</summary>
    public decimal ConnectFee { get; init; }

    /// <summary>Whether a call of zero seconds pays the connect fee. Default false.</summary>
    public bool ChargeZeroDuration { get; init; }

    /// <summary>Prices by time band and stage of the call; the first that fits wins.</summary>
    public required EquatableList<DeckRateBand> Bands { get; init; }
}

/// <summary>The price of a stage of a call.</summary>
public sealed record DeckRateBand
{
    /// <summary>Code of the time band; <see langword="null"/>: at all times.</summary>
    public string? When { get; init; }

    /// <summary>Amount for <see cref="Per"/> seconds.</summary>
    public required decimal UnitAmount { get; init; }

    /// <summary>Seconds that the unit amount is for. Default 60.</summary>
    public decimal Per { get; init; } = 60m;

    /// <summary>Seconds billed at least in the stage. Default 0.</summary>
    public decimal Initial { get; init; }

    /// <summary>Step in which further seconds are billed. Default 1.</summary>
    public decimal Increment { get; init; } = 1m;

    /// <summary>Seconds into the call at which the stage begins. Default 0.</summary>
    public decimal From { get; init; }
}

/// <summary>A named time of the week.</summary>
public sealed record TimeBand
{
    /// <summary>The code; several bands may share one.</summary>
    public required string Code { get; init; }

    /// <summary>Days as a range (<c>mon-fri</c>) or a list (<c>sat,sun</c>); <see langword="null"/>: all.</summary>
    public string? Days { get; init; }

    /// <summary>Start, <c>HH:mm</c>.</summary>
    public required string From { get; init; }

    /// <summary>End, exclusive, <c>HH:mm</c>; <c>24:00</c> ends the day.</summary>
    public required string To { get; init; }
}
