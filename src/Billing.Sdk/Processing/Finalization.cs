using Billing.Collections;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using NodaTime;

namespace Billing.Processing;

/// <summary>Makes an invoice final: number, due date, ledger, credits, and what is to happen next. Pure on the work of a payer; nothing is written before its commit.</summary>
internal static class Finalization
{
    /// <summary>How numbers are printed when no numbering task is configured.</summary>
    public const string DefaultNumberPattern = "INV-{n:6}";

    /// <summary>
    /// Finalises an invoice whose row (draft, prepared or new with status Draft) and lines, with tax and discounts, are in the work, at the moment of the work.
    /// Credits are those that can be used at that moment.
    /// </summary>
    /// <returns>The invoice as it is afterwards, which is also in the work.</returns>
    public static Invoice Finalize(PayerWork work, Invoice draft, string numberPattern)
    {
        if (draft.Status is not (InvoiceStatus.Draft or InvoiceStatus.Prepared))
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", draft.Id.ToString(), "status", $"Only drafts are finalised; this one is {draft.Status}.");
        }

        var lines = work.LinesOf(draft.Id).ToList();
        var invoice = work.Put(draft with
        {
            Status = InvoiceStatus.Open,
            FinalizedAt = work.Now,
            FinalizeAt = null,
            DueDate = work.LocalDateOf(work.Now).PlusDays(work.Context.Settings.PaymentTermDays),
            FeesOnly = lines.Count > 0 && lines.TrueForAll(l => l.Type == InvoiceLineType.Fee),
        });
        work.RequestNumber(invoice, numberPattern);
        work.Post(Postings.Invoice(invoice, lines, BoughtCredit.LineTest(work)), invoice.LegalEntity);
        BoughtCredit.NameInvoice(work, invoice);

        if (invoice.Total < 0m)
        {
            work.Put(work.Payer with { CreditBalance = work.Payer.CreditBalance - invoice.Total });
        }

        invoice = CreditApplication.Apply(work, invoice, lines);
        Announce(work, invoice);
        return invoice.AmountDue > 0m ? Schedule(work, invoice) : Settlement.Close(work, invoice);
    }

    private static void Announce(PayerWork work, Invoice invoice) => work.Emit(
        EventNames.InvoiceIssued,
        work.PayerId,
        notify: true,
        ("invoiceId", invoice.Id.ToString()),
        ("total", Journal.Print(invoice.Total, invoice.Currency)),
        ("amountDue", Journal.Print(invoice.AmountDue, invoice.Currency)),
        ("currency", invoice.Currency),
        ("dueDate", NodaTime.Text.LocalDatePattern.Iso.Format(invoice.DueDate!.Value)));

    private static Invoice Schedule(PayerWork work, Invoice invoice) => work.Put(invoice with
    {
        NextCollectionAt = work.Context.Settings.AutoCollect && CollectionMethod.Find(work) is not null ? work.Now : null,
        NextAgingAt = FirstAging(work, invoice),
    });

    /// <summary>
    /// When the aging policy is asked about an open invoice first: at the start of its due date. It says then when its next step is due; <see langword="null"/>: the invoice does not age.
    /// </summary>
    public static Instant? FirstAging(PayerWork work, Invoice invoice) =>
        invoice.FeesOnly || invoice.DueDate is not { } due || work.Context.Tasks.Chain<IAgingPolicy>().Count == 0 ? null : work.StartOf(due);
}
