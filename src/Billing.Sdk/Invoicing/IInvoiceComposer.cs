using Billing.Tasks;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>Adds lines to invoices before discounts and tax: surcharges, bundles, adjustments.</summary>
/// <remarks>
/// All of a tenant's composers are asked, in order. A line has a stable key: the engine books the difference to what is booked under that key, so a composer that
/// answers the same twice bills once. Thread-safe and pure.
/// </remarks>
[TaskStage("composition", TaskChainKind.All)]
public interface IInvoiceComposer
{
    /// <summary>The lines to add to each invoice, in order of the requests.</summary>
    ValueTask<IReadOnlyList<IReadOnlyList<ComposedLine>>> ComposeAsync(IReadOnlyList<CompositionRequest> requests, CancellationToken cancellationToken);
}

/// <summary>An invoice in the making.</summary>
public sealed record CompositionRequest
{
    /// <summary>The payer.</summary>
    public required string PayerId { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>Date of the invoice.</summary>
    public required LocalDate Date { get; init; }

    /// <summary>The lines so far, before discounts and tax.</summary>
    public required IReadOnlyList<InvoiceLine> Lines { get; init; }
}

/// <summary>A line that a composer adds.</summary>
public sealed record ComposedLine
{
    /// <summary>What it is for, unique for the composer and payer and the same whenever it is asked again.</summary>
    public required string Key { get; init; }

    /// <summary>The text on the invoice.</summary>
    public required string Description { get; init; }

    /// <summary>The amount in all that is owed under the key.</summary>
    public required decimal Amount { get; init; }

    /// <summary>The customer; <see langword="null"/>: the payer.</summary>
    public string? CustomerId { get; init; }

    /// <summary>Code of a charge, for tax and coupons.</summary>
    public string? Charge { get; init; }

    /// <summary>For tax rules.</summary>
    public string? TaxCode { get; init; }
}

/// <summary>Holds payers back from a billing run (a blocked account, a dispute under way).</summary>
/// <remarks>All must agree. What is held back is due again later. Thread-safe.</remarks>
[TaskStage("billing-selection", TaskChainKind.All)]
public interface IBillingFilter
{
    /// <summary>For each payer, in order, the reason why it is not billed now; <see langword="null"/>: it is.</summary>
    ValueTask<IReadOnlyList<string?>> HoldBackAsync(IReadOnlyList<string> payerIds, Instant asOf, CancellationToken cancellationToken);
}
