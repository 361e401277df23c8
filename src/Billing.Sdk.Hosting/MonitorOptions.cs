using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting;

/// <summary>What the monitor looks at, and how often.</summary>
public sealed class MonitorOptions
{
    /// <summary>How often it looks, for the gauges; also how long health checks use what it saw. Default one minute.</summary>
    public Duration Interval { get; set; } = Duration.FromMinutes(1);

    /// <summary>The tenants that it looks at; <see langword="null"/> (the default): all.</summary>
    public IReadOnlyCollection<TenantId>? Tenants { get; set; }

    /// <summary>Unattributed events are counted up to this number. Default 1,000.</summary>
    public int CountedAtMost { get; set; } = 1000;
}

/// <summary>Refuses options that make no sense when the host starts.</summary>
internal sealed class MonitorOptionsValidator : IValidateOptions<MonitorOptions>
{
    public ValidateOptionsResult Validate(string? name, MonitorOptions options)
    {
        if (options.Interval < Duration.FromSeconds(1))
        {
            return ValidateOptionsResult.Fail($"{nameof(MonitorOptions.Interval)} is {options.Interval.ToTimeSpan()}, and must be at least one second.");
        }

        return options.CountedAtMost is < 1 or > 1_000_000
            ? ValidateOptionsResult.Fail($"{nameof(MonitorOptions.CountedAtMost)} is {options.CountedAtMost}, and must be 1 to 1,000,000.")
            : ValidateOptionsResult.Success;
    }
}
