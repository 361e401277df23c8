using NodaTime;

namespace Billing.Credits;

/// <summary>Grants or sells credit.</summary>
public sealed record GrantCreditRequest
{
    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The id, unique for the customer.</summary>
    public required string Id { get; init; }

    /// <summary>What it is worth.</summary>
    public required decimal Amount { get; init; }

    /// <summary>From when it is worth nothing.</summary>
    public Instant? ExpiresAt { get; init; }

    /// <summary>Smaller is used first. Default 50.</summary>
    public int Priority { get; init; } = 50;

    /// <summary>Bought credit: what is invoiced for it; it can be used when that invoice is paid. Default 0: free.</summary>
    public decimal PaidAmount { get; init; }

    /// <summary>Charges that it may pay for; empty: all.</summary>
    public EquatableList<string> Charges { get; init; } = [];
}

/// <summary>Where a credit note's amount goes.</summary>
public enum CreditNoteTarget
{
    /// <summary>To the next invoices. The default.</summary>
    Balance,

    /// <summary>Back to the payment method.</summary>
    Refund,

    /// <summary>Off the invoice's open amount.</summary>
    Invoice,
}

/// <summary>Takes back (part of) an invoice.</summary>
public sealed record CreditNoteRequest
{
    /// <summary>The invoice.</summary>
    public required Guid InvoiceId { get; init; }

    /// <summary>Gross amount, shared over the lines; this or <see cref="Lines"/>; neither: all that is left.</summary>
    public decimal? Amount { get; init; }

    /// <summary>Gross amounts by line.</summary>
    public EquatableList<CreditNoteLine> Lines { get; init; } = [];

    /// <summary>Where it goes.</summary>
    public CreditNoteTarget To { get; init; }
}

/// <summary>What a credit note takes back of a line.</summary>
/// <param name="LineId">The line; <see langword="null"/> when <paramref name="Charge"/> names it.</param>
/// <param name="Charge">Code of the charge.</param>
/// <param name="Amount">Gross amount; <see langword="null"/>: all that is left.</param>
public sealed record CreditNoteLine(Guid? LineId, string? Charge, decimal? Amount);
