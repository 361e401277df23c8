namespace Billing.Tasks;

/// <summary>A tenant's task chains as the store keeps them.</summary>
public sealed record TaskConfigurationRow : IVersionedRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The entries: a JSON array, as <c>TaskConfiguration</c> reads and writes it.</summary>
    public required string Entries { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}
