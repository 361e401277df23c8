using NodaTime;

namespace Billing.Customers;

/// <summary>Somebody who is billed. Names and addresses stand apart in <see cref="CustomerContact"/>.</summary>
public sealed record Customer : IVersionedRow, IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The id, chosen by the host.</summary>
    public required string Id { get; init; }

    /// <summary>Id of the customer that its charges are invoiced to: its own, or its parent's.</summary>
    public required string PayerId { get; init; }

    /// <summary>The parent that pays; <see langword="null"/>: it pays for itself.</summary>
    public string? ParentId { get; init; }

    /// <summary>ISO 4217 code of its balances and invoices.</summary>
    public required string Currency { get; init; }

    /// <summary>IANA zone of its periods, days and due dates; <see langword="null"/>: the tenant's.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Day of the month, 1 to 31, on which its month-based subscriptions renew when the tenant aligns accounts.</summary>
    public int? BillingDay { get; init; }

    /// <summary>ISO 3166 country for tax.</summary>
    public string? Country { get; init; }

    /// <summary>Region (state, province) for tax.</summary>
    public string? Region { get; init; }

    /// <summary>Its tax number.</summary>
    public string? TaxId { get; init; }

    /// <summary>Whether it pays no tax.</summary>
    public bool TaxExempt { get; init; }

    /// <summary>Payer: what we owe it outside of credit notes and grants (adjustments, negative invoices, overpayments), in its currency. Below 0: it owes us that with its next invoice.</summary>
    public decimal CreditBalance { get; init; }

    /// <summary>Payer: the number of the last message sent about it, so that messages keep their order.</summary>
    public long MessageSequence { get; init; }

    /// <summary>Payer: when a billing run has to look at it next; <see langword="null"/>: nothing lies ahead.</summary>
    public Instant? DueAt { get; init; }

    /// <summary>Payer: the last moment that a run billed; <see langword="null"/>: none yet. Usage before it is late.</summary>
    public Instant? BilledThrough { get; init; }

    /// <summary>Payer: periods that end by then are settled; runs do not look at them again unless something reaches back. <see langword="null"/>: none is.</summary>
    public Instant? SettledThrough { get; init; }

    /// <summary>Payer: lines recorded before this moment belong to settled periods. Default: 1970-01-01.</summary>
    public Instant HistoryFrom { get; init; }

    /// <summary>Payer: invoices with a lower ordinal have nothing left to be done by a billing run.</summary>
    public int FirstOpenInvoice { get; init; }

    /// <summary>Payer: ordinal of its last invoice; 0: it has none.</summary>
    public int LastInvoiceOrdinal { get; init; }

    /// <summary>When it was created.</summary>
    public required Instant CreatedAt { get; init; }

    /// <summary>Counts the changes of the payer and all that belongs to it: every command and every run adds one.</summary>
    public required long BillingVersion { get; init; }

    long IVersionedRow.Version => BillingVersion;

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { BillingVersion = version };
}

/// <summary>Name and addresses of a customer from a moment on: the personal data, in a table of its own. A change adds a row.</summary>
public sealed record CustomerContact : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the row.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>Whose contact.</summary>
    public required string CustomerId { get; init; }

    /// <summary>From when it holds.</summary>
    public required Instant ValidFrom { get; init; }

    /// <summary>Name of person or company.</summary>
    public string? Name { get; init; }

    /// <summary>E-mail address for notifications.</summary>
    public string? Email { get; init; }

    /// <summary>Billing address, as printed.</summary>
    public string? BillingAddress { get; init; }

    /// <summary>Where the service is used, when elsewhere.</summary>
    public string? ServiceAddress { get; init; }
}
