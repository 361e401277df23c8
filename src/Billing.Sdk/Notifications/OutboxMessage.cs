using NodaTime;

namespace Billing.Notifications;

/// <summary>Where a message stands.</summary>
public enum OutboxState
{
    /// <summary>To be delivered.</summary>
    Pending,

    /// <summary>Delivered.</summary>
    Done,

    /// <summary>Given up after the last try; kept.</summary>
    Dead,
}

/// <summary>An event or notification, written in the commit that it tells of and delivered afterwards, at least once.</summary>
public sealed record OutboxMessage : IVersionedRow, IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the message; receivers tell repeats by it.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The customer that it is about.</summary>
    public required string CustomerId { get; init; }

    /// <summary>1, 2, 3, … per payer: the order in which handlers see them.</summary>
    public required long Sequence { get; init; }

    /// <summary>What happened: <c>invoice.issued</c>, <c>payment.failed</c>, ….</summary>
    public required string Name { get; init; }

    /// <summary>Whether notifiers get it too (else event handlers only).</summary>
    public bool Notify { get; init; }

    /// <summary>The facts, a JSON object of texts.</summary>
    public EquatableMap<string> Data { get; init; } = EquatableMap<string>.Empty;

    /// <summary>When it happened.</summary>
    public required Instant OccurredAt { get; init; }

    /// <summary>Where it stands.</summary>
    public OutboxState State { get; init; }

    /// <summary>When it is due for delivery.</summary>
    public required Instant DueAt { get; init; }

    /// <summary>Tries so far.</summary>
    public int Attempts { get; init; }

    /// <summary>Until when a dispatcher holds it.</summary>
    public Instant? LeasedUntil { get; init; }

    /// <summary>Why the last try failed.</summary>
    public string? LastError { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}
