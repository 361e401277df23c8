using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;

namespace Billing.Processing;

/// <summary>Pays invoices with credit, and gives it back.</summary>
internal static class CreditApplication
{
    /// <summary>Applies what can be used now: credit notes, oldest first, then the balance, then grants. A balance below 0 is added to what is to be paid.</summary>
    public static Invoice Apply(PayerWork work, Invoice invoice, IReadOnlyList<InvoiceLine> lines)
    {
        if (work.Payer.CreditBalance == 0m && work.All<CreditNote>().Count == 0 && work.All<CreditGrant>().Count == 0)
        {
            return invoice;
        }

        var owed = invoice.Total < 0m ? 0m : TakeDebit(work, invoice);
        var given = 0m;
        var open = invoice.AmountDue - owed;
        foreach (var note in CreditOrder.Usable(work.All<CreditNote>()))
        {
            var part = Math.Min(note.Remaining, open);
            if (part > 0m)
            {
                work.Put(note with { Remaining = note.Remaining - part });
                Record(work, invoice, CreditSource.CreditNote, Postings.Text(note.Id), part);
                owed += part;
                open -= part;
            }
        }

        var fromBalance = Math.Min(Math.Max(0m, work.Payer.CreditBalance), open);
        if (fromBalance > 0m)
        {
            work.Put(work.Payer with { CreditBalance = work.Payer.CreditBalance - fromBalance });
            Record(work, invoice, CreditSource.Balance, "", fromBalance);
            owed += fromBalance;
            open -= fromBalance;
        }

        var isBought = BoughtCredit.LineTest(work);
        var excluded = lines.Where(isBought).Sum(l => LinePart.Whole(l).Gross);
        foreach (var (grant, part) in CreditOrder.Plan(CreditOrder.Usable(work.All<CreditGrant>(), work.Now), lines, open, excluded))
        {
            var paidPart = BoughtCredit.PaidPart(work, grant, part);
            work.Put(grant with { Remaining = grant.Remaining - part });
            Record(work, invoice, CreditSource.Grant, BoughtCredit.SourceId(grant), part);
            owed += paidPart;
            given += part - paidPart;
        }

        if (owed == 0m && given == 0m)
        {
            return invoice;
        }

        work.Post(Postings.CreditApplication(invoice, owed, given), invoice.LegalEntity);
        return work.Put(invoice with { CreditApplied = invoice.CreditApplied + owed + given });
    }

    // What the payer owes on the balance is owed on the invoice from now on: a credit below 0.
    private static decimal TakeDebit(PayerWork work, Invoice invoice)
    {
        var debit = Math.Min(0m, work.Payer.CreditBalance);
        if (debit < 0m)
        {
            work.Put(work.Payer with { CreditBalance = 0m });
            Record(work, invoice, CreditSource.Balance, "", debit);
        }

        return debit;
    }

    /// <summary>Puts all credit that paid an invoice back to where it came from.</summary>
    /// <returns>How much of it was owed to the payer and how much given.</returns>
    public static (decimal Owed, decimal Given) Release(PayerWork work, Invoice invoice)
    {
        var owed = 0m;
        var given = 0m;
        var uses = work.All<CreditUse>()
            .Where(u => u.InvoiceId == invoice.Id)
            .GroupBy(u => (u.Source, u.SourceId), u => u.Amount)
            .Select(g => (g.Key.Source, g.Key.SourceId, Amount: g.Sum()))
            .Where(u => u.Amount != 0m)
            .ToList();
        foreach (var (source, sourceId, amount) in uses)
        {
            Record(work, invoice, source, sourceId, -amount);
            if (source == CreditSource.Grant)
            {
                var grant = work.Find<CreditGrant>(sourceId)!;
                var returned = grant with { Remaining = grant.Remaining + amount };
                var paidPart = BoughtCredit.PaidPart(work, returned, amount);
                work.Put(returned);
                owed += paidPart;
                given += amount - paidPart;
                continue;
            }

            if (source == CreditSource.CreditNote)
            {
                var note = work.Find<CreditNote>(Guid.ParseExact(sourceId, "N"))!;
                work.Put(note with { Remaining = note.Remaining + amount });
            }
            else
            {
                work.Put(work.Payer with { CreditBalance = work.Payer.CreditBalance + amount });
            }

            owed += amount;
        }

        return (owed, given);
    }

    /// <summary>Keeps that credit paid part of an invoice.</summary>
    public static void Record(PayerWork work, Invoice invoice, CreditSource source, string sourceId, decimal amount) => work.Put(new CreditUse
    {
        Tenant = work.Context.Id,
        Id = work.NewId(),
        PayerId = work.PayerId,
        InvoiceId = invoice.Id,
        Source = source,
        SourceId = sourceId,
        Amount = amount,
        At = work.Now,
    });
}
