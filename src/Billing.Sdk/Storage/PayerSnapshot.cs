using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;

namespace Billing.Storage;

/// <summary>Parts of a payer's rows.</summary>
[Flags]
public enum SnapshotParts
{
    /// <summary>The payer and the customers that it pays for, and their contacts.</summary>
    Customers = 1,

    /// <summary>Subscriptions and terms.</summary>
    Subscriptions = 2,

    /// <summary>Invoice lines.</summary>
    Lines = 4,

    /// <summary>Items that wait for an invoice.</summary>
    PendingItems = 8,

    /// <summary>Redemptions of coupons.</summary>
    Redemptions = 16,

    /// <summary>Grants, credit notes and their uses.</summary>
    Credits = 32,

    /// <summary>Invoices.</summary>
    Invoices = 64,

    /// <summary>Payments, attempts, refunds.</summary>
    Payments = 128,

    /// <summary>Payment methods.</summary>
    PaymentMethods = 256,

    /// <summary>Quarantine.</summary>
    Quarantine = 512,

    /// <summary>Everything.</summary>
    All = 1023,

    /// <summary>
    /// Of lines only those recorded from the payer's <see cref="Customer.HistoryFrom"/> on, of invoices those from <see cref="Customer.FirstOpenInvoice"/> on, of pending items
    /// those that wait or were recorded from then on: what a billing run looks at. So its cost does not grow with the age of the account.
    /// </summary>
    OpenOnly = 1024,
}

/// <summary>One consistent view of a payer: itself, the customers that it pays for, and all that belongs to them.</summary>
/// <remarks>Lists are in order of creation. Parts that were not asked for are empty.</remarks>
public sealed record PayerSnapshot
{
    /// <summary>The payer.</summary>
    public required Customer Payer { get; init; }

    /// <summary>The payer and its children, ordered by id.</summary>
    public IReadOnlyList<Customer> Customers { get; init; } = [];

    /// <summary>Their contacts.</summary>
    public IReadOnlyList<CustomerContact> Contacts { get; init; } = [];

    /// <summary>Their subscriptions, ordered by id.</summary>
    public IReadOnlyList<Subscription> Subscriptions { get; init; } = [];

    /// <summary>The terms of these, ordered by subscription and sequence.</summary>
    public IReadOnlyList<SubscriptionTerm> Terms { get; init; } = [];

    /// <summary>The lines of the payer's invoices.</summary>
    public IReadOnlyList<InvoiceLine> Lines { get; init; } = [];

    /// <summary>Items that wait for an invoice or stand on one.</summary>
    public IReadOnlyList<PendingItem> PendingItems { get; init; } = [];

    /// <summary>Redeemed coupons, in order of application.</summary>
    public IReadOnlyList<CouponRedemption> Redemptions { get; init; } = [];

    /// <summary>Credit grants.</summary>
    public IReadOnlyList<CreditGrant> Grants { get; init; } = [];

    /// <summary>Credit notes.</summary>
    public IReadOnlyList<CreditNote> CreditNotes { get; init; } = [];

    /// <summary>Uses of credit.</summary>
    public IReadOnlyList<CreditUse> CreditUses { get; init; } = [];

    /// <summary>Invoices, by ordinal.</summary>
    public IReadOnlyList<Invoice> Invoices { get; init; } = [];

    /// <summary>Payments, by ordinal.</summary>
    public IReadOnlyList<Payment> Payments { get; init; } = [];

    /// <summary>Attempts of these, by payment and number.</summary>
    public IReadOnlyList<PaymentAttempt> Attempts { get; init; } = [];

    /// <summary>Refunds of these.</summary>
    public IReadOnlyList<Refund> Refunds { get; init; } = [];

    /// <summary>Payment methods, in order of addition.</summary>
    public IReadOnlyList<PaymentMethod> PaymentMethods { get; init; } = [];

    /// <summary>The payer's due items, of the same moment, whatever parts were asked for; ordered by kind.</summary>
    public IReadOnlyList<DueItem> Due { get; init; } = [];

    /// <summary>Why the payer is in quarantine; <see langword="null"/>: it is not.</summary>
    public QuarantineItem? Quarantine { get; init; }
}
