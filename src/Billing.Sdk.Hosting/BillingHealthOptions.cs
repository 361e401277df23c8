using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting;

/// <summary>From when on a health check is degraded or unhealthy.</summary>
public sealed class BillingHealthOptions
{
    /// <summary>A run lags behind by more: degraded. Default two hours; choose more than the longest interval of a schedule.</summary>
    public Duration RunLagDegraded { get; set; } = Duration.FromHours(2);

    /// <summary>A run lags behind by more: unhealthy. Default two days.</summary>
    public Duration RunLagUnhealthy { get; set; } = Duration.FromDays(2);

    /// <summary>Messages lag behind by more: degraded. Default 15 minutes.</summary>
    public Duration OutboxLagDegraded { get; set; } = Duration.FromMinutes(15);

    /// <summary>Messages lag behind by more: unhealthy. Default one day.</summary>
    public Duration OutboxLagUnhealthy { get; set; } = Duration.FromDays(1);

    /// <summary>A scheduled run of this process failed so often in a row: degraded. Default 3.</summary>
    public int RunFailuresDegraded { get; set; } = 3;

    /// <summary>More payers of one tenant are in quarantine: degraded. Default 0.</summary>
    public int QuarantinedDegraded { get; set; }

    /// <summary>More payers of one tenant are in quarantine: unhealthy. Default 1,000.</summary>
    public int QuarantinedUnhealthy { get; set; } = 1000;

    /// <summary>More events of one tenant belong to nobody: degraded. Default 0.</summary>
    public int UnattributedDegraded { get; set; }
}

/// <summary>Refuses options that make no sense when the host starts.</summary>
internal sealed class BillingHealthOptionsValidator : IValidateOptions<BillingHealthOptions>
{
    public ValidateOptionsResult Validate(string? name, BillingHealthOptions options)
    {
        var faults = new List<string>();
        if (options.RunLagDegraded < Duration.Zero || options.RunLagUnhealthy < options.RunLagDegraded)
        {
            faults.Add($"{nameof(BillingHealthOptions.RunLagDegraded)} must not be negative, and {nameof(BillingHealthOptions.RunLagUnhealthy)} not shorter.");
        }

        if (options.OutboxLagDegraded < Duration.Zero || options.OutboxLagUnhealthy < options.OutboxLagDegraded)
        {
            faults.Add($"{nameof(BillingHealthOptions.OutboxLagDegraded)} must not be negative, and {nameof(BillingHealthOptions.OutboxLagUnhealthy)} not shorter.");
        }

        if (options.QuarantinedDegraded < 0 || options.QuarantinedUnhealthy < options.QuarantinedDegraded)
        {
            faults.Add($"{nameof(BillingHealthOptions.QuarantinedDegraded)} must not be negative, and {nameof(BillingHealthOptions.QuarantinedUnhealthy)} not less.");
        }

        if (options.UnattributedDegraded < 0 || options.RunFailuresDegraded < 1)
        {
            faults.Add($"{nameof(BillingHealthOptions.UnattributedDegraded)} must not be negative, and {nameof(BillingHealthOptions.RunFailuresDegraded)} at least 1.");
        }

        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
