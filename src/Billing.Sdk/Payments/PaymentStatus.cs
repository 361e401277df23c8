namespace Billing.Payments;

/// <summary>What follows from the payments of an invoice.</summary>
internal static class PaymentStatus
{
    /// <summary>
    /// Whether collecting the invoice has failed at least once and not succeeded since: with the invoice open, its subscriptions are past due. A payment that is under way again
    /// after a failed attempt counts too.
    /// </summary>
    public static bool HasFailedAttempt(IEnumerable<Payment> payments, Guid invoiceId) => payments.Any(p =>
        p.InvoiceId == invoiceId
        && (p.State == PaymentState.Failed || (p.State is PaymentState.Pending or PaymentState.Unknown && p.Attempts > 1)));
}
