using Billing.Tax;
using NodaTime;
using NodaTime.Text;

namespace Billing.Plugins.FlatRateTax;

/// <summary>Tax by a table of percentages. Thread-safe.</summary>
internal sealed class FlatRateTaxCalculator : TaxCalculator
{
    private readonly IReadOnlyList<Rule> _rules;

    public FlatRateTaxCalculator(FlatRateTaxParameters parameters) => _rules = [.. parameters.Rates.Select((rate, i) => new Rule(rate, $"rates[{i}]"))];

    protected override ValueTask<TaxResult> CalculateAsync(TaxRequest request, CancellationToken cancellationToken)
    {
        var rules = _rules.Where(r => r.FitsCustomer(request)).ToList();
        IReadOnlyList<IReadOnlyList<TaxRate>> lines = [.. request.Lines.Select(line => (IReadOnlyList<TaxRate>)[.. rules.Where(r => r.FitsProduct(line.Product)).Select(r => r.Rate)])];
        return ValueTask.FromResult(new TaxResult(lines));
    }

    private sealed class Rule
    {
        private readonly FlatRate _rate;
        private readonly LocalDate? _from;
        private readonly LocalDate? _until;

        public Rule(FlatRate rate, string path)
        {
            _rate = rate;
            _from = Date(rate.From, $"{path}.from");
            _until = Date(rate.Until, $"{path}.until");
            if (rate.Code.Length == 0)
            {
                throw Refused($"{path}.code", "The code is empty.");
            }

            if (rate.Percent is < 0m or > 1000m)
            {
                throw Refused($"{path}.percent", "A rate is 0 to 1000 percent.");
            }

            if (_until <= _from)
            {
                throw Refused($"{path}.until", "It ends before it begins.");
            }

            Rate = new TaxRate { Code = rate.Code, Percent = rate.Percent, Inclusive = rate.Inclusive };
        }

        public TaxRate Rate { get; }

        public bool FitsCustomer(TaxRequest request) =>
            (_rate.Country is null || _rate.Country == request.Country)
            && (_rate.Region is null || _rate.Region == request.Region)
            && (_from is not { } from || request.Date >= from)
            && (_until is not { } until || request.Date < until);

        public bool FitsProduct(string? product) => _rate.Products is not { } products || (product is not null && products.Contains(product));

        private static LocalDate? Date(string? text, string path) =>
            text is null ? null
            : LocalDatePattern.Iso.Parse(text) is { Success: true, Value: var date } ? date
            : throw Refused(path, $"'{text}' is not a date (2024-01-31).");

        private static BillingException Refused(string key, string message) => BillingException.Validation("task", "tax/flat-rate-tax", key, message);
    }
}
