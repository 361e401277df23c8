using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting;

/// <summary>How one process does the runs.</summary>
public sealed class HostedRunsOptions : RunScheduleOptions
{
    /// <summary>Whether each run is done once when the process starts, for what became due while none ran. Default <see langword="true"/>.</summary>
    public bool RunAtStart { get; set; } = true;

    /// <summary>Runs that work at the same moment, over all tenants; the others wait their turn. Default 4.</summary>
    public int RunsAtOnce { get; set; } = 4;

    /// <summary>How long a run that failed waits before it is tried again; doubled each time. Default 5 seconds.</summary>
    public Duration FirstBackOff { get; set; } = Duration.FromSeconds(5);

    /// <summary>The longest such wait. Default 10 minutes.</summary>
    public Duration LongestBackOff { get; set; } = Duration.FromMinutes(10);
}

/// <summary>Refuses options that make no sense when the host starts.</summary>
internal sealed class HostedRunsOptionsValidator(IEnumerable<IScheduledRun> runs) : IValidateOptions<HostedRunsOptions>
{
    public ValidateOptionsResult Validate(string? name, HostedRunsOptions options)
    {
        var faults = options.Check([.. runs.Select(r => r.Name)]).ToList();
        faults.AddRange(runs.GroupBy(r => r.Name, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => $"{g.Count()} runs have the name '{g.Key}'."));
        if (options.RunsAtOnce is < 1 or > 1000)
        {
            faults.Add($"{nameof(HostedRunsOptions.RunsAtOnce)} is {options.RunsAtOnce}, and must be 1 to 1,000.");
        }

        if (options.FirstBackOff <= Duration.Zero || options.LongestBackOff < options.FirstBackOff)
        {
            faults.Add($"{nameof(HostedRunsOptions.FirstBackOff)} must be more than zero, and {nameof(HostedRunsOptions.LongestBackOff)} not shorter.");
        }

        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
