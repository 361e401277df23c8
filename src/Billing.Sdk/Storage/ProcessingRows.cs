using NodaTime;

namespace Billing.Storage;

/// <summary>What a due item asks for.</summary>
public enum DueKind
{
    /// <summary>A billing run over the payer.</summary>
    Billing,

    /// <summary>Collection: a first attempt, a retry, a query.</summary>
    Collection,

    /// <summary>An aging step.</summary>
    Aging,

    /// <summary>A credit that expires.</summary>
    CreditExpiry,
}

/// <summary>The table that feeds workers, over all tenants: at most one row per tenant, kind and payer.</summary>
public sealed record DueItem : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>What is asked for.</summary>
    public required DueKind Kind { get; init; }

    /// <summary>The payer.</summary>
    public required string PayerId { get; init; }

    /// <summary>From when on.</summary>
    public required Instant DueAt { get; init; }
}

/// <summary>The stored answer of a command that came with an idempotency key.</summary>
public sealed record IdempotencyRecord : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The command's name.</summary>
    public required string Command { get; init; }

    /// <summary>The key.</summary>
    public required string Key { get; init; }

    /// <summary>SHA-256 of the request, in hex.</summary>
    public required string RequestHash { get; init; }

    /// <summary>The answer, JSON.</summary>
    public required string Answer { get; init; }

    /// <summary>When it was recorded.</summary>
    public required Instant RecordedAt { get; init; }
}

/// <summary>A payer that a run could not bill, with the reason. It waits until its inputs change or it is released.</summary>
public sealed record QuarantineItem : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The stage that failed: <c>rate</c>, <c>compose</c>, <c>tax</c>, ….</summary>
    public required string Stage { get; init; }

    /// <summary>Stable code.</summary>
    public required string Code { get; init; }

    /// <summary>What is wrong, with which object.</summary>
    public required string Message { get; init; }

    /// <summary>The payer's billing version when it failed: a new version is tried again.</summary>
    public required long Fingerprint { get; init; }

    /// <summary>Since when.</summary>
    public required Instant Since { get; init; }
}

/// <summary>A billing run, kept with its counts.</summary>
public sealed record RunRecord : IVersionedRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the run.</summary>
    public required Guid Id { get; init; }

    /// <summary>The moment up to which it billed.</summary>
    public required Instant AsOf { get; init; }

    /// <summary>Payers looked at.</summary>
    public int Payers { get; init; }

    /// <summary>Invoices made.</summary>
    public int Invoices { get; init; }

    /// <summary>Payers in quarantine.</summary>
    public int Quarantined { get; init; }

    /// <summary>When it started.</summary>
    public required Instant StartedAt { get; init; }

    /// <summary>When it finished; <see langword="null"/>: it did not.</summary>
    public Instant? FinishedAt { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}
