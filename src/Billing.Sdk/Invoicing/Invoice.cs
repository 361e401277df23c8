using NodaTime;

namespace Billing.Invoicing;

/// <summary>Where an invoice stands.</summary>
public enum InvoiceStatus
{
    /// <summary>Not final: rebuilt by each run, without number.</summary>
    Draft,

    /// <summary>Frozen for review; approval makes it final.</summary>
    Prepared,

    /// <summary>Final and not paid in full.</summary>
    Open,

    /// <summary>Nothing is owed on it.</summary>
    Paid,

    /// <summary>Taken back.</summary>
    Void,

    /// <summary>Given up as bad debt.</summary>
    Uncollectible,
}

/// <summary>An invoice. Final ones are corrected by further documents, never changed in their figures.</summary>
public sealed record Invoice : IVersionedRow, IPayerRow
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

    /// <summary>The number in the series, without gaps; <see langword="null"/> while draft.</summary>
    public long? SeriesNumber { get; init; }

    /// <summary>The number as printed; <see langword="null"/> while draft.</summary>
    public string? Number { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>Where it stands.</summary>
    public required InvoiceStatus Status { get; init; }

    /// <summary>The moment that it bills: when its charges fell due.</summary>
    public required Instant DatedAt { get; init; }

    /// <summary>The date on it, in the payer's zone.</summary>
    public required LocalDate Date { get; init; }

    /// <summary>When it is to be paid; <see langword="null"/> while draft.</summary>
    public LocalDate? DueDate { get; init; }

    /// <summary>Draft: when it becomes final.</summary>
    public Instant? FinalizeAt { get; init; }

    /// <summary>When it became final.</summary>
    public Instant? FinalizedAt { get; init; }

    /// <summary>Sum of the lines before discounts.</summary>
    public required decimal Subtotal { get; init; }

    /// <summary>Discounts, positive.</summary>
    public required decimal Discount { get; init; }

    /// <summary>Tax, inclusive tax too.</summary>
    public required decimal Tax { get; init; }

    /// <summary>What it comes to, tax included; negative: the payer gets it as credit.</summary>
    public required decimal Total { get; init; }

    /// <summary>Part of the total that credits paid.</summary>
    public decimal CreditApplied { get; init; }

    /// <summary>Part of the total that payments paid, net of refunds that opened it again.</summary>
    public decimal AmountPaid { get; init; }

    /// <summary>Part of the total given up as bad debt or moved to disputes.</summary>
    public decimal AmountWrittenOff { get; init; }

    /// <summary>Whether it holds fees only; such an invoice does not age.</summary>
    public bool FeesOnly { get; init; }

    /// <summary>How many aging steps have been done.</summary>
    public int AgingStepsDone { get; init; }

    /// <summary>When its next aging step is due; <see langword="null"/>: none.</summary>
    public Instant? NextAgingAt { get; init; }

    /// <summary>When collection has to look at it next (first attempt, retry, pending answer); <see langword="null"/>: not by itself.</summary>
    public Instant? NextCollectionAt { get; init; }

    /// <summary>What is still to be paid: total less credits, payments and what was given up; never below 0; 0 for void ones.</summary>
    public decimal AmountDue => Status is InvoiceStatus.Void or InvoiceStatus.Uncollectible ? 0m : Math.Max(0m, Total - CreditApplied - AmountPaid - AmountWrittenOff);

    /// <inheritdoc/>
    public required long Version { get; init; }

    /// <summary>When it was created.</summary>
    public required Instant CreatedAt { get; init; }

    /// <summary>Who or what made it.</summary>
    public required string Actor { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>What a line is for.</summary>
public enum InvoiceLineType
{
    /// <summary>A recurring charge.</summary>
    Recurring,

    /// <summary>Usage.</summary>
    Usage,

    /// <summary>A charge billed once.</summary>
    OneTime,

    /// <summary>A part of an instalment charge.</summary>
    Installment,

    /// <summary>Unused time, given back (negative).</summary>
    Credit,

    /// <summary>A discount (negative), where discounts are lines.</summary>
    Discount,

    /// <summary>What was missing to a commitment.</summary>
    Minimum,

    /// <summary>A fee of dunning.</summary>
    Fee,

    /// <summary>A correction by hand.</summary>
    Adjustment,
}

/// <summary>One line of an invoice, with what the calculator needs to know of it later.</summary>
public sealed record InvoiceLine : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the line.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The invoice.</summary>
    public required Guid InvoiceId { get; init; }

    /// <summary>Its place on the invoice, from 1.</summary>
    public required int Position { get; init; }

    /// <summary>What it bills: (subscription or customer, source, charge, stretch). With <see cref="Revision"/> unique for the tenant, so that nothing is billed twice.</summary>
    public required string Key { get; init; }

    /// <summary>1 for the first line of a key; each difference billed later has one more.</summary>
    public required int Revision { get; init; }

    /// <summary>What it is for.</summary>
    public required InvoiceLineType Type { get; init; }

    /// <summary>The customer that it is about (a child's line stands on its payer's invoice).</summary>
    public required string CustomerId { get; init; }

    /// <summary>The subscription.</summary>
    public string? SubscriptionId { get; init; }

    /// <summary>Code of the plan.</summary>
    public string? Plan { get; init; }

    /// <summary>Code of the charge.</summary>
    public string? Charge { get; init; }

    /// <summary>The text on the invoice.</summary>
    public required string Description { get; init; }

    /// <summary>Start of the time that it is for.</summary>
    public Instant? From { get; init; }

    /// <summary>End of that time, exclusive.</summary>
    public Instant? To { get; init; }

    /// <summary>Start of the time as a date in the customer's zone.</summary>
    public LocalDate? FromDate { get; init; }

    /// <summary>End of the time, exclusive, as a date in the customer's zone.</summary>
    public LocalDate? ToDate { get; init; }

    /// <summary>IANA zone of these dates.</summary>
    public string? Zone { get; init; }

    /// <summary>Start of the billing period that the time lies in.</summary>
    public Instant? PeriodFrom { get; init; }

    /// <summary>End of that period.</summary>
    public Instant? PeriodTo { get; init; }

    /// <summary>The quantity that it bills.</summary>
    public decimal Quantity { get; init; }

    /// <summary>The amount before discounts, rounded. Negative for credits.</summary>
    public required decimal Amount { get; init; }

    /// <summary>The amount before rounding; differs only where amounts are rounded on the invoice.</summary>
    public required decimal ExactAmount { get; init; }

    /// <summary>Its part of the discounts; positive on a charge, negative on a credit that gives a discount back.</summary>
    public decimal Discount { get; init; }

    /// <summary>Its tax; negative on credits.</summary>
    public decimal Tax { get; init; }

    /// <summary>Part of <see cref="Tax"/> that the amount includes already.</summary>
    public decimal InclusiveTax { get; init; }

    /// <summary>Identity of the price: lines of one charge with one identity are stretches of the same price.</summary>
    public string? PriceKey { get; init; }

    /// <summary>Lower end of the quantity layer that it bills, for recurring charges.</summary>
    public decimal LayerFrom { get; init; }

    /// <summary>Upper end of the quantity layer.</summary>
    public decimal LayerTo { get; init; }

    /// <summary>The line that a credit takes back.</summary>
    public Guid? ReversesLineId { get; init; }

    /// <summary>For tax rules.</summary>
    public string? TaxCode { get; init; }

    /// <summary>How the discounts came about.</summary>
    public EquatableList<LineDiscount> Discounts { get; init; } = [];

    /// <summary>How the tax came about.</summary>
    public EquatableList<LineTax> Taxes { get; init; } = [];

    /// <summary>Gross amount that credit notes took back from it.</summary>
    public decimal CreditedAmount { get; init; }

    /// <summary>Whether its invoice was taken back: its time stays claimed, its money does not.</summary>
    public bool Voided { get; init; }

    /// <summary>When it was written.</summary>
    public required Instant RecordedAt { get; init; }
}

/// <summary>A coupon's part in a line.</summary>
/// <param name="RedemptionId">The redemption of the coupon.</param>
/// <param name="Coupon">Code of the coupon.</param>
/// <param name="Amount">The discount, positive on a charge.</param>
public sealed record LineDiscount(Guid RedemptionId, string Coupon, decimal Amount);

/// <summary>A tax rate's part in a line.</summary>
/// <param name="Code">Code of the rate.</param>
/// <param name="Percent">Percent.</param>
/// <param name="Amount">The tax, rounded; negative on credits.</param>
/// <param name="Inclusive">Whether the line's amount includes it.</param>
public sealed record LineTax(string Code, decimal Percent, decimal Amount, bool Inclusive);

/// <summary>The counter of a number series: one row per number given, so that numbers have no gaps.</summary>
public sealed record InvoiceNumber : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The legal entity.</summary>
    public required string LegalEntity { get; init; }

    /// <summary>The series.</summary>
    public required string Series { get; init; }

    /// <summary>1, 2, 3, ….</summary>
    public required long Number { get; init; }

    /// <summary>The invoice that has it.</summary>
    public required Guid InvoiceId { get; init; }
}

/// <summary>A charge or correction that waits for the next invoice.</summary>
public sealed record PendingItem : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the item.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>Whom it is for.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The type of its line.</summary>
    public required InvoiceLineType Type { get; init; }

    /// <summary>Code of the charge, if it stands for one.</summary>
    public string? Charge { get; init; }

    /// <summary>The text on the invoice.</summary>
    public required string Description { get; init; }

    /// <summary>The amount, rounded; negative for a credit.</summary>
    public required decimal Amount { get; init; }

    /// <summary>For tax rules.</summary>
    public string? TaxCode { get; init; }

    /// <summary>Whether it makes an invoice by itself at once.</summary>
    public bool InvoiceNow { get; init; }

    /// <summary>A credit grant that is bought with it.</summary>
    public string? CreditGrantId { get; init; }

    /// <summary>Fees: the overdue invoice.</summary>
    public Guid? FeeOfInvoiceId { get; init; }

    /// <summary>When it was recorded.</summary>
    public required Instant RecordedAt { get; init; }

    /// <summary>The invoice it stands on; <see langword="null"/> while it waits.</summary>
    public Guid? InvoiceId { get; init; }
}
