using Billing.Usage;
using NodaTime;

namespace Billing.Storage;

/// <summary>One event to store, with what it adds to rollups and what it makes due: the plain form of an entry of a <see cref="UsageAppendBatch"/>.</summary>
public sealed record UsageAppend
{
    /// <summary>The event.</summary>
    public required UsageRecord Record { get; init; }

    /// <summary>What it adds to the rollups of meters; counted only if the event is new.</summary>
    public IReadOnlyList<UsageRollup> Rollups { get; init; } = [];

    /// <summary>Makes a payer due for billing (late usage without a run ahead); a stored earlier moment is kept.</summary>
    public DueItem? MakesDue { get; init; }
}

/// <summary>What became of an event.</summary>
public enum UsageOutcome
{
    /// <summary>Stored.</summary>
    Accepted,

    /// <summary>An event with its source and id is stored already; nothing changed.</summary>
    Duplicate,
}

/// <summary>Asks for the usage of one meter of one subscription in a time.</summary>
public sealed record UsageQuery
{
    /// <summary>The subscription.</summary>
    public required string SubscriptionId { get; init; }

    /// <summary>Code of the meter.</summary>
    public required string Meter { get; init; }

    /// <summary>Type of the meter's events.</summary>
    public required string EventType { get; init; }

    /// <summary>Start.</summary>
    public required Instant From { get; init; }

    /// <summary>End, exclusive.</summary>
    public required Instant To { get; init; }

    /// <summary>
    /// Whether events are wanted (meters that do not add up, prices that look at single events); else rollups are, and events only of the
    /// buckets that <see cref="From"/> and <see cref="To"/> cut.
    /// </summary>
    public bool NeedsEvents { get; init; }
}

/// <summary>The answer to a <see cref="UsageQuery"/>.</summary>
public sealed record UsageData
{
    /// <summary>The deltas of the buckets that lie wholly within the time, in order of id.</summary>
    public IReadOnlyList<UsageRollup> Rollups { get; init; } = [];

    /// <summary>The events in the time (<see cref="UsageQuery.NeedsEvents"/>), or in the cut buckets; removed ones are left out.</summary>
    public IReadOnlyList<UsageRecord> Events { get; init; } = [];

    /// <summary>Whether a stored event of the type lies in a whole bucket for which there is no rollup: billing from rollups would lose it.</summary>
    public bool RollupsMissing { get; init; }
}
