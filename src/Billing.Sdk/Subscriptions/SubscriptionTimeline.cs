using Billing.Catalog;
using NodaTime;

namespace Billing.Subscriptions;

/// <summary>What holds between two changes of a subscription.</summary>
internal sealed record TimelineSegment
{
    public required Instant From { get; init; }

    /// <summary>End, exclusive; <see cref="Instant.MaxValue"/> without one.</summary>
    public required Instant To { get; init; }

    public required SegmentState State { get; init; }

    public required Plan Plan { get; init; }

    /// <summary>The charges, with the subscription's own prices in place.</summary>
    public required IReadOnlyList<Charge> Charges { get; init; }

    public required EquatableMap<decimal> Quantities { get; init; }

    /// <summary>The quantities before a change of them at the very moment at which it begins for another reason.</summary>
    public EquatableMap<decimal>? OpeningQuantities { get; init; }

    public required PeriodGrid Grid { get; init; }

    /// <summary>Why it begins.</summary>
    public required BoundaryKind Start { get; init; }

    /// <summary>Whether its beginning charges and credits parts of a period; else it counts for recurring charges from the next period on.</summary>
    public bool Prorate { get; init; } = true;

    /// <summary>Whether time that was paid beyond its end is given back.</summary>
    public bool EndCredits { get; init; } = true;

    /// <summary>Whether usage not yet billed at its end is billed.</summary>
    public bool EndInvoicesUsage { get; init; } = true;

    /// <summary>Later catalog versions whose prices hold for periods that begin at or after their effective time.</summary>
    public IReadOnlyList<CatalogVersion> NextPeriodVersions { get; init; } = [];

    public EquatableMap<Price> Overrides { get; init; } = EquatableMap<Price>.Empty;

    /// <summary>The subscription's currency.</summary>
    public required string Currency { get; init; }

    /// <summary>Which of the plan's phases, from 0; plans without phases have one.</summary>
    public int Phase { get; init; }

    public decimal QuantityOf(string charge) =>
        Quantities.TryGetValue(charge, out var own) ? own : Quantities.TryGetValue("*", out var all) ? all : 1m;

    /// <summary>The charge at the subscription's own price, else at the one in its currency.</summary>
    public Charge Priced(Charge charge) =>
        Overrides.TryGetValue(charge.Code, out var own) ? charge with { Price = own }
        : Plan.Currency != Currency && charge.CurrencyPrices.TryGetValue(Currency, out var price) ? charge with { Price = price }
        : charge;

    /// <summary>The charge as it is priced in a period that begins at a moment.</summary>
    public Charge ChargeAt(Charge charge, Instant periodStart)
    {
        if (Overrides.ContainsKey(charge.Code))
        {
            return charge;
        }

        for (var i = NextPeriodVersions.Count - 1; i >= 0; i--)
        {
            var version = NextPeriodVersions[i];
            if (version.EffectiveAt <= periodStart
                && version.Definition.Plans.FirstOrDefault(p => p.Code == Plan.Code) is { } plan
                && plan.ChargesOf(Phase).FirstOrDefault(c => c.Code == charge.Code) is { } changed)
            {
                return charge with { Price = Priced(changed).Price };
            }
        }

        return charge;
    }
}

internal enum SegmentState
{
    Trial,
    Active,
    Paused,
}

internal enum BoundaryKind
{
    Start,
    TrialEnd,
    Phase,
    PlanChange,
    QuantityChange,
    CatalogChange,
    Pause,
    Resume,
    BillingDay,
}

/// <summary>The life of a subscription as its terms tell it, known at a moment: segments without gaps from its start to its end.</summary>
internal sealed record SubscriptionTimeline
{
    public required Subscription Subscription { get; init; }

    public required IReadOnlyList<TimelineSegment> Segments { get; init; }

    /// <summary>What it began with, also when it was stopped at its start and has no segment.</summary>
    public required TimelineSegment Initial { get; init; }

    public required Instant StartsAt { get; init; }

    /// <summary>When it stops; <see langword="null"/>: it goes on.</summary>
    public Instant? StopsAt { get; init; }

    /// <summary>Whether it stops by cancellation (else it ends as agreed).</summary>
    public bool Canceled { get; init; }

    public TimelineSegment? At(Instant at) => Segments.FirstOrDefault(s => s.From <= at && at < s.To);

    /// <summary>The segment at a moment, else the first or last one.</summary>
    public TimelineSegment Nearest(Instant at) => At(at) ?? (Segments.Count == 0 ? Initial : at < StartsAt ? Segments[0] : Segments[^1]);
}
