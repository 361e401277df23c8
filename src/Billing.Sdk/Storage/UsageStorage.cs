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

    /// <summary>
    /// Marks a payer as due for billing (late usage, usage without a run ahead). A stored item keeps the earlier moment and the earlier <see cref="DueItem.ReopensFrom"/> and gets the next version.
    /// </summary>
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
    /// <summary>What the rollups of the buckets that lie wholly within the time come to: one entry per group, as <see cref="StorageRules.Combine"/> makes it, in order of group (byte-wise).</summary>
    public IReadOnlyList<UsageGroup> Groups { get; init; } = [];

    /// <summary>The events in the time (<see cref="UsageQuery.NeedsEvents"/>), or in the cut buckets; removed ones are left out.</summary>
    public IReadOnlyList<UsageRecord> Events { get; init; } = [];

    /// <summary>
    /// Whether a stored event of the type (not a removed one) lies in a whole bucket before the first one of the time that has a rollup, or in any when none has:
    /// rollups were dropped, and billing from the rest would lose money.
    /// </summary>
    public bool RollupsMissing { get; init; }
}

/// <summary>What the rollups of one group come to.</summary>
/// <param name="Group">The group; empty for meters without groups.</param>
/// <param name="Count">Number of events.</param>
/// <param name="Sum">Sum of their values.</param>
/// <param name="Min">Their least value; <see langword="null"/>: there is none.</param>
/// <param name="Max">Their greatest value; <see langword="null"/>: there is none.</param>
public sealed record UsageGroup(string Group, long Count, decimal Sum, decimal? Min, decimal? Max);
