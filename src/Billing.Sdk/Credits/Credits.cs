using NodaTime;

namespace Billing.Credits;

/// <summary>Credit that was granted or bought, with expiry, priority and scope.</summary>
public sealed record CreditGrant : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The id, chosen by the host, unique for the customer.</summary>
    public required string Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>What it was worth.</summary>
    public required decimal Amount { get; init; }

    /// <summary>What is left of it, before expiry.</summary>
    public required decimal Remaining { get; init; }

    /// <summary>From this instant on it is worth nothing.</summary>
    public Instant? ExpiresAt { get; init; }

    /// <summary>Smaller is used first. Default 50.</summary>
    public int Priority { get; init; } = 50;

    /// <summary>What was paid for it; 0 for a free one.</summary>
    public decimal PaidAmount { get; init; }

    /// <summary>Charges that it may pay for (with their tax); empty: all.</summary>
    public EquatableList<string> Charges { get; init; } = [];

    /// <summary>Whether it can be used: a bought one only when its invoice is paid.</summary>
    public bool Usable { get; init; } = true;

    /// <summary>The invoice that it was bought with.</summary>
    public Guid? InvoiceId { get; init; }

    /// <summary>Whether its expiry has been posted.</summary>
    public bool Expired { get; init; }

    /// <summary>When it was created.</summary>
    public required Instant CreatedAt { get; init; }

    /// <summary>1, 2, 3, … in order of creation for the payer.</summary>
    public required int Ordinal { get; init; }
}

/// <summary>A document that takes back (part of) an invoice.</summary>
public sealed record CreditNote : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the document.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>1, 2, 3, … in order of creation for the payer.</summary>
    public required int Ordinal { get; init; }

    /// <summary>The legal entity that issues it.</summary>
    public required string LegalEntity { get; init; }

    /// <summary>The number series.</summary>
    public required string Series { get; init; }

    /// <summary>The invoice that it corrects, when one.</summary>
    public Guid? InvoiceId { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>What it takes back, tax included.</summary>
    public required decimal Total { get; init; }

    /// <summary>Tax in it.</summary>
    public required decimal Tax { get; init; }

    /// <summary>What is left to be used on invoices.</summary>
    public required decimal Remaining { get; init; }

    /// <summary>The date on it.</summary>
    public required LocalDate Date { get; init; }

    /// <summary>When it was issued.</summary>
    public required Instant IssuedAt { get; init; }
}

/// <summary>Where credit that paid an invoice came from.</summary>
public enum CreditSource
{
    /// <summary>A credit note.</summary>
    CreditNote,

    /// <summary>The credit balance.</summary>
    Balance,

    /// <summary>A credit grant.</summary>
    Grant,
}

/// <summary>One use of credit on an invoice; rows are only added, a negative one gives credit back.</summary>
public sealed record CreditUse : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the row.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The invoice that it paid.</summary>
    public required Guid InvoiceId { get; init; }

    /// <summary>Where it came from.</summary>
    public required CreditSource Source { get; init; }

    /// <summary>Id of the note or grant; empty for the balance.</summary>
    public required string SourceId { get; init; }

    /// <summary>How much.</summary>
    public required decimal Amount { get; init; }

    /// <summary>When.</summary>
    public required Instant At { get; init; }
}
