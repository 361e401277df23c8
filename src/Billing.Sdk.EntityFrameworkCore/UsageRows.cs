using Billing.Usage;
using NodaTime;

namespace Billing.EntityFrameworkCore;

/// <summary>A usage event with its own columns, and the bucket that it falls in.</summary>
internal sealed class UsageRecordRow
{
    public required TenantId Tenant { get; init; }

    /// <summary>When the event came first, as its key has it: what comes together lies together. Corrections leave it.</summary>
    public required Instant StoredAt { get; init; }

    public required Guid Hash { get; init; }

    public required string EventId { get; init; }

    public required string Source { get; init; }

    public required Instant At { get; init; }

    public required Instant Bucket { get; init; }

    public required string EventType { get; init; }

    public required UsageOperation Operation { get; init; }

    public required EquatableMap<string> Properties { get; init; }

    public string? CustomerId { get; init; }

    public string? SubscriptionId { get; init; }

    public required Instant RecordedAt { get; init; }

    public bool Removed { get; init; }

    public required long Version { get; init; }

    public static UsageRecordRow Of(UsageRecord record, Instant storedAt) => new()
    {
        Tenant = record.Tenant,
        StoredAt = storedAt,
        Hash = record.Hash,
        EventId = record.Event.Id,
        Source = record.Event.Source,
        At = record.Event.At,
        Bucket = UsageRollup.BucketOf(record.Event.At),
        EventType = record.Event.Type,
        Operation = record.Event.Operation,
        Properties = record.Event.Properties,
        CustomerId = record.CustomerId,
        SubscriptionId = record.SubscriptionId,
        RecordedAt = record.RecordedAt,
        Removed = record.Removed,
        Version = record.Version,
    };

    public UsageRecord ToRecord() => new()
    {
        Tenant = Tenant,
        Hash = Hash,
        Event = new UsageEvent { Id = EventId, Source = Source, At = At, Type = EventType, Operation = Operation, Properties = Properties },
        CustomerId = CustomerId,
        SubscriptionId = SubscriptionId,
        RecordedAt = RecordedAt,
        Removed = Removed,
        Version = Version,
    };
}

/// <summary>The key by which an event counts once; it outlives the event.</summary>
internal sealed class UsageKeyRow
{
    public required TenantId Tenant { get; init; }

    public required Guid Hash { get; init; }

    /// <summary>Where the event lies: the moment in the key of its row.</summary>
    public required Instant StoredAt { get; init; }

    /// <summary>When the event happened: how long the key is kept goes by it, as the check of events that come too late does.</summary>
    public required Instant At { get; init; }
}
