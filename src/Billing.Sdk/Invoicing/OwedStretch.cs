using Billing.Catalog;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>
/// What one charge owes for a stretch: the longest time within one period at one price and one quantity layer. The amount follows from its prices
/// and its part of the period; what is booked already is taken off later.
/// </summary>
internal sealed record OwedStretch
{
    public required SubscriptionTimeline Timeline { get; init; }

    public required string Plan { get; init; }

    public required Charge Charge { get; init; }

    public required InvoiceLineType Type { get; init; }

    public required BillingPeriod Period { get; init; }

    public required DateTimeZone Zone { get; init; }

    public required Instant From { get; init; }

    public required Instant To { get; init; }

    /// <summary>Lower end of the quantity layer; −1 for the first layer, which holds what is owed at quantity 0 too.</summary>
    public decimal LayerFrom { get; init; } = -1m;

    public decimal LayerTo { get; init; }

    /// <summary>Identity of the price.</summary>
    public required string PriceKey { get; init; }

    /// <summary>Part of the period that is charged for.</summary>
    public Fraction Part { get; init; } = Fraction.Of(1m);

    /// <summary>Usage: which.</summary>
    public UsageWanted? Usage { get; init; }

    /// <summary>Fixed charges (one-time, instalment): billed once under this key, whatever changes later.</summary>
    public string? FixedKey { get; init; }

    /// <summary>Instalments: which part, from 0, of how many.</summary>
    public (int Index, int Count)? Installment { get; init; }

    /// <summary>The quantity on the line.</summary>
    public decimal Quantity { get; init; }

    /// <summary>Price of the full period (usage: of the quantity); set by rating.</summary>
    public Fraction FullPrice { get; init; }

    /// <summary>Whether parts of the period cost their part.</summary>
    public bool Prorated => Type == InvoiceLineType.Recurring && Charge.Prorate;

    /// <summary>Exact amount for the stretch.</summary>
    public Fraction Amount => Type == InvoiceLineType.Recurring ? FullPrice.Times(Part) : FullPrice;

    /// <summary>Whether the time was over when it was billed (else it is billed in advance).</summary>
    public bool Closed { get; init; }

    public string SubscriptionId => Timeline.Subscription.Id;

    /// <summary>The date of a moment in the stretch's zone.</summary>
    public LocalDate DateOf(Instant at) => Period.DateOf(at, Zone);
}

/// <summary>The usage that a stretch prices.</summary>
/// <param name="Meter">The meter.</param>
/// <param name="From">From when events count; before the stretch, for quantities that persist.</param>
/// <param name="To">Until when, exclusive.</param>
/// <param name="NeedsEvents">Whether single events are looked at; else rollups do.</param>
/// <param name="WithoutMinimum">Whether a minimum amount does not hold (yet).</param>
internal sealed record UsageWanted(Meter Meter, Instant From, Instant To, bool NeedsEvents, bool WithoutMinimum);
