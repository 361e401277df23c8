namespace Billing.Tasks;

/// <summary>Which tasks run for a tenant, in which order and with which parameters: plain data that the host stores.</summary>
/// <remarks>Immutable and compared by value. Check it with <see cref="TaskConfigurationValidator"/> before it is saved.</remarks>
public sealed record TaskConfiguration
{
    /// <summary>
    /// Grows with each change. Task instances are kept per tenant and version, so two different configurations of one tenant must never
    /// carry the same version. Default 0.
    /// </summary>
    public long Version { get; init; }

    /// <summary>The tasks, in any order; <see cref="TaskEntry.Order"/> decides. Default: none.</summary>
    public EquatableList<TaskEntry> Entries { get; init; } = [];
}

/// <summary>One task of a tenant's configuration. A stage names each of its tasks once.</summary>
public sealed record TaskEntry
{
    /// <summary>The stage's name (<c>tax</c>).</summary>
    public required string Stage { get; init; }

    /// <summary>The task's name (<c>acme.tax/flat</c>).</summary>
    public required string Task { get; init; }

    /// <summary>Position in the stage's chain, lowest first; tasks of equal order run in ordinal order of their names. Default 0.</summary>
    public int Order { get; init; }

    /// <summary>Whether it takes part. A disabled task may be one that is not loaded. Default <see langword="true"/>.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>The parameters as the text of a JSON object. Default <see langword="null"/>: none, the same as an empty object.</summary>
    public string? Parameters { get; init; }
}
