using Billing.Credits;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>Credit that is sold: the line that bills it, the invoice that it waits for, and how much of it was paid for.</summary>
internal static class BoughtCredit
{
    /// <summary>Tells lines that sell credit. Such a line comes from a pending item with a grant, and its key contains the item's id (32 hexadecimal digits).</summary>
    public static Func<InvoiceLine, bool> LineTest(PayerWork work)
    {
        if (!work.All<PendingItem>().Any(i => i.CreditGrantId is not null))
        {
            return static _ => false;
        }

        var items = work.All<PendingItem>().Where(i => i.CreditGrantId is not null).Select(i => i.Id.ToString("N")).ToHashSet(StringComparer.Ordinal);
        return line => line.SubscriptionId is null && items.Any(i => line.Key.Contains(i, StringComparison.Ordinal));
    }

    /// <summary>Writes on the grants which invoice they wait for.</summary>
    public static void NameInvoice(PayerWork work, Invoice invoice)
    {
        if (work.All<PendingItem>().Count == 0)
        {
            return;
        }

        foreach (var item in work.All<PendingItem>().Where(i => i.InvoiceId == invoice.Id && i.CreditGrantId is not null).ToList())
        {
            if (Find(work, item) is { } grant)
            {
                work.Put(grant with { InvoiceId = invoice.Id });
            }
        }
    }

    /// <summary>Makes credit usable that was bought with an invoice that is paid now.</summary>
    public static void Activate(PayerWork work, Invoice invoice)
    {
        foreach (var grant in work.All<CreditGrant>().Where(g => g.InvoiceId == invoice.Id && !g.Usable && g.Remaining > 0m).ToList())
        {
            work.Put(grant with { Usable = true });
            work.Emit(EventNames.CreditActivated, grant.CustomerId, notify: false, ("creditId", grant.Id), ("amount", Journal.Print(grant.Remaining, invoice.Currency)));
        }
    }

    /// <summary>Ends credit whose invoice was taken back.</summary>
    public static void Cancel(PayerWork work, Invoice invoice)
    {
        foreach (var grant in work.All<CreditGrant>().Where(g => g.InvoiceId == invoice.Id && !g.Usable).ToList())
        {
            work.Put(grant with { Remaining = 0m });
        }
    }

    /// <summary>How much of a use was paid for: what was paid is released in proportion to use, so that all uses together release all of it.</summary>
    /// <param name="work">The work.</param>
    /// <param name="grant">The grant before the use.</param>
    /// <param name="amount">The use.</param>
    public static decimal PaidPart(PayerWork work, CreditGrant grant, decimal amount)
    {
        if (grant.PaidAmount == 0m)
        {
            return 0m;
        }

        var used = grant.Amount - grant.Remaining;
        return Released(used + amount) - Released(used);

        decimal Released(decimal value) => Rounding.Round(grant.PaidAmount * value / grant.Amount, work.Currency.MinorUnit, work.Context.Settings.RoundingMode);
    }

    /// <summary>How uses name a grant.</summary>
    public static string SourceId(CreditGrant grant) => StorageKeys.KeyOf(grant);

    private static CreditGrant? Find(PayerWork work, PendingItem item) =>
        work.All<CreditGrant>().FirstOrDefault(g => g.CustomerId == item.CustomerId && g.Id == item.CreditGrantId);
}
