using Billing.Ledger;
using NodaTime;

namespace Billing.Processing;

/// <summary>Writes journal transactions into the work on a payer.</summary>
internal static class Journal
{
    /// <summary>Adds a balanced transaction, booked on the payer's local date; one without entries is left out.</summary>
    public static void Post(this PayerWork work, Posting posting, string legalEntity)
    {
        var entries = posting.Balanced();
        if (entries.Count == 0)
        {
            return;
        }

        var date = work.LocalDateOf(work.Now);
        var transaction = work.Put(new LedgerTransaction
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            LegalEntity = legalEntity,
            Currency = posting.Currency,
            AccountingDate = date,
            DocumentKind = posting.DocumentKind,
            DocumentId = posting.DocumentId,
            RecordedAt = work.Now,
            Actor = work.Actor.Actor,
            Reason = work.Actor.Reason,
            CorrelationId = work.Actor.CorrelationId,
        });
        foreach (var entry in entries)
        {
            work.Put(new LedgerEntry
            {
                Tenant = work.Context.Id,
                Id = work.NewId(),
                PayerId = work.PayerId,
                TransactionId = transaction.Id,
                Account = entry.Account,
                Currency = posting.Currency,
                Amount = entry.Amount,
                AccountingDate = date,
                ServiceFrom = entry.ServiceFrom,
                ServiceTo = entry.ServiceTo,
            });
        }
    }

    /// <summary>The payer's local date of a moment.</summary>
    public static LocalDate LocalDateOf(this PayerWork work, Instant at) => at.InZone(work.Zone).Date;

    /// <summary>The moment at which a date begins for the payer.</summary>
    public static Instant StartOf(this PayerWork work, LocalDate date) => work.Zone.AtStartOfDay(date).ToInstant();

    /// <summary>An amount with the decimals of its currency, for messages.</summary>
    public static string Print(decimal amount, string currency) => Rounding.Format(amount, Billing.Currency.Of(currency).MinorUnit);
}
