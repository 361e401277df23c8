using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;

namespace Billing.Processing;

/// <summary>Issues credit notes.</summary>
internal static class CreditNotes
{
    /// <summary>
    /// A credit note made of negative lines that the billing run composed (unused time, with its tax). The lines are in the work, their <c>InvoiceId</c> being the note's id.
    /// Issue it before the invoice of the same run is finalised, which can then use it.
    /// </summary>
    /// <param name="work">The work.</param>
    /// <param name="noteId">Id of the note: what the lines name as their document.</param>
    /// <param name="invoiceId">The invoice that it corrects, when one.</param>
    /// <param name="lines">Its lines.</param>
    public static CreditNote IssueForLines(PayerWork work, Guid noteId, Guid? invoiceId, IReadOnlyList<InvoiceLine> lines)
    {
        var parts = lines.Select(LinePart.Whole).Select(p => p with { Net = -p.Net, Tax = -p.Tax }).ToList();
        return Issue(work, noteId, invoiceId, parts);
    }

    /// <summary>A credit note over parts of lines (positive); all of it is left to be used.</summary>
    public static CreditNote Issue(PayerWork work, Guid noteId, Guid? invoiceId, IReadOnlyList<LinePart> parts)
    {
        var settings = work.Context.Settings;
        var source = invoiceId is { } id ? work.Find<Invoice>(id) : null;
        var total = parts.Sum(p => p.Gross);
        var note = work.Put(new CreditNote
        {
            Tenant = work.Context.Id,
            Id = noteId,
            PayerId = work.PayerId,
            Ordinal = work.All<CreditNote>().Select(n => n.Ordinal).DefaultIfEmpty(0).Max() + 1,
            LegalEntity = source?.LegalEntity ?? settings.LegalEntity,
            Series = source?.Series ?? "",
            InvoiceId = invoiceId,
            Currency = work.Payer.Currency,
            Total = total,
            Tax = parts.Sum(p => p.Tax),
            Remaining = total,
            Date = work.LocalDateOf(work.Now),
            IssuedAt = work.Now,
        });
        work.Post(Postings.CreditNote(note, parts, BoughtCredit.LineTest(work)), note.LegalEntity);
        work.Emit(EventNames.CreditNoteIssued, work.PayerId, notify: false, ("creditNoteId", noteId.ToString()), ("total", Journal.Print(total, note.Currency)), ("currency", note.Currency));
        return note;
    }
}
