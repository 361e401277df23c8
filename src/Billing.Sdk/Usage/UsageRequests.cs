namespace Billing.Usage;

/// <summary>What became of one event.</summary>
public enum UsageStatus
{
    /// <summary>Stored and attributed.</summary>
    Accepted,

    /// <summary>Known already; dropped.</summary>
    Duplicate,

    /// <summary>Stored without a subscription that it belongs to; not billed.</summary>
    Unattributed,

    /// <summary>Refused; nothing stored.</summary>
    Rejected,
}

/// <summary>What became of one event.</summary>
public sealed record UsageEntryResult
{
    /// <summary>What.</summary>
    public required UsageStatus Status { get; init; }

    /// <summary>Rejected: stable code.</summary>
    public string? Code { get; init; }

    /// <summary>Rejected: why.</summary>
    public string? Message { get; init; }
}

/// <summary>Corrects a stored event.</summary>
public sealed record CorrectUsageRequest
{
    /// <summary>Source of the event.</summary>
    public string Source { get; init; } = "";

    /// <summary>Id of the event.</summary>
    public required string Id { get; init; }

    /// <summary>The new properties; <see langword="null"/> when it is removed.</summary>
    public EquatableMap<string>? Properties { get; init; }

    /// <summary>Whether it is taken away. Default false.</summary>
    public bool Remove { get; init; }
}
