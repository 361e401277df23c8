using Billing.Processing;
using NodaTime;

namespace Billing.Hosting;

/// <summary>Which runs are done when, for which tenants.</summary>
/// <remarks>Set it up at start; it is not meant to be changed afterwards.</remarks>
public class RunScheduleOptions
{
    private readonly Dictionary<string, RunSchedule?> _schedules = new(StringComparer.Ordinal)
    {
        [ScheduledRuns.Bill] = RunSchedule.Every(Duration.FromHours(1)),
        [ScheduledRuns.Collect] = RunSchedule.Every(Duration.FromMinutes(15)),
        [ScheduledRuns.Age] = RunSchedule.Daily(new LocalTime(6, 0)),
        [ScheduledRuns.ExpireCredits] = RunSchedule.Daily(new LocalTime(0, 30)),
        [ScheduledRuns.Dispatch] = RunSchedule.Every(Duration.FromMinutes(1)),
        [ScheduledRuns.DropUsage] = RunSchedule.Daily(new LocalTime(3, 30)),
    };

    private readonly Dictionary<(TenantId Tenant, string Run), RunSchedule?> _ofTenants = [];

    /// <summary>The tenants whose runs are done here; <see langword="null"/> (the default): all, also those that are created later.</summary>
    public IReadOnlyCollection<TenantId>? Tenants { get; set; }

    /// <summary>How long raw usage events are kept; <see langword="null"/> (the default): for good. At least one day.</summary>
    public Duration? UsageRetention { get; set; }

    /// <summary>Payers in one shard of a billing run. Default 5,000.</summary>
    public int ShardSize { get; set; } = 5000;

    /// <summary>How shards are worked off: page size, lease, shards at once. Default: a lease of one minute, else the defaults of <see cref="WorkerOptions"/>.</summary>
    public WorkerOptions Worker { get; set; } = new() { Lease = Duration.FromMinutes(1) };

    /// <summary>How often the list of tenants is read again. Default one minute.</summary>
    public Duration TenantRefresh { get; set; } = Duration.FromMinutes(1);

    /// <summary>The names that have a schedule, of any tenant.</summary>
    public IEnumerable<string> Runs => _schedules.Keys.Concat(_ofTenants.Keys.Select(k => k.Run)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>Sets when a run is done for every tenant that has no schedule of its own.</summary>
    /// <param name="run">One of <see cref="ScheduledRuns"/>, or the name of an <see cref="IScheduledRun"/> of the host's.</param>
    /// <param name="schedule">The schedule; <see langword="null"/>: never.</param>
    public RunScheduleOptions Schedule(string run, RunSchedule? schedule)
    {
        ArgumentException.ThrowIfNullOrEmpty(run);
        _schedules[run] = schedule;
        return this;
    }

    /// <summary>Sets when a run is done for one tenant.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="run">One of <see cref="ScheduledRuns"/>, or the name of an <see cref="IScheduledRun"/> of the host's.</param>
    /// <param name="schedule">The schedule; <see langword="null"/>: never.</param>
    public RunScheduleOptions Schedule(TenantId tenant, string run, RunSchedule? schedule)
    {
        ArgumentException.ThrowIfNullOrEmpty(run);
        _ofTenants[(tenant, run)] = schedule;
        return this;
    }

    /// <summary>The schedule of a tenant's run; <see langword="null"/>: never.</summary>
    public RunSchedule? ScheduleOf(TenantId tenant, string run)
    {
        if (run == ScheduledRuns.DropUsage && UsageRetention is null)
        {
            return null;
        }

        return _ofTenants.TryGetValue((tenant, run), out var own) ? own : _schedules.GetValueOrDefault(run);
    }

    /// <summary>Whether the tenant's runs are done here.</summary>
    public bool Includes(TenantId tenant) => Tenants is null || Tenants.Contains(tenant);

    /// <summary>What is wrong with the values; empty: nothing.</summary>
    /// <param name="known">Names of the runs that there are.</param>
    public IReadOnlyList<string> Check(IReadOnlyCollection<string> known)
    {
        ArgumentNullException.ThrowIfNull(known);
        var faults = Runs.Where(run => !known.Contains(run))
            .Select(run => $"There is no run '{run}' to schedule. Runs: {string.Join(", ", known.Order(StringComparer.Ordinal))}.")
            .ToList();
        if (Worker.Lease < Duration.FromSeconds(1) || Worker.PageSize is < 1 or > 10_000 || Worker.Degree is < 1 or > 64 || Worker.Shard is not null)
        {
            faults.Add($"{nameof(Worker)} must have a lease of at least one second, 1 to 10,000 payers per page, a degree of 1 to 64, and no shard.");
        }

        if (ShardSize is < 1 or > 1_000_000)
        {
            faults.Add($"{nameof(ShardSize)} is {ShardSize}, and must be 1 to 1,000,000.");
        }

        if (UsageRetention is { } kept && kept < Duration.FromDays(1))
        {
            faults.Add($"{nameof(UsageRetention)} is {kept.ToTimeSpan()}, and must be at least one day.");
        }

        if (TenantRefresh < Duration.FromSeconds(1))
        {
            faults.Add($"{nameof(TenantRefresh)} is {TenantRefresh.ToTimeSpan()}, and must be at least one second.");
        }

        return faults;
    }
}
