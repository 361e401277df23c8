using Billing.Collections;
using Billing.Plugins.AgingSteps;
using Billing.Tasks;

[assembly: BillingPlugin<AgingStepsPlugin>("billing.aging-steps")]

namespace Billing.Plugins.AgingSteps;

/// <summary>Registers the aging task <c>aging-steps</c>.</summary>
public sealed class AgingStepsPlugin : IBillingPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddTask<IAgingPolicy, AgingStepsParameters>("aging-steps", AgingStepsJson.Default.AgingStepsParameters, static (_, parameters) => new AgingStepsPolicy(parameters));
    }
}
