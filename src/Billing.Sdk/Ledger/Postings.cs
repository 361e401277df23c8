using Billing.Credits;
using Billing.Invoicing;

namespace Billing.Ledger;

/// <summary>What each kind of document posts. Pure.</summary>
internal static class Postings
{
    /// <summary>An invoice. Bought credit is owed to the payer, not earned; a negative total is owed to the payer too.</summary>
    public static Posting Invoice(Invoice invoice, IReadOnlyList<InvoiceLine> lines, Func<InvoiceLine, bool> isBoughtCredit)
    {
        var posting = new Posting("invoice", Text(invoice.Id), invoice.Currency);
        Supply(posting, lines.Select(LinePart.Whole), -1m, isBoughtCredit);

        // Where tax is rounded on the invoice its lines may not carry every minor unit of it.
        posting.Credit(LedgerAccounts.TaxPayable, invoice.Tax - lines.Sum(l => l.Tax));
        return posting.Debit(invoice.Total < 0m ? LedgerAccounts.CustomerCredit : LedgerAccounts.Receivable, invoice.Total);
    }

    /// <summary>A credit note: takes the earned or deferred revenue and tax of its (positive) parts back, owed to the payer from now on.</summary>
    public static Posting CreditNote(CreditNote note, IEnumerable<LinePart> parts, Func<InvoiceLine, bool> isBoughtCredit)
    {
        var posting = new Posting("creditNote", Text(note.Id), note.Currency);
        Supply(posting, parts, 1m, isBoughtCredit);
        return posting.Credit(LedgerAccounts.CustomerCredit, note.Total);
    }

    /// <summary>Net amounts and tax of lines; <paramref name="sign"/> −1 for a supply, 1 for one taken back.</summary>
    public static void Supply(Posting posting, IEnumerable<LinePart> parts, decimal sign, Func<InvoiceLine, bool> isBoughtCredit)
    {
        foreach (var (line, net, tax) in parts)
        {
            if (isBoughtCredit(line))
            {
                posting.Add(LedgerAccounts.CustomerCredit, sign * net, null, null);
            }
            else if (IsEarnedOverTime(line))
            {
                posting.Add(LedgerAccounts.DeferredRevenue, sign * net, line.FromDate, line.ToDate);
            }
            else
            {
                posting.Add(LedgerAccounts.Revenue, sign * net, null, null);
            }

            posting.Add(LedgerAccounts.TaxPayable, sign * tax, null, null);
        }
    }

    /// <summary>Whether the line's revenue is earned day by day over its time, and not when invoiced.</summary>
    public static bool IsEarnedOverTime(InvoiceLine line) =>
        line.Type is InvoiceLineType.Recurring or InvoiceLineType.Credit or InvoiceLineType.Minimum or InvoiceLineType.Discount
        && line.FromDate is { } from && line.ToDate is { } to && from < to;

    /// <summary>Credit that pays part of an invoice: a part that was owed to the payer (balance, notes, the paid part of bought credit) and one that was given.</summary>
    public static Posting CreditApplication(Invoice invoice, decimal owed, decimal given) =>
        new Posting("creditApplication", Text(invoice.Id), invoice.Currency)
            .Debit(LedgerAccounts.CustomerCredit, owed)
            .Debit(LedgerAccounts.CreditExpense, given)
            .Credit(LedgerAccounts.Receivable, owed + given);

    /// <summary>An adjustment of the credit balance; positive: owed to the payer.</summary>
    public static Posting BalanceAdjustment(Guid id, string currency, decimal amount) =>
        new Posting("balanceAdjustment", Text(id), currency)
            .Debit(LedgerAccounts.CreditExpense, amount)
            .Credit(LedgerAccounts.CustomerCredit, amount);

    /// <summary>Money that came: for a debt (receivable, or bad debt that was recovered), for the credit balance, or unapplied.</summary>
    public static Posting Payment(Guid paymentId, string currency, string debtAccount, decimal applied, decimal toBalance, decimal unapplied) =>
        new Posting("payment", Text(paymentId), currency)
            .Debit(LedgerAccounts.Cash, applied + toBalance + unapplied)
            .Credit(debtAccount, applied)
            .Credit(LedgerAccounts.CustomerCredit, toBalance)
            .Credit(LedgerAccounts.UnappliedCash, unapplied);

    /// <summary>Money that went back.</summary>
    public static Posting Refund(Guid refundId, string currency, decimal reopened, decimal fromCredit, decimal fromUnapplied) =>
        new Posting("refund", Text(refundId), currency)
            .Debit(LedgerAccounts.Receivable, reopened)
            .Debit(LedgerAccounts.CustomerCredit, fromCredit)
            .Debit(LedgerAccounts.UnappliedCash, fromUnapplied)
            .Credit(LedgerAccounts.Cash, reopened + fromCredit + fromUnapplied);

    /// <summary>A debt given up.</summary>
    public static Posting WriteOff(Invoice invoice, decimal amount) =>
        new Posting("writeOff", Text(invoice.Id), invoice.Currency)
            .Debit(LedgerAccounts.BadDebt, amount)
            .Credit(LedgerAccounts.Receivable, amount);

    /// <summary>The bank took money back for now; won, it comes back.</summary>
    public static Posting Dispute(Guid paymentId, string currency, decimal amount, bool won) =>
        new Posting(won ? "disputeWon" : "dispute", Text(paymentId), currency)
            .Debit(won ? LedgerAccounts.Cash : LedgerAccounts.DisputedReceivable, amount)
            .Credit(won ? LedgerAccounts.DisputedReceivable : LedgerAccounts.Cash, amount);

    /// <summary>A dispute that was lost.</summary>
    public static Posting DisputeLost(Guid paymentId, string currency, decimal reopened, decimal fromCredit, decimal fromUnapplied) =>
        new Posting("disputeLost", Text(paymentId), currency)
            .Debit(LedgerAccounts.Receivable, reopened)
            .Debit(LedgerAccounts.CustomerCredit, fromCredit)
            .Debit(LedgerAccounts.UnappliedCash, fromUnapplied)
            .Credit(LedgerAccounts.DisputedReceivable, reopened + fromCredit + fromUnapplied);

    /// <summary>Bought credit that nobody used.</summary>
    public static Posting Breakage(string grantId, string currency, decimal amount) =>
        new Posting("creditExpiry", grantId, currency)
            .Debit(LedgerAccounts.CustomerCredit, amount)
            .Credit(LedgerAccounts.Breakage, amount);

    public static string Text(Guid id) => id.ToString("N");
}
