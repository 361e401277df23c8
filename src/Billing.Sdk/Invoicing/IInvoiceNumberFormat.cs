using Billing.Tasks;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>Chooses the number series of an invoice and how its numbers are printed. The engine keeps the counters, so numbers have no gaps.</summary>
/// <remarks>One per tenant; without one the series is <c>INV</c>, printed <c>INV-000001</c>. Pure and thread-safe.</remarks>
[TaskStage("numbering", TaskChainKind.One)]
public interface IInvoiceNumberFormat
{
    /// <summary>Answers a batch, in order.</summary>
    ValueTask<IReadOnlyList<InvoiceSeries>> ChooseAsync(IReadOnlyList<InvoiceSeriesRequest> requests, CancellationToken cancellationToken);
}

/// <summary>An invoice that will get a number.</summary>
/// <param name="LegalEntity">The legal entity that issues it.</param>
/// <param name="PayerId">The payer.</param>
/// <param name="Currency">ISO 4217 code.</param>
/// <param name="Date">Date of the invoice.</param>
public sealed record InvoiceSeriesRequest(string LegalEntity, string PayerId, string Currency, LocalDate Date);

/// <summary>A number series.</summary>
/// <param name="Series">Its name; each has a counter of its own.</param>
/// <param name="Pattern">How numbers are printed: <c>{n}</c>, or <c>{n:6}</c> for at least six digits.</param>
public sealed record InvoiceSeries(string Series, string Pattern)
{
    /// <summary>What is used when the tenant says nothing.</summary>
    public static InvoiceSeries Default { get; } = new("INV", "INV-{n:6}");
}
