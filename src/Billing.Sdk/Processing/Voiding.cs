using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;

namespace Billing.Processing;

/// <summary>Takes unpaid invoices back. Pure on the work of a payer.</summary>
internal static class Voiding
{
    /// <summary>
    /// Voids an invoice: its time stays claimed, its money does not. Credit that paid part of it goes back to where it came from; what credit notes over it have left is worth
    /// nothing any more, and what was used of them is ours to bear.
    /// </summary>
    public static Invoice Void(PayerWork work, Invoice invoice)
    {
        if (invoice.Status is not (InvoiceStatus.Open or InvoiceStatus.Uncollectible) || invoice.AmountPaid > 0m)
        {
            var why = invoice.AmountPaid > 0m ? "Money has come for it: refund it, or issue a credit note." : $"It is {invoice.Status}.";
            throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", invoice.Id.ToString(), "status", why);
        }

        var lines = work.LinesOf(invoice.Id).ToList();
        var isBought = BoughtCredit.LineTest(work);
        var parts = lines.ConvertAll(l => LinePart.Left(l, work.Currency, work.Context.Settings.RoundingMode));

        // Notes for unused time have (negative) lines of their own; those that somebody asked for are marked on the invoice's lines.
        var notes = work.All<CreditNote>().Where(n => n.InvoiceId == invoice.Id).ToList();
        parts.AddRange(notes.SelectMany(n => work.LinesOf(n.Id)).Select(LinePart.Whole));
        var credited = notes.Sum(n => n.Total);
        var (owed, given) = CreditApplication.Release(work, invoice);
        var takenBack = TakeNotesBack(work, notes);

        var posting = new Posting("void", Postings.Text(invoice.Id), invoice.Currency);
        Postings.Supply(posting, parts, 1m, isBought);
        posting
            .Debit(LedgerAccounts.TaxPayable, invoice.Tax - lines.Sum(l => l.Tax))
            .Credit(LedgerAccounts.Receivable, invoice.AmountDue)
            .Credit(LedgerAccounts.BadDebt, invoice.AmountWrittenOff)
            .Credit(LedgerAccounts.CustomerCredit, owed - takenBack)
            .Credit(LedgerAccounts.CreditExpense, given - (credited - takenBack));
        work.Post(posting, invoice.LegalEntity);

        foreach (var line in lines)
        {
            work.Put(line with { Voided = true });
        }

        BoughtCredit.Cancel(work, invoice);
        var voided = work.Put(Settlement.EndSchedules(work, invoice with { Status = InvoiceStatus.Void, CreditApplied = 0m, AmountWrittenOff = 0m }));
        work.Emit(EventNames.InvoiceVoided, work.PayerId, notify: false, ("invoiceId", voided.Id.ToString()), ("total", Journal.Print(voided.Total, voided.Currency)), ("currency", voided.Currency));
        Settlement.LiftSuspensions(work);
        return voided;
    }

    private static decimal TakeNotesBack(PayerWork work, IReadOnlyList<CreditNote> notes)
    {
        var taken = 0m;
        foreach (var note in notes.Select(n => work.Find<CreditNote>(n.Id)!).Where(n => n.Remaining > 0m))
        {
            taken += note.Remaining;
            foreach (var line in work.LinesOf(note.Id).Where(_ => note.Remaining == note.Total).ToList())
            {
                work.Put(line with { Voided = true });
            }

            work.Put(note with { Remaining = 0m });
        }

        return taken;
    }
}
