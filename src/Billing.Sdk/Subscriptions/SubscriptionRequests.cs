using Billing.Catalog;
using NodaTime;

namespace Billing.Subscriptions;

/// <summary>When a change takes effect.</summary>
public sealed record ChangeTime
{
    private ChangeTime()
    {
    }

    /// <summary>At the moment of the command. The default.</summary>
    public static ChangeTime Immediately { get; } = new();

    /// <summary>At the end of the current billing period.</summary>
    public static ChangeTime EndOfPeriod { get; } = new() { AtEndOfPeriod = true };

    /// <summary>Whether it is the end of the current billing period.</summary>
    public bool AtEndOfPeriod { get; init; }

    /// <summary>A moment, past or future.</summary>
    public Instant? Moment { get; init; }

    /// <summary>A date: its start of day in the customer's zone.</summary>
    public LocalDate? Date { get; init; }

    /// <summary>At a moment.</summary>
    public static ChangeTime At(Instant moment) => new() { Moment = moment };

    /// <summary>At the start of a date in the customer's zone.</summary>
    public static ChangeTime On(LocalDate date) => new() { Date = date };
}

/// <summary>Starts a subscription.</summary>
public sealed record SubscribeRequest
{
    /// <summary>The id of the new subscription, unique for the tenant.</summary>
    public required string Id { get; init; }

    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>Code of the plan.</summary>
    public required string Plan { get; init; }

    /// <summary>Quantity of all charges that have none of their own. Default 1.</summary>
    public decimal Quantity { get; init; } = 1m;

    /// <summary>Quantities by charge.</summary>
    public EquatableMap<decimal> Quantities { get; init; } = EquatableMap<decimal>.Empty;

    /// <summary>When it starts; a past moment bills the time since. Default: now.</summary>
    public ChangeTime Start { get; init; } = ChangeTime.Immediately;

    /// <summary>Alignment; <see langword="null"/>: the tenant's.</summary>
    public BillingTime? BillingTime { get; init; }

    /// <summary>Day of the month, 1 to 31, for month-based plans.</summary>
    public int? BillingDay { get; init; }

    /// <summary>Days of trial in place of the plan's.</summary>
    public int? TrialDays { get; init; }

    /// <summary>Coupon to redeem for it.</summary>
    public string? Coupon { get; init; }

    /// <summary>Prices of its own, by charge.</summary>
    public EquatableMap<Price> Overrides { get; init; } = EquatableMap<Price>.Empty;

    /// <summary>When it ends.</summary>
    public ChangeTime? End { get; init; }

    /// <summary>The subscription that it is an add-on of: it ends with it.</summary>
    public string? ParentSubscriptionId { get; init; }
}

/// <summary>Changes the plan.</summary>
public sealed record ChangePlanRequest
{
    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>Code of the new plan.</summary>
    public required string Plan { get; init; }

    /// <summary>When. Default: immediately.</summary>
    public ChangeTime When { get; init; } = ChangeTime.Immediately;

    /// <summary>Whether the parts of the period are credited and charged. Default true.</summary>
    public bool Prorate { get; init; } = true;

    /// <summary>Whether a full new period starts with the change. Default false.</summary>
    public bool ResetAnchor { get; init; }

    /// <summary>Quantity under the new plan; <see langword="null"/>: as before.</summary>
    public decimal? Quantity { get; init; }

    /// <summary>Prices of its own under the new plan, by charge.</summary>
    public EquatableMap<Price> Overrides { get; init; } = EquatableMap<Price>.Empty;
}

/// <summary>Changes quantities.</summary>
public sealed record ChangeQuantityRequest
{
    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>Quantity of all charges that have none of their own; <see langword="null"/>: as before.</summary>
    public decimal? Quantity { get; init; }

    /// <summary>Quantities by charge.</summary>
    public EquatableMap<decimal> Quantities { get; init; } = EquatableMap<decimal>.Empty;

    /// <summary>When. Default: immediately.</summary>
    public ChangeTime When { get; init; } = ChangeTime.Immediately;

    /// <summary>Whether the parts of the period are credited and charged. Default true.</summary>
    public bool Prorate { get; init; } = true;
}

/// <summary>Cancels.</summary>
public sealed record CancelRequest
{
    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>When. Default: immediately.</summary>
    public ChangeTime When { get; init; } = ChangeTime.Immediately;

    /// <summary>Whether unused time is given back. Default true.</summary>
    public bool Credit { get; init; } = true;

    /// <summary>Whether usage not yet billed is billed. Default true.</summary>
    public bool InvoiceUsage { get; init; } = true;
}

/// <summary>Pauses.</summary>
public sealed record PauseRequest
{
    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>Whether unused time is given back. Default true.</summary>
    public bool Credit { get; init; } = true;

    /// <summary>When it resumes by itself; <see langword="null"/>: when resumed.</summary>
    public ChangeTime? Until { get; init; }
}

/// <summary>What a subscription is at a moment, derived from its terms.</summary>
public sealed record SubscriptionView
{
    /// <summary>The id.</summary>
    public required string Id { get; init; }

    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>Its state.</summary>
    public required SubscriptionState State { get; init; }

    /// <summary>Code of the plan.</summary>
    public required string Plan { get; init; }

    /// <summary>Start of the current billing period, as a date in the customer's zone; <see langword="null"/> outside of periods.</summary>
    public LocalDate? PeriodFrom { get; init; }

    /// <summary>End of it, exclusive.</summary>
    public LocalDate? PeriodTo { get; init; }

    /// <summary>Start of the current billing period.</summary>
    public Instant? PeriodStart { get; init; }

    /// <summary>End of it, exclusive.</summary>
    public Instant? PeriodEnd { get; init; }

    /// <summary>Quantity of all charges that have none of their own.</summary>
    public required decimal Quantity { get; init; }

    /// <summary>Quantities by charge, where set.</summary>
    public EquatableMap<decimal> Quantities { get; init; } = EquatableMap<decimal>.Empty;
}

/// <summary>Where a subscription stands.</summary>
public enum SubscriptionState
{
    /// <summary>It starts later.</summary>
    Scheduled,

    /// <summary>In its trial.</summary>
    Trialing,

    /// <summary>Running.</summary>
    Active,

    /// <summary>Running, with an invoice open after a failed payment.</summary>
    PastDue,

    /// <summary>Paused.</summary>
    Paused,

    /// <summary>Suspended by dunning; charges go on.</summary>
    Suspended,

    /// <summary>Cancelled.</summary>
    Canceled,

    /// <summary>Ended as agreed.</summary>
    Ended,
}
