using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Subscriptions;

namespace Billing.Processing;

/// <summary>What follows when money comes for an invoice, goes back, or will not come. Every change of what is open goes through here, with its posting.</summary>
internal static class Settlement
{
    /// <summary>Ends everything that waits for money on an invoice with nothing open: it is paid, its retries and aging are over.</summary>
    public static Invoice Close(PayerWork work, Invoice invoice)
    {
        if (invoice.AmountWrittenOff > 0m)
        {
            // Only what a refund had opened of a debt that was given up is settled again.
            invoice = work.Put(EndSchedules(work, invoice with { Status = InvoiceStatus.Uncollectible }));
            LiftSuspensions(work);
            return invoice;
        }

        var paid = work.Put(EndSchedules(work, invoice with { Status = InvoiceStatus.Paid }));
        BoughtCredit.Activate(work, paid);
        if (paid.Total > 0m)
        {
            work.Emit(EventNames.InvoicePaid, work.PayerId, notify: false, ("invoiceId", paid.Id.ToString()), ("total", Journal.Print(paid.Total, paid.Currency)), ("currency", paid.Currency));
        }

        LiftSuspensions(work);
        return paid;
    }

    /// <summary>How much of an amount an invoice takes: what is open on it or, given up, what was given up.</summary>
    public static decimal Room(Invoice invoice, decimal amount) => invoice.Status switch
    {
        InvoiceStatus.Open => Math.Min(amount, invoice.AmountDue),
        InvoiceStatus.Uncollectible => Math.Min(amount, invoice.AmountWrittenOff),
        _ => 0m,
    };

    /// <summary>Applies money to an invoice that has room for it.</summary>
    public static void Apply(PayerWork work, Invoice invoice, decimal amount)
    {
        if (amount == 0m)
        {
            return;
        }

        var recovered = invoice.Status == InvoiceStatus.Uncollectible ? amount : 0m;
        invoice = work.Put(invoice with { AmountPaid = invoice.AmountPaid + amount, AmountWrittenOff = invoice.AmountWrittenOff - recovered });
        if (invoice.Status == InvoiceStatus.Open ? invoice.AmountDue == 0m : invoice.AmountWrittenOff == 0m)
        {
            Close(work, invoice);
        }
    }

    /// <summary>Opens an invoice for money that went back. A paid one is due anew; aging steps done before are not repeated.</summary>
    public static Invoice Reopen(PayerWork work, Guid invoiceId, decimal amount)
    {
        var invoice = work.Find<Invoice>(invoiceId)!;
        var wasPaid = invoice.Status == InvoiceStatus.Paid;
        invoice = work.Put(invoice with
        {
            AmountPaid = invoice.AmountPaid - amount,
            Status = InvoiceStatus.Open,
            DueDate = wasPaid ? work.LocalDateOf(work.Now).PlusDays(work.Context.Settings.PaymentTermDays) : invoice.DueDate,
        });
        work.Emit(EventNames.InvoiceReopened, work.PayerId, notify: false, ("invoiceId", invoice.Id.ToString()), ("amountDue", Journal.Print(invoice.AmountDue, invoice.Currency)), ("currency", invoice.Currency));
        return wasPaid ? work.Put(invoice with { NextAgingAt = Finalization.FirstAging(work, invoice) }) : invoice;
    }

    /// <summary>Gives an open invoice up as bad debt.</summary>
    public static Invoice WriteOff(PayerWork work, Invoice invoice)
    {
        var open = invoice.AmountDue;
        work.Post(Postings.WriteOff(invoice, open), invoice.LegalEntity);
        var given = work.Put(EndSchedules(work, invoice with { Status = InvoiceStatus.Uncollectible, AmountWrittenOff = invoice.AmountWrittenOff + open }));
        work.Emit(EventNames.InvoiceUncollectible, work.PayerId, notify: false, ("invoiceId", given.Id.ToString()), ("amount", Journal.Print(open, given.Currency)), ("currency", given.Currency));
        LiftSuspensions(work);
        return given;
    }

    /// <summary>The invoice without collection and aging ahead; its payments are not tried again.</summary>
    public static Invoice EndSchedules(PayerWork work, Invoice invoice)
    {
        foreach (var payment in work.Payments.Where(p => p.InvoiceId == invoice.Id && p.NextAttemptAt is not null && !Refunds.IsMoney(p)).ToList())
        {
            work.Put(payment with { NextAttemptAt = null });
        }

        return invoice with { NextCollectionAt = null, NextAgingAt = null };
    }

    /// <summary>Lifts what dunning suspended when nothing is overdue any more. Invoices of fees only do not count: they do not age.</summary>
    public static void LiftSuspensions(PayerWork work)
    {
        if (!work.Subscriptions.Any(s => s.SuspendedAt is not null))
        {
            return;
        }

        var suspended = work.Subscriptions.Where(s => s.SuspendedAt is not null).ToList();
        var today = work.LocalDateOf(work.Now);
        if (work.Invoices.Any(i => i.Status == InvoiceStatus.Open && !i.FeesOnly && i.AmountDue > 0m && i.DueDate < today))
        {
            return;
        }

        foreach (var subscription in suspended)
        {
            work.Put(subscription with { SuspendedAt = null });
            work.Emit(EventNames.SubscriptionReactivated, subscription.CustomerId, notify: false, ("subscriptionId", subscription.Id));
        }
    }

    /// <summary>The subscriptions that an invoice bills.</summary>
    public static IReadOnlyList<Subscription> SubscriptionsOf(PayerWork work, Guid invoiceId) =>
    [
        .. work.LinesOf(invoiceId)
            .Select(l => l.SubscriptionId)
            .OfType<string>()
            .Distinct(StringComparer.Ordinal)
            .Select(id => work.Find<Subscription>(id))
            .OfType<Subscription>(),
    ];
}
