using Billing.Payments;
using Billing.Plugins.FixedScheduleRetry;
using Billing.Tasks;

[assembly: BillingPlugin<FixedScheduleRetryPlugin>("billing.fixed-schedule-retry")]

namespace Billing.Plugins.FixedScheduleRetry;

/// <summary>Registers the payment-retry task <c>fixed-schedule</c>.</summary>
public sealed class FixedScheduleRetryPlugin : IBillingPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddTask<IPaymentRetryPolicy, FixedScheduleParameters>("fixed-schedule", FixedScheduleJson.Default.FixedScheduleParameters, static (_, parameters) => new FixedSchedule(parameters));
    }
}
