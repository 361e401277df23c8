using System.Globalization;
using System.Text.Json.Serialization;

namespace Billing.Invoicing;

/// <summary>Parameters of the numbering task <c>sequential</c>. <c>{year}</c> stands for the year of the invoice date, in both.</summary>
internal sealed record SequentialNumbersParameters
{
    /// <summary>Name of the series; with <c>{year}</c> in it numbers begin at 1 each year. Default <c>INV</c>.</summary>
    public string Series { get; init; } = "INV";

    /// <summary>How numbers are printed. Default <c>INV-{n:6}</c>.</summary>
    public string Pattern { get; init; } = "INV-{n:6}";
}

/// <summary>JSON of the parameters.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SequentialNumbersParameters))]
internal sealed partial class SequentialNumbersJson : JsonSerializerContext;

/// <summary>The built-in numbering task <c>sequential</c>: one series per legal entity, or one per year.</summary>
internal sealed class SequentialNumbers(SequentialNumbersParameters parameters) : IInvoiceNumberFormat
{
    public ValueTask<IReadOnlyList<InvoiceSeries>> ChooseAsync(IReadOnlyList<InvoiceSeriesRequest> requests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<InvoiceSeries>>([.. requests.Select(Choose)]);

    private InvoiceSeries Choose(InvoiceSeriesRequest request) => new(InYear(parameters.Series, request), InYear(parameters.Pattern, request));

    private static string InYear(string text, InvoiceSeriesRequest request) =>
        text.Replace("{year}", request.Date.Year.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
