using System.Collections.Concurrent;
using NodaTime;

namespace Billing.Hosting;

/// <summary>How one scheduled run of a tenant fared in this process.</summary>
public sealed record RunReport
{
    /// <summary>The tenant.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>Name of the run.</summary>
    public required string Run { get; init; }

    /// <summary>When it was last begun.</summary>
    public required Instant StartedAt { get; init; }

    /// <summary>When it last ended well; <see langword="null"/>: not in this process.</summary>
    public Instant? SucceededAt { get; init; }

    /// <summary>How often it failed since it last ended well.</summary>
    public int Failures { get; init; }

    /// <summary>The last error; <see langword="null"/>: the last time went well.</summary>
    public string? LastError { get; init; }
}

/// <summary>The last report of each tenant's runs, for health checks. One per host; thread-safe.</summary>
public sealed class RunLog
{
    private readonly ConcurrentDictionary<(TenantId Tenant, string Run), RunReport> _reports = new();

    /// <summary>The reports, by tenant and run.</summary>
    public IReadOnlyList<RunReport> Reports => [.. _reports.Values.OrderBy(r => r.Tenant).ThenBy(r => r.Run, StringComparer.Ordinal)];

    /// <summary>The report of one run, or <see langword="null"/>.</summary>
    public RunReport? Find(TenantId tenant, string run) => _reports.GetValueOrDefault((tenant, run));

    internal RunReport Record(RunOccasion occasion, Instant startedAt, Instant endedAt, string? error) => _reports.AddOrUpdate(
        (occasion.Tenant, occasion.Run),
        _ => Next(new RunReport { Tenant = occasion.Tenant, Run = occasion.Run, StartedAt = startedAt }, startedAt, endedAt, error),
        (_, last) => Next(last, startedAt, endedAt, error));

    private static RunReport Next(RunReport last, Instant startedAt, Instant endedAt, string? error) => error is null
        ? last with { StartedAt = startedAt, SucceededAt = endedAt, Failures = 0, LastError = null }
        : last with { StartedAt = startedAt, Failures = last.Failures + 1, LastError = error };
}
