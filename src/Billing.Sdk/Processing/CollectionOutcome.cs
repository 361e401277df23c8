using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Processing;

/// <summary>Writes down what a gateway answered, and what follows from it. Pure on the work of a payer, but for the retry policy's decision.</summary>
internal static class CollectionOutcome
{
    private static readonly Duration FirstQuery = Duration.FromHours(1);
    private static readonly Duration LongestWait = Duration.FromDays(1);

    /// <summary>Decides about a payment whose last attempt failed; <see langword="null"/>: no policy is configured.</summary>
    public delegate Task<RetryDecision?> Decide(RetryRequest request);

    /// <summary>Takes an answer in; one that comes for an attempt with a final outcome changes nothing.</summary>
    /// <returns>The attempt as it is afterwards.</returns>
    public static async Task<PaymentAttempt> ApplyAsync(PayerWork work, Guid attemptId, GatewayOutcome outcome, Decide decide)
    {
        var attempt = work.Find<PaymentAttempt>(attemptId)!;
        if (!CollectionIntent.IsOpen(attempt))
        {
            return attempt;
        }

        switch (outcome.Kind)
        {
            case GatewayOutcomeKind.Succeeded:
                return Succeed(work, attempt, outcome);
            case GatewayOutcomeKind.Declined or GatewayOutcomeKind.NotCharged:
                return await FailAsync(work, attempt, outcome, decide).ConfigureAwait(false);
            default:
                return Wait(work, attempt, outcome);
        }
    }

    private static PaymentAttempt Succeed(PayerWork work, PaymentAttempt attempt, GatewayOutcome outcome)
    {
        attempt = work.Put(attempt with
        {
            State = AttemptState.Succeeded,
            Code = null,
            GatewayReference = outcome.Reference ?? attempt.GatewayReference,
            QueryAt = null,
            CompletedAt = work.Now,
        });
        var payment = work.Find<Payment>(attempt.PaymentId)!;
        Receive(work, payment with { State = PaymentState.Succeeded, NextAttemptAt = null, LastCode = null });
        return attempt;
    }

    /// <summary>Books money that came for a payment: on its invoice as far as that is open, the rest unapplied or, by hand, to the credit balance.</summary>
    public static Payment Receive(PayerWork work, Payment payment)
    {
        var invoice = work.Find<Invoice>(payment.InvoiceId)!;
        var applied = Settlement.Room(invoice, payment.Amount);
        var rest = payment.Amount - applied;
        var byHand = payment.PaymentMethodId is null;
        payment = work.Put(payment with { UnappliedAmount = rest });
        if (byHand && rest > 0m)
        {
            work.Put(work.Payer with { CreditBalance = work.Payer.CreditBalance + rest });
        }

        var debtAccount = invoice.Status == InvoiceStatus.Uncollectible ? LedgerAccounts.BadDebt : LedgerAccounts.Receivable;
        work.Post(Postings.Payment(payment.Id, payment.Currency, debtAccount, applied, byHand ? rest : 0m, byHand ? 0m : rest), invoice.LegalEntity);
        work.Emit(EventNames.PaymentSucceeded, work.PayerId, notify: true, Facts(payment, ("unapplied", Journal.Print(rest, payment.Currency))));
        Settlement.Apply(work, invoice, applied);
        return payment;
    }

    private static PaymentAttempt Wait(PayerWork work, PaymentAttempt attempt, GatewayOutcome outcome)
    {
        var acts = outcome.Kind == GatewayOutcomeKind.RequiresAction;
        var first = attempt.State != AttemptState.RequiresAction;
        var unknown = outcome.Kind == GatewayOutcomeKind.Unknown;
        var state = acts ? AttemptState.RequiresAction : unknown ? AttemptState.Unknown : AttemptState.Pending;
        attempt = work.Put(attempt with
        {
            State = state,
            Code = outcome.Code ?? (unknown ? "unknown" : "pending"),
            GatewayReference = outcome.Reference ?? attempt.GatewayReference,
            ActionLink = outcome.ActionLink ?? attempt.ActionLink,
            QueryAt = outcome.QueryAt is { } given && given > work.Now ? given : work.Now + NextWait(work.Now - attempt.StartedAt),
        });
        var payment = work.Find<Payment>(attempt.PaymentId)!;
        payment = work.Put(payment with { State = state == AttemptState.Unknown ? PaymentState.Unknown : PaymentState.Pending, LastCode = attempt.Code });
        if (acts && first)
        {
            work.Emit(EventNames.PaymentActionRequired, work.PayerId, notify: true, Facts(payment, ("link", attempt.ActionLink ?? "")));
        }

        return attempt;
    }

