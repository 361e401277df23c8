using Billing.Hosting;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Quartz;

/// <summary>What becomes of moments of a schedule that passed while no process was there to do the run.</summary>
public enum MissedRuns
{
    /// <summary>All of them together are done once, as soon as a process is there.</summary>
    DoOnce,

    /// <summary>They are left out; the next moment of the schedule is the next run. A run bills what is due, so nothing is lost by that but time.</summary>
    Skip,
}

/// <summary>How the processes of a cluster share the runs.</summary>
/// <remarks>All processes of a cluster have the same values, <see cref="InstanceId"/>, <see cref="Works"/> and <see cref="JobsAtOnce"/> aside.</remarks>
public sealed class QuartzRunsOptions : RunScheduleOptions
{
    /// <summary>An Npgsql connection string of the database that holds Quartz's tables: the engine's own, or another. Required.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>Name of the cluster: schedulers of one name on one database share the work. Default <c>billing</c>.</summary>
    public string SchedulerName { get; set; } = "billing";

    /// <summary>Name of this process in the cluster, unlike all others'; <see langword="null"/> (the default): made of machine and time.</summary>
    public string? InstanceId { get; set; }

    /// <summary>First letters of Quartz's tables. Default <c>qrtz_</c>.</summary>
    public string TablePrefix { get; set; } = "qrtz_";

    /// <summary>Whether Quartz's tables are created when they are missing. Default <see langword="true"/>.</summary>
    public bool CreateTables { get; set; } = true;

    /// <summary>Whether this process works. One that does not can start runs and set schedules for those that do. Default <see langword="true"/>.</summary>
    public bool Works { get; set; } = true;

    /// <summary>Jobs (runs and shards of billing runs) that this process does at the same moment. Default 4; about the cores of the machine.</summary>
    public int JobsAtOnce { get; set; } = 4;

    /// <summary>How often a process says that it is alive. Default 5 seconds.</summary>
    public Duration CheckInInterval { get; set; } = Duration.FromSeconds(5);

    /// <summary>How long after a missed sign of life another process takes its jobs over. Longer than the longest pause of a healthy process. Default 10 seconds.</summary>
    public Duration CheckInTolerance { get; set; } = Duration.FromSeconds(10);

    /// <summary>How late a run may begin and still count as on time. Default one minute.</summary>
    public Duration MissedAfter { get; set; } = Duration.FromMinutes(1);

    /// <summary>What becomes of moments that passed. Default: done once.</summary>
    public MissedRuns Missed { get; set; }

    /// <summary>How long a job that failed waits before it is tried again; doubled each time. Default 5 seconds.</summary>
    public Duration FirstBackOff { get; set; } = Duration.FromSeconds(5);

    /// <summary>The longest such wait. Default 10 minutes.</summary>
    public Duration LongestBackOff { get; set; } = Duration.FromMinutes(10);

    /// <summary>What is wrong with the values that Quartz itself is given; empty: nothing.</summary>
    internal IReadOnlyList<string> CheckCluster()
    {
        var faults = new List<string>();
        if (string.IsNullOrWhiteSpace(ConnectionString))
        {
            faults.Add($"{nameof(ConnectionString)} is empty: name the PostgreSQL database that the cluster shares.");
        }

        if (string.IsNullOrWhiteSpace(SchedulerName) || SchedulerName.Length > 100)
        {
            faults.Add($"{nameof(SchedulerName)} has 1 to 100 characters.");
        }

        if (JobsAtOnce is < 1 or > 1000)
        {
            faults.Add($"{nameof(JobsAtOnce)} is {JobsAtOnce}, and must be 1 to 1,000.");
        }

        if (CheckInInterval < Duration.FromMilliseconds(100) || CheckInTolerance < Duration.FromMilliseconds(100) || MissedAfter < Duration.FromSeconds(1))
        {
            faults.Add($"{nameof(CheckInInterval)} and {nameof(CheckInTolerance)} must be at least 100 ms, {nameof(MissedAfter)} at least one second.");
        }

        if (FirstBackOff <= Duration.Zero || LongestBackOff < FirstBackOff)
        {
            faults.Add($"{nameof(FirstBackOff)} must be more than zero, and {nameof(LongestBackOff)} not shorter.");
        }

        return faults;
    }
}

/// <summary>Refuses options that make no sense when the host starts.</summary>
internal sealed class QuartzRunsOptionsValidator(IEnumerable<IScheduledRun> runs) : IValidateOptions<QuartzRunsOptions>
{
    public ValidateOptionsResult Validate(string? name, QuartzRunsOptions options)
    {
        var faults = options.Check([.. runs.Select(r => r.Name)]).Concat(options.CheckCluster()).ToList();
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
