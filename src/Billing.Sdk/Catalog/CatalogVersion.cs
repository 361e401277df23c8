using NodaTime;

namespace Billing.Catalog;

/// <summary>What a new catalog version means for subscriptions that exist.</summary>
public enum ExistingSubscriptions
{
    /// <summary>They keep their prices. The default.</summary>
    Keep,

    /// <summary>They change with the first period that starts at or after the effective time.</summary>
    NextPeriod,

    /// <summary>They change at the effective time.</summary>
    EffectiveDate,
}

/// <summary>A catalog that is in force from a moment on. Versions are never changed.</summary>
public sealed record CatalogVersion : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>1, 2, 3, … in order of publication.</summary>
    public required int Number { get; init; }

    /// <summary>From when it is in force for new subscriptions.</summary>
    public required Instant EffectiveAt { get; init; }

    /// <summary>When it was published.</summary>
    public required Instant RecordedAt { get; init; }

    /// <summary>What it means for subscriptions that exist.</summary>
    public ExistingSubscriptions ExistingSubscriptions { get; init; }

    /// <summary>The whole catalog from then on.</summary>
    public required CatalogDefinition Definition { get; init; }

    /// <summary>Who published it.</summary>
    public required string Actor { get; init; }
}