    /// <summary>Asks again later about an attempt: an unanswered question is no news, what was known of it stays.</summary>
    public static PaymentAttempt Postpone(PayerWork work, Guid attemptId)
    {
        var attempt = work.Find<PaymentAttempt>(attemptId)!;
        return CollectionIntent.IsOpen(attempt) ? work.Put(attempt with { QueryAt = work.Now + NextWait(work.Now - attempt.StartedAt) }) : attempt;
    }

    // Asked after an hour, then each time after as long again, at least daily.
    private static Duration NextWait(Duration since) => Duration.Max(FirstQuery, Duration.Min(since, LongestWait));

    private static async Task<PaymentAttempt> FailAsync(PayerWork work, PaymentAttempt attempt, GatewayOutcome outcome, Decide decide)
    {
        var state = outcome.Kind == GatewayOutcomeKind.NotCharged ? AttemptState.NotCharged : outcome.Retryable ? AttemptState.Declined : AttemptState.HardDeclined;
        attempt = work.Put(attempt with
        {
            State = state,
            Code = outcome.Code ?? "declined",
            GatewayReference = outcome.Reference ?? attempt.GatewayReference,
            QueryAt = null,
            CompletedAt = work.Now,
        });
        var payment = work.Put(work.Find<Payment>(attempt.PaymentId)! with { State = PaymentState.Failed, LastCode = attempt.Code, NextAttemptAt = null });
        var invoice = work.Find<Invoice>(payment.InvoiceId)!;
        var decision = invoice.AmountDue > 0m
            ? await decide(new RetryRequest { Payment = payment, LastAttempt = attempt, TimeZone = work.Zone }).ConfigureAwait(false)
            : null;
        var retryAt = state == AttemptState.HardDeclined ? null : decision?.RetryAt;
        if (retryAt is not null)
        {
            payment = work.Put(payment with { NextAttemptAt = retryAt });
        }

        work.Emit(EventNames.PaymentFailed, work.PayerId, notify: true, Facts(payment, ("code", attempt.Code ?? ""), ("retryAt", retryAt?.ToString() ?? "")));
        if (decision is not null && retryAt is null)
        {
            Exhaust(work, payment, invoice, decision.Then);
        }

        return attempt;
    }

    private static void Exhaust(PayerWork work, Payment payment, Invoice invoice, RetryExhausted then)
    {
        work.Emit(EventNames.PaymentExhausted, work.PayerId, notify: false, Facts(payment, ("then", then.ToString())));
        switch (then)
        {
            case RetryExhausted.Cancel:
                DunningTerms.Add(work, invoice.Id, SubscriptionTermKind.Cancel, "payment retries exhausted");
                break;
            case RetryExhausted.Pause:
                DunningTerms.Add(work, invoice.Id, SubscriptionTermKind.Pause, "payment retries exhausted");
                break;
            case RetryExhausted.Uncollectible:
                Settlement.WriteOff(work, work.Find<Invoice>(invoice.Id)!);
                break;
        }
    }

    private static (string Key, string Value)[] Facts(Payment payment, params (string Key, string Value)[] more) =>
    [
        ("paymentId", payment.Id.ToString()),
        ("invoiceId", payment.InvoiceId.ToString()),
        ("amount", Journal.Print(payment.Amount, payment.Currency)),
        ("currency", payment.Currency),
        ("attempts", payment.Attempts.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        .. more,
    ];
}
