using Billing.Invoicing;
using Billing.Payments;
using NodaTime;

namespace Billing.Processing;

/// <summary>Decides which attempts are made now and writes them down as pending, before any gateway is called. Pure on the work of a payer.</summary>
internal static class CollectionIntent
{
    /// <summary>
    /// For so long after an intent nobody asks the gateway about it: the call may still be under way, and an answer "never seen" would be wrong a moment later.
    /// </summary>
    public static Duration CallLease { get; } = Duration.FromMinutes(10);

    /// <summary>For so long an attempt whose call was not answered is sent again: within the time for which every gateway remembers a key.</summary>
    public static Duration SendAgainFor { get; } = Duration.FromDays(1);

    /// <summary>A call to make, or to make again under the same key.</summary>
    /// <param name="AttemptId">The attempt.</param>
    /// <param name="Gateway">Name of the gateway task.</param>
    /// <param name="Charge">What the gateway gets.</param>
    public sealed record Call(Guid AttemptId, string Gateway, GatewayCharge Charge);

    /// <summary>Begins all attempts that are due: first ones and retries, one per invoice.</summary>
    public static IReadOnlyList<Call> BeginDue(PayerWork work)
    {
        var calls = new List<Call>();
        var retries = work.Payments.Where(p => p.NextAttemptAt <= work.Now && !Refunds.IsMoney(p)).Select(p => p.InvoiceId).ToHashSet();
        foreach (var invoice in work.Invoices.Where(i => i.NextCollectionAt <= work.Now || retries.Contains(i.Id)).ToList())
        {
            var payment = Begin(work, invoice);
            if (payment is not null)
            {
                calls.Add(CallOf(work, LastAttempt(work, payment.Id)!));
            }
        }

        return calls;
    }

    /// <summary>Begins an attempt for an invoice, in the payment whose schedule is running or in a new one.</summary>
    /// <returns>The payment; <see langword="null"/>: nothing is open that no other attempt has reserved, or there is nothing to collect with.</returns>
    public static Payment? Begin(PayerWork work, Invoice invoice)
    {
        work.Put(invoice with { NextCollectionAt = null });
        var running = work.Payments.LastOrDefault(p => p.InvoiceId == invoice.Id && p.NextAttemptAt is not null && !Refunds.IsMoney(p));
        if (running is not null)
        {
            running = work.Put(running with { NextAttemptAt = null });
        }

        var amount = invoice.Status == InvoiceStatus.Open ? invoice.AmountDue - Reserved(work, invoice.Id) : 0m;
        if (amount <= 0m || CollectionMethod.Find(work) is not var (method, gateway))
        {
            return null;
        }

        var payment = work.Put((running ?? New(work, invoice, method)) with
        {
            Amount = amount,
            State = PaymentState.Pending,
            MethodType = method.Type,
            PaymentMethodId = method.Id,
            Attempts = (running?.Attempts ?? 0) + 1,
        });
        work.Put(new PaymentAttempt
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            PaymentId = payment.Id,
            Number = payment.Attempts,
            Key = $"{payment.Id:N}-{payment.Attempts}",
            Gateway = gateway.Name,
            Token = method.Token,
            Amount = amount,
            Currency = invoice.Currency,
            State = AttemptState.Pending,
            QueryAt = work.Now + CallLease,
            StartedAt = work.Now,
            Version = 1,
        });
        return payment;
    }

    /// <summary>Whether an attempt waits for its outcome.</summary>
    public static bool IsOpen(PaymentAttempt attempt) => attempt.State is AttemptState.Pending or AttemptState.Unknown or AttemptState.RequiresAction;

    /// <summary>Whether no answer to the attempt was ever recorded: the process may have ended before the call, or before the answer was kept.</summary>
    public static bool HasNoAnswer(PaymentAttempt attempt) => attempt is { State: AttemptState.Pending, Code: null, GatewayReference: null };

    /// <summary>
    /// Whether an attempt that the gateway says it never charged is sent again under its key: its call may never have reached the gateway. One whose calls stay unanswered for
    /// <see cref="SendAgainFor"/> has failed, and the retry policy decides.
    /// </summary>
    public static bool IsToSendAgain(PaymentAttempt attempt, Instant now) =>
        HasNoAnswer(attempt) || (attempt.State == AttemptState.Unknown && now < attempt.StartedAt + SendAgainFor);

    /// <summary>The last attempt of a payment.</summary>
    public static PaymentAttempt? LastAttempt(PayerWork work, Guid paymentId) =>
        work.All<PaymentAttempt>().Where(a => a.PaymentId == paymentId).MaxBy(a => a.Number);

    /// <summary>The call that an attempt stands for.</summary>
    public static Call CallOf(PayerWork work, PaymentAttempt attempt)
    {
        var payment = work.Find<Payment>(attempt.PaymentId)!;
        return new Call(attempt.Id, attempt.Gateway, new GatewayCharge
        {
            Tenant = work.Context.Id,
            Key = attempt.Key,
            CustomerId = work.PayerId,
            MethodType = payment.MethodType,
            Token = attempt.Token,
            Amount = new Money(attempt.Amount, attempt.Currency),
            Reference = work.Find<Invoice>(payment.InvoiceId)?.Number,
            At = work.Now,
        });
    }

    private static decimal Reserved(PayerWork work, Guid invoiceId)
    {
        var payments = work.Payments.Where(p => p.InvoiceId == invoiceId).Select(p => p.Id).ToHashSet();
        return work.All<PaymentAttempt>().Where(a => payments.Contains(a.PaymentId) && IsOpen(a)).Sum(a => a.Amount);
    }

    private static Payment New(PayerWork work, Invoice invoice, PaymentMethod method) => new()
    {
        Tenant = work.Context.Id,
        Id = work.NewId(),
        PayerId = work.PayerId,
        Ordinal = NextOrdinal(work),
        InvoiceId = invoice.Id,
        Currency = invoice.Currency,
        Amount = 0m,
        State = PaymentState.Pending,
        MethodType = method.Type,
        CreatedAt = work.Now,
        Version = 1,
    };

    /// <summary>The place of the payer's next payment.</summary>
    public static int NextOrdinal(PayerWork work) => work.Payments.Select(p => p.Ordinal).DefaultIfEmpty(0).Max() + 1;
}
