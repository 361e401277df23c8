namespace Billing.Invoicing;

/// <summary>Adds a charge that is no part of a plan.</summary>
public sealed record AddChargeRequest
{
    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The amount; negative for a credit.</summary>
    public required decimal Amount { get; init; }

    /// <summary>The text on the invoice.</summary>
    public string? Description { get; init; }

    /// <summary>Whether it is invoiced at once; else with the next invoice. Default false.</summary>
    public bool InvoiceNow { get; init; }

    /// <summary>For tax rules.</summary>
    public string? TaxCode { get; init; }
}

/// <summary>An invoice with its lines.</summary>
/// <param name="Invoice">The invoice.</param>
/// <param name="Lines">Its lines, by position.</param>
public sealed record InvoiceDocument(Invoice Invoice, EquatableList<InvoiceLine> Lines);
