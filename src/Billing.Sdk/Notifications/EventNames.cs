namespace Billing.Notifications;

/// <summary>The names of messages. docs/concepts/notifications.md says what each carries.</summary>
public static class EventNames
{
    /// <summary>An invoice became final. Customers are told.</summary>
    public const string InvoiceIssued = "invoice.issued";

    /// <summary>Nothing is owed on an invoice any more.</summary>
    public const string InvoicePaid = "invoice.paid";

    /// <summary>An invoice was taken back.</summary>
    public const string InvoiceVoided = "invoice.voided";

    /// <summary>An invoice was given up as bad debt.</summary>
    public const string InvoiceUncollectible = "invoice.uncollectible";

    /// <summary>A refund or lost dispute opened an invoice again.</summary>
    public const string InvoiceReopened = "invoice.reopened";

    /// <summary>A reminder: an aging step with the action <c>notify</c>. Customers are told.</summary>
    public const string InvoiceOverdue = "invoice.overdue";

    /// <summary>An aging step was done.</summary>
    public const string DunningStep = "dunning.step";

    /// <summary>Money came. Customers are told.</summary>
    public const string PaymentSucceeded = "payment.succeeded";

    /// <summary>An attempt to collect failed. Customers are told.</summary>
    public const string PaymentFailed = "payment.failed";

    /// <summary>The customer has to act at a link before a payment goes on. Customers are told.</summary>
    public const string PaymentActionRequired = "payment.action-required";

    /// <summary>The last attempt of a schedule failed.</summary>
    public const string PaymentExhausted = "payment.exhausted";

    /// <summary>Money was given back.</summary>
    public const string PaymentRefunded = "payment.refunded";

    /// <summary>A bank took money back for now.</summary>
    public const string PaymentDisputed = "payment.disputed";

    /// <summary>A dispute was won.</summary>
    public const string DisputeWon = "dispute.won";

    /// <summary>A dispute was lost.</summary>
    public const string DisputeLost = "dispute.lost";

    /// <summary>A credit note was issued.</summary>
    public const string CreditNoteIssued = "credit-note.issued";

    /// <summary>Credit was granted.</summary>
    public const string CreditGranted = "credit.granted";

    /// <summary>Bought credit can be used.</summary>
    public const string CreditActivated = "credit.activated";

    /// <summary>Credit expired.</summary>
    public const string CreditExpired = "credit.expired";

    /// <summary>Dunning suspended a subscription.</summary>
    public const string SubscriptionSuspended = "subscription.suspended";

    /// <summary>Nothing is overdue any more: a suspension was lifted.</summary>
    public const string SubscriptionReactivated = "subscription.reactivated";

    /// <summary>Dunning cancelled a subscription.</summary>
    public const string SubscriptionCanceled = "subscription.canceled";

    /// <summary>Dunning paused a subscription.</summary>
    public const string SubscriptionPaused = "subscription.paused";
}
