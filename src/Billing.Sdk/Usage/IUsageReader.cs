using Billing.Tasks;

namespace Billing.Usage;

/// <summary>Reads raw records from a stream: one file format.</summary>
/// <remarks>Streams: memory does not grow with the input. A broken record is yielded with its error, never thrown. Thread-safe.</remarks>
[TaskStage("usage-reading", TaskChainKind.ByName)]
public interface IUsageReader
{
    /// <summary>Reads records until the stream ends.</summary>
    /// <param name="stream">The input, at its start.</param>
    /// <param name="feed">Name of the feed, for messages.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    IAsyncEnumerable<RawUsageRecord> ReadAsync(Stream stream, string feed, CancellationToken cancellationToken);
}

/// <summary>One raw record.</summary>
public sealed record RawUsageRecord
{
    /// <summary>Its position in the feed: the line on which it begins, from 1.</summary>
    public required long Position { get; init; }

    /// <summary>Its raw text.</summary>
    public required string Raw { get; init; }

    /// <summary>Its fields by name; empty when it could not be read.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; init; } = EquatableMap<string>.Empty;

    /// <summary>Why it could not be read; <see langword="null"/>: it could.</summary>
    public string? Error { get; init; }
}

/// <summary>Makes usage events of raw records.</summary>
/// <remarks>All configured mediators are asked in order until one does not say <see cref="MediationKind.NotMine"/>. Pure and thread-safe.</remarks>
[TaskStage("mediation", TaskChainKind.All)]
public interface IUsageMediator
{
    /// <summary>Mediates a batch; results in order.</summary>
    ValueTask<IReadOnlyList<MediationResult>> MediateAsync(IReadOnlyList<RawUsageRecord> records, CancellationToken cancellationToken);
}

/// <summary>What a mediator made of a record.</summary>
public enum MediationKind
{
    /// <summary>Events.</summary>
    Events,

    /// <summary>Nothing to bill (an unanswered call).</summary>
    Discarded,

    /// <summary>It is wrong; kept with the reason.</summary>
    Rejected,

    /// <summary>Another mediator's.</summary>
    NotMine,
}

/// <summary>An event and whom it belongs to.</summary>
public sealed record UsageEntry
{
    /// <summary>The event.</summary>
    public required UsageEvent Event { get; init; }

    /// <summary>The customer; it or <see cref="SubscriptionId"/>.</summary>
    public string? CustomerId { get; init; }

    /// <summary>The subscription.</summary>
    public string? SubscriptionId { get; init; }
}

/// <summary>What became of a record.</summary>
public sealed record MediationResult
{
    /// <summary>What.</summary>
    public required MediationKind Kind { get; init; }

    /// <summary>The events.</summary>
    public IReadOnlyList<UsageEntry> Entries { get; init; } = [];

    /// <summary>Rejected: stable code.</summary>
    public string? Code { get; init; }

    /// <summary>Rejected, discarded: the reason in words.</summary>
    public string? Reason { get; init; }

    /// <summary>Another mediator's.</summary>
    public static MediationResult NotMine { get; } = new() { Kind = MediationKind.NotMine };

    /// <summary>Events.</summary>
    public static MediationResult Of(params UsageEntry[] entries) => new() { Kind = MediationKind.Events, Entries = entries };

    /// <summary>Nothing to bill.</summary>
    public static MediationResult Discarded(string reason) => new() { Kind = MediationKind.Discarded, Reason = reason };

    /// <summary>Wrong.</summary>
    public static MediationResult Rejected(string code, string reason) => new() { Kind = MediationKind.Rejected, Code = code, Reason = reason };
}
