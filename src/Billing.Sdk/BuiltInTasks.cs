using Billing.Catalog;
using Billing.Invoicing;
using Billing.Rating;
using Billing.Tasks;

namespace Billing;

/// <summary>The engine's own tasks, registered as a plugin's are.</summary>
internal sealed class BuiltInTasks : IBillingPlugin
{
    /// <summary>Name under which reports show them.</summary>
    public const string PluginName = "billing";

    public void Configure(IPluginBuilder builder)
    {
        builder
            .AddTask<IPricingRule>(PriceModels.Flat, static _ => new FlatPricing())
            .AddTask<IPricingRule>(PriceModels.PerUnit, static _ => new PerUnitPricing())
            .AddTask<IPricingRule>(PriceModels.Graduated, static _ => new GraduatedPricing(percentage: false))
            .AddTask<IPricingRule>(PriceModels.Volume, static _ => new VolumePricing())
            .AddTask<IPricingRule>(PriceModels.Stairstep, static _ => new VolumePricing())
            .AddTask<IPricingRule>(PriceModels.Package, static _ => new PackagePricing())
            .AddTask<IPricingRule>(PriceModels.Percentage, static _ => new PercentagePricing())
            .AddTask<IPricingRule>(PriceModels.GraduatedPercentage, static _ => new GraduatedPricing(percentage: true))
            .AddTask<IPricingRule>(PriceModels.Dynamic, static _ => new DynamicPricing())
            .AddTask<IInvoiceNumberFormat, SequentialNumbersParameters>(
                "sequential",
                SequentialNumbersJson.Default.SequentialNumbersParameters,
                static (_, parameters) => new SequentialNumbers(Checked(parameters)));
    }

    /// <summary>A pattern that cannot be printed is refused when it is saved, not when the first invoice is numbered.</summary>
    private static SequentialNumbersParameters Checked(SequentialNumbersParameters parameters)
    {
        _ = Storage.NumberPattern.Format(parameters.Pattern.Replace("{year}", "2000", StringComparison.Ordinal), 1);
        return parameters;
    }
}
