using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;

namespace Billing.Processing;

/// <summary>Disputes: the bank takes money back for now; then it stays away or comes back. Pure on the work of a payer.</summary>
internal static class Disputes
{
    public static Payment Open(PayerWork work, Payment payment)
    {
        if (payment.State is not (PaymentState.Succeeded or PaymentState.PartiallyRefunded))
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "payment", payment.Id.ToString(), "state", $"Only money that came can be disputed; the payment is {payment.State}.");
        }

        Post(work, payment, Postings.Dispute(payment.Id, payment.Currency, AtStake(payment), won: false));
        Emit(work, payment, EventNames.PaymentDisputed);
        return work.Put(payment with { State = PaymentState.Disputed });
    }

    public static Payment Win(PayerWork work, Payment payment)
    {
        EnsureOpen(payment);
        Post(work, payment, Postings.Dispute(payment.Id, payment.Currency, AtStake(payment), won: true));
        Emit(work, payment, EventNames.DisputeWon);
        return work.Put(payment with { State = payment.RefundedAmount > 0m ? PaymentState.PartiallyRefunded : PaymentState.Succeeded });
    }

    /// <summary>The payment stays disputed, with nothing left of it.</summary>
    public static Payment Lose(PayerWork work, Payment payment)
    {
        EnsureOpen(payment);
        var parts = Refunds.Split(work, payment, AtStake(payment));
        Post(work, payment, Postings.DisputeLost(payment.Id, payment.Currency, parts.Reopened, parts.FromCredit, parts.FromUnapplied));
        var lost = work.Put(payment with { RefundedAmount = payment.Amount, UnappliedAmount = 0m });
        Emit(work, payment, EventNames.DisputeLost);
        Refunds.Settle(work, payment, parts);
        return lost;
    }

    private static decimal AtStake(Payment payment) => payment.Amount - payment.RefundedAmount;

    private static void EnsureOpen(Payment payment)
    {
        if (payment.State != PaymentState.Disputed || AtStake(payment) == 0m)
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "payment", payment.Id.ToString(), "state", "It is not in dispute.");
        }
    }

    private static void Post(PayerWork work, Payment payment, Posting posting) => work.Post(posting, work.Find<Invoice>(payment.InvoiceId)!.LegalEntity);

    private static void Emit(PayerWork work, Payment payment, string name) => work.Emit(
        name,
        work.PayerId,
        notify: false,
        ("paymentId", payment.Id.ToString()),
        ("invoiceId", payment.InvoiceId.ToString()),
        ("amount", Journal.Print(AtStake(payment), payment.Currency)),
        ("currency", payment.Currency));
}
