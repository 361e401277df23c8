namespace Billing;

/// <summary>Who asks for a command, for which tenant, why, and under which idempotency key.</summary>
/// <remarks>Every command takes one; it is kept with what the command writes. Immutable.</remarks>
public sealed record CommandContext
{
    /// <summary>Creates a context.</summary>
    public CommandContext(TenantId tenant) => Tenant = tenant;

    /// <summary>The tenant.</summary>
    public TenantId Tenant { get; }

    /// <summary>Who acts: a user or system of the host. Default <c>system</c>.</summary>
    public string Actor { get; init; } = "system";

    /// <summary>Why, in words; kept for auditors. Default: none.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// Makes the command safe to repeat: a second command of the same kind with this key returns the first one's answer and changes nothing;
    /// with another request it is refused as <c>conflict</c>. Default: none, the command is executed each time. At most 128 characters.
    /// </summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Ties what happens to a request of the host's. Default: none.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>A context for a tenant with all defaults.</summary>
    public static implicit operator CommandContext(TenantId tenant) => new(tenant);

    /// <inheritdoc cref="CommandContext(TenantId)"/>
    public static CommandContext FromTenantId(TenantId tenant) => new(tenant);
}
