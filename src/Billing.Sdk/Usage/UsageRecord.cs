using NodaTime;

namespace Billing.Usage;

/// <summary>A usage event as it is kept.</summary>
public sealed record UsageRecord : IVersionedRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The first 16 bytes of SHA-256 over source, a zero byte and id: the key by which an event counts once.</summary>
    public required Guid Hash { get; init; }

    /// <summary>The event.</summary>
    public required UsageEvent Event { get; init; }

    /// <summary>The customer it names or whose subscription it belongs to; <see langword="null"/>: not attributed.</summary>
    public string? CustomerId { get; init; }

    /// <summary>The subscription it belongs to; <see langword="null"/>: not billed.</summary>
    public string? SubscriptionId { get; init; }

    /// <summary>When it arrived.</summary>
    public required Instant RecordedAt { get; init; }

    /// <summary>Whether a correction took it away.</summary>
    public bool Removed { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>
/// What a group of events added to one meter of one subscription within 15 minutes: a delta. Rows are only added; what a bucket holds
/// is the combination of its deltas, from the last one that <see cref="Replaces"/> on.
/// </summary>
public sealed record UsageRollup : IBillingRow
{
    /// <summary>Length of a bucket in minutes.</summary>
    public const int BucketMinutes = 15;

    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the row, in time order.</summary>
    public required Guid Id { get; init; }

    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>Code of the meter.</summary>
    public required string Meter { get; init; }

    /// <summary>Values of the meter's group-by properties, joined; empty without any.</summary>
    public string Group { get; init; } = "";

    /// <summary>Start of the bucket: a multiple of 15 minutes in UTC.</summary>
    public required Instant Bucket { get; init; }

    /// <summary>How many events.</summary>
    public required long Count { get; init; }

    /// <summary>Sum of the field.</summary>
    public required decimal Sum { get; init; }

    /// <summary>Least value.</summary>
    public decimal? Min { get; init; }

    /// <summary>Greatest value.</summary>
    public decimal? Max { get; init; }

    /// <summary>Whether it holds the whole bucket anew, so that earlier deltas of the bucket no longer count (after a correction).</summary>
    public bool Replaces { get; init; }

    /// <summary>When it was written.</summary>
    public required Instant RecordedAt { get; init; }

    /// <summary>The bucket that a moment falls in.</summary>
    public static Instant BucketOf(Instant at)
    {
        const long length = BucketMinutes * NodaConstants.TicksPerMinute;
        var ticks = at.ToUnixTimeTicks();
        var floor = ticks >= 0 ? ticks / length : ((ticks + 1) / length) - 1;
        return Instant.FromUnixTimeTicks(floor * length);
    }
}

/// <summary>A raw record that mediation refused, kept with its reason until somebody corrects or drops it.</summary>
public sealed record RejectedRecord : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the row.</summary>
    public required Guid Id { get; init; }

    /// <summary>The feed (file, stream) it came from.</summary>
    public required string Feed { get; init; }

    /// <summary>Its position in the feed: a line number, from 1.</summary>
    public required long Position { get; init; }

    /// <summary>The raw text, at most 4,000 characters of it.</summary>
    public required string Raw { get; init; }

    /// <summary>Stable code of the reason.</summary>
    public required string Code { get; init; }

    /// <summary>The reason in words.</summary>
    public required string Reason { get; init; }

    /// <summary>When it was refused.</summary>
    public required Instant RecordedAt { get; init; }
}
