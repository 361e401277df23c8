using Billing.Catalog;
using NodaTime;

namespace Billing.Subscriptions;

/// <summary>A customer's agreement to a plan. What it says is the list of its <see cref="SubscriptionTerm"/>s; its state is derived from them.</summary>
public sealed record Subscription : IVersionedRow, IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The id, chosen by the host.</summary>
    public required string Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The customer that uses the service.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The subscription that this add-on ends with.</summary>
    public string? ParentSubscriptionId { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>Suspended by dunning since; <see langword="null"/>: not.</summary>
    public Instant? SuspendedAt { get; init; }

    /// <summary>When it was created.</summary>
    public required Instant CreatedAt { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>What a term says.</summary>
public enum SubscriptionTermKind
{
    /// <summary>It starts with this plan, quantities, alignment and trial.</summary>
    Start,

    /// <summary>Another plan.</summary>
    PlanChange,

    /// <summary>Other quantities.</summary>
    QuantityChange,

    /// <summary>It is cancelled.</summary>
    Cancel,

    /// <summary>It ends as agreed.</summary>
    End,

    /// <summary>It pauses, until <see cref="SubscriptionTerm.Until"/> when given.</summary>
    Pause,

    /// <summary>It goes on.</summary>
    Resume,

    /// <summary>Another billing day.</summary>
    BillingDayChange,

    /// <summary>Another time zone.</summary>
    TimeZoneChange,
}

/// <summary>
/// One dated fact of a subscription: what holds from when. Terms are only added; one that is taken back or replaced is marked as superseded.
/// </summary>
public sealed record SubscriptionTerm : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the row.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>1, 2, 3, … in order of recording.</summary>
    public required int Sequence { get; init; }

    /// <summary>What it says.</summary>
    public required SubscriptionTermKind Kind { get; init; }

    /// <summary>From when it holds.</summary>
    public required Instant EffectiveAt { get; init; }

    /// <summary>When it became known.</summary>
    public required Instant RecordedAt { get; init; }

    /// <summary>When it was taken back or replaced; <see langword="null"/>: it holds.</summary>
    public Instant? SupersededAt { get; init; }

    /// <summary>Start, plan change: code of the plan.</summary>
    public string? Plan { get; init; }

    /// <summary>Quantities by charge; the key <c>*</c> stands for all charges that have none of their own.</summary>
    public EquatableMap<decimal> Quantities { get; init; } = EquatableMap<decimal>.Empty;

    /// <summary>Prices of its own by charge, in place of the catalog's.</summary>
    public EquatableMap<Price> Overrides { get; init; } = EquatableMap<Price>.Empty;

    /// <summary>Start: days of trial in place of the plan's.</summary>
    public int? TrialDays { get; init; }

    /// <summary>Start: alignment.</summary>
    public BillingTime? BillingTime { get; init; }

    /// <summary>Start, billing day change: day of the month.</summary>
    public int? BillingDay { get; init; }

    /// <summary>Time zone change: the IANA zone.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Changes: whether parts of periods are charged and credited. Default true.</summary>
    public bool Prorate { get; init; } = true;

    /// <summary>Plan change: whether a full new period starts with it. Default false.</summary>
    public bool ResetAnchor { get; init; }

    /// <summary>Cancel, pause: whether unused time is given back. Default true.</summary>
    public bool Credit { get; init; } = true;

    /// <summary>Cancel: whether usage not yet billed is billed. Default true.</summary>
    public bool InvoiceUsage { get; init; } = true;

    /// <summary>Pause: when it resumes by itself.</summary>
    public Instant? Until { get; init; }

    /// <summary>Whether dunning or aging made it (not the customer).</summary>
    public bool ByDunning { get; init; }

    /// <summary>Who.</summary>
    public required string Actor { get; init; }

    /// <summary>Why, in words.</summary>
    public string? Reason { get; init; }

    /// <summary>Ties it to a request of the host's.</summary>
    public string? CorrelationId { get; init; }
}
