using NodaTime;

namespace Billing.Ledger;

/// <summary>The accounts of the built-in chart.</summary>
public static class LedgerAccounts
{
    /// <summary>What payers owe on open invoices (asset).</summary>
    public const string Receivable = "receivable";

    /// <summary>Money received (asset).</summary>
    public const string Cash = "cash";

    /// <summary>Invoices in dispute (asset).</summary>
    public const string DisputedReceivable = "disputedReceivable";

    /// <summary>Debts given up (expense).</summary>
    public const string BadDebt = "badDebt";

    /// <summary>Goodwill and free credit that was used (expense).</summary>
    public const string CreditExpense = "creditExpense";

    /// <summary>What we owe payers: balance, credit notes, bought credit (liability).</summary>
    public const string CustomerCredit = "customerCredit";

    /// <summary>Money that no invoice takes yet (liability).</summary>
    public const string UnappliedCash = "unappliedCash";

    /// <summary>Tax owed to authorities (liability).</summary>
    public const string TaxPayable = "taxPayable";

    /// <summary>Billed but not yet earned (liability). Entries carry the service interval over which they are earned.</summary>
    public const string DeferredRevenue = "deferredRevenue";

    /// <summary>Earned (income).</summary>
    public const string Revenue = "revenue";

    /// <summary>Bought credit that expired (income).</summary>
    public const string Breakage = "breakage";
}

/// <summary>A balanced journal transaction of one document in one currency. Never changed.</summary>
public sealed record LedgerTransaction : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the transaction, in time order.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The legal entity.</summary>
    public required string LegalEntity { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>The day it is booked on.</summary>
    public required LocalDate AccountingDate { get; init; }

    /// <summary>Kind of the document: <c>invoice</c>, <c>creditNote</c>, <c>void</c>, <c>payment</c>, <c>refund</c>, <c>fee</c>, <c>writeOff</c>, ….</summary>
    public required string DocumentKind { get; init; }

    /// <summary>Id of the document.</summary>
    public required string DocumentId { get; init; }

    /// <summary>When it was recorded.</summary>
    public required Instant RecordedAt { get; init; }

    /// <summary>Who.</summary>
    public required string Actor { get; init; }

    /// <summary>Why, in words.</summary>
    public string? Reason { get; init; }

    /// <summary>Ties it to a request of the host's.</summary>
    public string? CorrelationId { get; init; }
}

/// <summary>One posting of a transaction. Never changed.</summary>
public sealed record LedgerEntry : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the entry.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The transaction.</summary>
    public required Guid TransactionId { get; init; }

    /// <summary>The account.</summary>
    public required string Account { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>Positive: debit. Negative: credit.</summary>
    public required decimal Amount { get; init; }

    /// <summary>The day it is booked on.</summary>
    public required LocalDate AccountingDate { get; init; }

    /// <summary>Deferred revenue: first day of the service.</summary>
    public LocalDate? ServiceFrom { get; init; }

    /// <summary>Deferred revenue: day after the last day of the service.</summary>
    public LocalDate? ServiceTo { get; init; }
}
