using Billing.Storage;
using Billing.Tasks;
using NodaTime;

namespace Billing.Hosting;

/// <summary>How billing stands at a moment, over all tenants that are looked at. Immutable.</summary>
public sealed record BillingStatus
{
    /// <summary>When it was taken.</summary>
    public required Instant TakenAt { get; init; }

    /// <summary>By tenant, in order of id.</summary>
    public IReadOnlyList<TenantStatus> Tenants { get; init; } = [];

    /// <summary>Why the store could not be read; <see langword="null"/>: it could. <see cref="Tenants"/> is empty then.</summary>
    public string? StorageError { get; init; }
}

/// <summary>How billing of one tenant stands. Immutable.</summary>
public sealed record TenantStatus
{
    /// <summary>The tenant.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>For each kind of run, how long the oldest item has been due; zero: none is.</summary>
    public required IReadOnlyDictionary<DueKind, Duration> RunLag { get; init; }

    /// <summary>How long the oldest message that is not delivered has been due; zero: none is.</summary>
    public required Duration OutboxLag { get; init; }

    /// <summary>Payers in quarantine.</summary>
    public required int Quarantined { get; init; }

    /// <summary>Usage events that belong to nobody, at most <see cref="MonitorOptions.CountedAtMost"/>.</summary>
    public required int UnattributedUsage { get; init; }

    /// <summary>Tasks that the tenant's configuration names and that cannot be used: its runs are refused. Empty: none.</summary>
    public required IReadOnlyList<MissingTask> MissingTasks { get; init; }
}
