using NodaTime;
using NodaTime.Text;

namespace Billing.Hosting;

/// <summary>Something that is done for each tenant on a schedule: one of the engine's runs, or a task of the host's own.</summary>
/// <remarks>
/// Register an implementation with <see cref="HostedRunsExtensions.AddScheduledRun{T}"/>; it is one instance for all tenants and must be thread-safe. It is called for one tenant at a
/// time and may be called again for the same moment, by this process or another: after an error, a stop, or because two processes do the same runs. So it must be safe to repeat.
/// </remarks>
public interface IScheduledRun
{
    /// <summary>Its name in schedules, logs and metrics: lower case, unique.</summary>
    string Name { get; }

    /// <summary>Does it.</summary>
    /// <param name="occasion">The tenant, and the moment for which it is done.</param>
    /// <param name="cancellationToken">Asks to stop: what is begun is finished or dropped, never left half-written.</param>
    /// <returns>What was done, in words, for the log; empty: nothing.</returns>
    Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken);
}

/// <summary>One time that a run is due.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Run">Name of the run.</param>
/// <param name="ScheduledAt">The moment for which it is done; a repetition after an error keeps it until the next one comes.</param>
public sealed record RunOccasion(TenantId Tenant, string Run, Instant ScheduledAt)
{
    /// <summary>The context of commands that the run gives.</summary>
    public CommandContext Context => new(Tenant) { Actor = "scheduler", Reason = $"scheduled run {Run}" };

    /// <summary>A key that is the same for all who do this run for this moment, and for no other.</summary>
    public string IdempotencyKey => $"scheduled/{Run}/{InstantPattern.ExtendedIso.Format(ScheduledAt)}";
}
