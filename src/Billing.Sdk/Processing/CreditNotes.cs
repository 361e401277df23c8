using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using NodaTime;

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

    /// <summary>A credit note that somebody asked for.</summary>
    public static CreditNote Issue(PayerWork work, CreditNoteRequest request)
    {
        var invoice = work.Find<Invoice>(request.InvoiceId)!;
        var id = invoice.Id.ToString();
        if (invoice.Status is not (InvoiceStatus.Open or InvoiceStatus.Paid or InvoiceStatus.Uncollectible))
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", id, "status", $"Credit notes correct final invoices; this one is {invoice.Status}.");
        }

        var grosses = Share(work, invoice, request);
        var total = grosses.Sum(g => g.Gross);
        var most = request.To == CreditNoteTarget.Invoice ? Math.Min(Left(work, invoice), invoice.AmountDue) : Left(work, invoice);
        if (total <= 0m || total > most)
        {
            throw BillingException.For(BillingErrorCodes.AmountExceeds, "invoice", id, "amount", $"{Journal.Print(most, invoice.Currency)} {invoice.Currency} is left of it.");
        }

        var parts = grosses.Select(g => LinePart.Next(g.Line, g.Gross, work.Currency, work.Context.Settings.RoundingMode)).ToList();
        foreach (var (line, gross) in grosses)
        {
            work.Put(line with { CreditedAmount = line.CreditedAmount + gross });
        }

        var note = Issue(work, work.NewId(), invoice.Id, parts.ConvertAll(p => p with { Line = Remaining(work, p.Line) }));
        return request.To switch
        {
            CreditNoteTarget.Invoice => ApplyTo(work, note, invoice),
            CreditNoteTarget.Refund => PayOut(work, note, invoice),
            _ => note,
        };
    }

    /// <summary>Gross amounts by line: those asked for, or the amount shared over what is left of all.</summary>
    private static IReadOnlyList<(InvoiceLine Line, decimal Gross)> Share(PayerWork work, Invoice invoice, CreditNoteRequest request)
    {
        var lines = work.LinesOf(invoice.Id).Where(l => LeftOf(work, l) > 0m).OrderBy(l => l.Position).ToList();
        if (request.Lines.Count == 0)
        {
            var amount = request.Amount is { } given ? Amounts.Positive(given, invoice.Currency, "invoice", invoice.Id.ToString()) : Left(work, invoice);
            return Share(work, lines, amount, invoice);
        }

        if (request.Amount is not null)
        {
            throw BillingException.Validation("invoice", invoice.Id.ToString(), "amount", "Give an amount or lines, not both.");
        }

        var shares = new List<(InvoiceLine Line, decimal Gross)>();
        foreach (var asked in request.Lines)
        {
            var named = lines.FindAll(l => asked.LineId is { } id ? l.Id == id : l.Charge == asked.Charge);
            if (named.Count == 0)
            {
                throw BillingException.For(BillingErrorCodes.NotFound, "invoice", invoice.Id.ToString(), "lines", $"Nothing is left of a line '{asked.LineId?.ToString() ?? asked.Charge}'.");
            }

            var left = named.Sum(l => LeftOf(work, l) - shares.Where(s => s.Line.Id == l.Id).Sum(s => s.Gross));
            var amount = asked.Amount is { } given ? Amounts.Positive(given, invoice.Currency, "invoice", invoice.Id.ToString(), "lines.amount") : left;
            shares.AddRange(Share(work, named, amount, invoice));
        }

        return [.. shares.GroupBy(s => s.Line.Id).Select(g => (g.First().Line, g.Sum(s => s.Gross))).Select(s => Within(work, s, invoice))];
    }

    private static IReadOnlyList<(InvoiceLine Line, decimal Gross)> Share(PayerWork work, List<InvoiceLine> lines, decimal amount, Invoice invoice)
    {
        var weights = lines.ConvertAll(l => LeftOf(work, l));
        if (amount <= 0m || amount > weights.Sum())
        {
            throw BillingException.For(BillingErrorCodes.AmountExceeds, "invoice", invoice.Id.ToString(), "amount", $"{Journal.Print(weights.Sum(), invoice.Currency)} {invoice.Currency} is left of it.");
        }

        var parts = Allocation.LargestRemainder(amount, weights, work.Currency.SmallestAmount);
        return [.. lines.Zip(parts).Where(p => p.Second > 0m)];
    }

    private static (InvoiceLine Line, decimal Gross) Within(PayerWork work, (InvoiceLine Line, decimal Gross) share, Invoice invoice) =>
        share.Gross <= LeftOf(work, share.Line)
            ? share
            : throw BillingException.For(BillingErrorCodes.AmountExceeds, "invoice", invoice.Id.ToString(), "lines.amount", $"{Journal.Print(LeftOf(work, share.Line), invoice.Currency)} {invoice.Currency} is left of line {share.Line.Position}.");

    /// <summary>What can still be taken back of an invoice.</summary>
    private static decimal Left(PayerWork work, Invoice invoice)
    {
        var lines = work.LinesOf(invoice.Id).ToList();
        return Math.Max(0m, Math.Min(invoice.Total - lines.Sum(l => l.CreditedAmount), lines.Sum(l => LeftOf(work, l))));
    }

    /// <summary>What credit notes and lines that took it back have left of a line; 0 for negative ones.</summary>
    private static decimal LeftOf(PayerWork work, InvoiceLine line)
    {
        var reversed = work.Lines.Where(l => l.ReversesLineId == line.Id && !l.Voided).Sum(l => LinePart.Whole(l).Gross);
        return Math.Max(0m, LinePart.Whole(line).Gross - line.CreditedAmount + reversed);
    }

    /// <summary>The line with the time that is left of it when the rest was taken back wholly: only that time's revenue can be taken back still.</summary>
    private static InvoiceLine Remaining(PayerWork work, InvoiceLine line)
    {
        var back = work.Lines.Where(l => l.ReversesLineId == line.Id && !l.Voided && l.ToDate == line.ToDate && l.FromDate > line.FromDate).ToList();
        if (back.Count == 0 || line is not { FromDate: { } from, ToDate: { } to })
        {
            return line;
        }

        var end = back.Min(l => l.FromDate!.Value);
        var rest = LinePart.Whole(line).Net * Period.DaysBetween(end, to) / Period.DaysBetween(from, to);
        var taken = -back.Sum(l => LinePart.Whole(l).Net);
        return Math.Abs(rest - taken) <= work.Currency.SmallestAmount ? line with { ToDate = end } : line;
    }

    private static CreditNote ApplyTo(PayerWork work, CreditNote note, Invoice invoice)
    {
        var used = work.Put(note with { Remaining = 0m });
        CreditApplication.Record(work, invoice, CreditSource.CreditNote, Postings.Text(note.Id), note.Total);
        work.Post(Postings.CreditApplication(invoice, note.Total, 0m), invoice.LegalEntity);
        invoice = work.Put(invoice with { CreditApplied = invoice.CreditApplied + note.Total });
        if (invoice.AmountDue == 0m)
        {
            Settlement.Close(work, invoice);
        }

        return used;
    }

    // Newest payment first; what no payment covers stays credit.
    private static CreditNote PayOut(PayerWork work, CreditNote note, Invoice invoice)
    {
        foreach (var payment in work.Payments.Where(p => p.InvoiceId == invoice.Id).OrderByDescending(p => p.Ordinal).ToList())
        {
            var amount = Math.Min(note.Remaining, Refunds.Refundable(work, payment));
            if (amount > 0m)
            {
                note = work.Put(note with { Remaining = note.Remaining - amount });
                Refunds.Begin(work, payment, amount, note.Id);
            }
        }

        return note;
    }
}
