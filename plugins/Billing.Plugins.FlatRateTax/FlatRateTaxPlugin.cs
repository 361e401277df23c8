using Billing.Plugins.FlatRateTax;
using Billing.Tasks;
using Billing.Tax;

[assembly: BillingPlugin<FlatRateTaxPlugin>("billing.flat-rate-tax")]

namespace Billing.Plugins.FlatRateTax;

/// <summary>Registers the tax task <c>flat-rate-tax</c>.</summary>
public sealed class FlatRateTaxPlugin : IBillingPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddTask<ITaxCalculator, FlatRateTaxParameters>("flat-rate-tax", FlatRateTaxJson.Default.FlatRateTaxParameters, static (_, parameters) => new FlatRateTaxCalculator(parameters));
    }
}
