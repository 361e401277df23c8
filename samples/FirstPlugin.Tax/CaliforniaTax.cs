using Billing.Tasks;
using Billing.Tax;

[assembly: BillingPlugin<FirstPlugin.Tax.TaxPlugin>("first-tax")]

namespace FirstPlugin.Tax;

public sealed class TaxPlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) => builder.AddTask<ITaxCalculator>("first-tax/california", _ => new CaliforniaTax());
}

public sealed class CaliforniaTax : TaxCalculator
{
    private static readonly TaxRate[] None = [];
    private static readonly TaxRate[] State = [new TaxRate { Code = "CA", Percent = 7.25m }];

    protected override ValueTask<TaxResult> CalculateAsync(TaxRequest request, CancellationToken cancellationToken) =>
        new(new TaxResult([.. request.Lines.Select(_ => request is { Country: "US", Region: "CA" } ? State : None)]));
}
