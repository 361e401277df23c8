using NodaTime;

namespace Billing.Usage;

/// <summary>What an event does to a set of values.</summary>
public enum UsageOperation
{
    /// <summary>Adds its value. The default.</summary>
    Add,

    /// <summary>Takes its value away (unique counts).</summary>
    Remove,
}

/// <summary>One fact of usage: who, when, what kind, with which properties.</summary>
/// <remarks>Two events of a tenant with the same source and id are one: the first wins. Immutable.</remarks>
public sealed record UsageEvent
{
    /// <summary>The id, unique within the source.</summary>
    public required string Id { get; init; }

    /// <summary>Where it comes from (a switch, a feed). Default: the empty string.</summary>
    public string Source { get; init; } = "";

    /// <summary>When the usage happened.</summary>
    public required Instant At { get; init; }

    /// <summary>The type; meters choose their events by it.</summary>
    public required string Type { get; init; }

    /// <summary>What it does to a set of values.</summary>
    public UsageOperation Operation { get; init; }

    /// <summary>The properties, as text; numbers in invariant notation without exponent.</summary>
    public EquatableMap<string> Properties { get; init; } = EquatableMap<string>.Empty;
}
