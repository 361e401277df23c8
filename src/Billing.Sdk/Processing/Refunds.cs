using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using NodaTime;

namespace Billing.Processing;

/// <summary>Gives money back. Pure on the work of a payer: a gateway's refund is written down as pending first, and booked when the gateway has done it.</summary>
internal static class Refunds
{
    private static readonly Duration RepeatAfter = Duration.FromHours(1);

    /// <summary>What can still be given back of a payment.</summary>
    public static decimal Refundable(PayerWork work, Payment payment) =>
        payment.State is PaymentState.Succeeded or PaymentState.PartiallyRefunded
            ? payment.Amount - payment.RefundedAmount - work.All<Refund>().Where(r => r.PaymentId == payment.Id && IsOpen(r)).Sum(r => r.Amount)
            : 0m;

    /// <summary>Begins a refund. Money that came by hand is booked at once; else it is pending until the gateway has answered.</summary>
    public static Refund Begin(PayerWork work, Payment payment, decimal amount, Guid? creditNoteId)
    {
        var refund = work.Put(new Refund
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            PaymentId = payment.Id,
            Amount = amount,
            Currency = payment.Currency,
            CreditNoteId = creditNoteId,
            State = PaymentState.Pending,
            CreatedAt = work.Now,
        });
        if (payment.PaymentMethodId is null)
        {
            return Book(work, refund);
        }

        Schedule(work, payment.Id, work.Now + CollectionIntent.CallLease);
        return refund;
    }

    /// <summary>Refunds of which no answer came and that are to be sent again now.</summary>
    public static IReadOnlyList<Refund> Due(PayerWork work)
    {
        var due = work.Payments.Where(p => IsMoney(p) && p.NextAttemptAt <= work.Now).Select(p => p.Id).ToHashSet();
        return [.. work.All<Refund>().Where(r => due.Contains(r.PaymentId) && IsOpen(r))];
    }

    /// <summary>Whether the payment brought money, so that what is tried again of it is a refund.</summary>
    public static bool IsMoney(Payment payment) => payment.State is PaymentState.Succeeded or PaymentState.PartiallyRefunded or PaymentState.Refunded or PaymentState.Disputed;

    // The payment's own schedule is over when it can be refunded; from then on it carries that of its refunds.
    private static void Schedule(PayerWork work, Guid paymentId, Instant at)
    {
        var isOpen = work.All<Refund>().Any(r => r.PaymentId == paymentId && IsOpen(r));
        work.Put(work.Find<Payment>(paymentId)! with { NextAttemptAt = isOpen ? at : null });
    }

    /// <summary>Whether the gateway's answer is still to come.</summary>
    public static bool IsOpen(Refund refund) => refund.State is PaymentState.Pending or PaymentState.Unknown;

    /// <summary>The call that a refund stands for.</summary>
    public static (string Gateway, GatewayRefund Request) CallOf(PayerWork work, Refund refund)
    {
        var attempt = work.All<PaymentAttempt>().Last(a => a.PaymentId == refund.PaymentId && a.State == AttemptState.Succeeded);
        return (attempt.Gateway, new GatewayRefund
        {
            Tenant = work.Context.Id,
            Key = refund.Id.ToString("N"),
            ChargeKey = attempt.Key,
            GatewayReference = attempt.GatewayReference,
            Amount = new Money(refund.Amount, refund.Currency),
            At = work.Now,
        });
    }

    /// <summary>Takes the gateway's answer in. One that is missing is asked for again after an hour.</summary>
    public static Refund Complete(PayerWork work, Guid refundId, GatewayOutcome outcome)
    {
        var refund = work.Find<Refund>(refundId)!;
        if (!IsOpen(refund))
        {
            return refund;
        }

        refund = outcome.Kind switch
        {
            GatewayOutcomeKind.Succeeded => Book(work, refund),
            GatewayOutcomeKind.Declined or GatewayOutcomeKind.NotCharged => Fail(work, refund),
            GatewayOutcomeKind.Unknown => work.Put(refund with { State = PaymentState.Unknown }),
            _ => refund,
        };
        Schedule(work, refund.PaymentId, outcome.QueryAt is { } given && given > work.Now ? given : work.Now + RepeatAfter);
        return refund;
    }

    private static Refund Book(PayerWork work, Refund refund)
    {
        var payment = work.Find<Payment>(refund.PaymentId)!;
        var parts = refund.CreditNoteId is null ? Split(work, payment, refund.Amount) : new Parts(0m, refund.Amount, 0m);
        var invoice = work.Find<Invoice>(payment.InvoiceId)!;
        work.Post(Postings.Refund(refund.Id, refund.Currency, parts.Reopened, parts.FromCredit, parts.FromUnapplied), invoice.LegalEntity);
        var refunded = payment.RefundedAmount + refund.Amount;
        work.Put(payment with
        {
            RefundedAmount = refunded,
            UnappliedAmount = payment.UnappliedAmount - parts.FromUnapplied - (refund.CreditNoteId is null ? parts.FromCredit : 0m),
            State = refunded == payment.Amount ? PaymentState.Refunded : PaymentState.PartiallyRefunded,
        });
        var booked = work.Put(refund with { State = PaymentState.Succeeded });
        work.Emit(
            EventNames.PaymentRefunded,
            work.PayerId,
            notify: false,
            ("refundId", refund.Id.ToString()),
            ("paymentId", payment.Id.ToString()),
            ("amount", Journal.Print(refund.Amount, refund.Currency)),
            ("currency", refund.Currency));
        if (refund.CreditNoteId is null)
        {
            Settle(work, payment, parts);
        }

        return booked;
    }

    private static Refund Fail(PayerWork work, Refund refund)
    {
        // What the note was to pay out is credit again.
        if (refund.CreditNoteId is { } id)
        {
            var note = work.Find<CreditNote>(id)!;
            work.Put(note with { Remaining = note.Remaining + refund.Amount });
        }

        return work.Put(refund with { State = PaymentState.Failed });
    }

    /// <summary>Where money that goes back comes from: what no invoice took first, then the invoice, whose debt opens again.</summary>
    public readonly record struct Parts(decimal Reopened, decimal FromCredit, decimal FromUnapplied);

    /// <summary>Divides an amount that goes back of a payment.</summary>
    public static Parts Split(PayerWork work, Payment payment, decimal amount)
    {
        var spare = Math.Min(payment.UnappliedAmount, amount);
        if (payment.PaymentMethodId is not null)
        {
            return new Parts(amount - spare, 0m, spare);
        }

        // Too much that came by hand became credit balance; what was used of it since cannot be given back.
        var fromCredit = Math.Min(spare, Math.Max(0m, work.Payer.CreditBalance));
        var onInvoice = payment.Amount - payment.RefundedAmount - payment.UnappliedAmount;
        return amount - fromCredit <= onInvoice
            ? new Parts(amount - fromCredit, fromCredit, 0m)
            : throw BillingException.For(BillingErrorCodes.AmountExceeds, "payment", payment.Id.ToString(), "amount", "Part of it became credit balance and has been used since.");
    }

    /// <summary>Changes balance and invoice for money that went back.</summary>
    public static void Settle(PayerWork work, Payment payment, Parts parts)
    {
        if (payment.PaymentMethodId is null && parts.FromCredit > 0m)
        {
            work.Put(work.Payer with { CreditBalance = work.Payer.CreditBalance - parts.FromCredit });
        }

        if (parts.Reopened > 0m)
        {
            Settlement.Reopen(work, payment.InvoiceId, parts.Reopened);
        }
    }
}
