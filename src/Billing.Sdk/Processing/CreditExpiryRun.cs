using Billing.Credits;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>Lets credits expire: what was paid for and not used becomes breakage.</summary>
internal sealed class CreditExpiryRun(EngineCore core)
{
    private const int PageSize = 200;

    private readonly PayerCommits _commits = new(core);

    /// <summary>Expires what is due; a payer that another change came first for is left to the next run.</summary>
    public async Task<int> RunAsync(TenantContext tenant, CommandContext context, CancellationToken cancellationToken)
    {
        var expired = 0;
        await _commits.ForEachPageAsync(
            tenant,
            context,
            DueKind.CreditExpiry,
            PageSize,
            async works =>
            {
                var counts = works.ToDictionary(w => w.PayerId, Expire, StringComparer.Ordinal);
                var written = await _commits.CommitAsync(tenant, works, cancellationToken).ConfigureAwait(false);
                expired += counts.Where(c => written.Contains(c.Key)).Sum(c => c.Value);
            },
            cancellationToken).ConfigureAwait(false);
        return expired;
    }

    private static int Expire(PayerWork work)
    {
        var due = work.All<CreditGrant>().Where(g => !g.Expired && g.Remaining > 0m && g.ExpiresAt <= work.Now).ToList();
        foreach (var grant in due)
        {
            work.Put(grant with { Expired = true });
            work.Post(Postings.Breakage(BoughtCredit.SourceId(grant), work.Payer.Currency, BoughtCredit.PaidPart(work, grant, grant.Remaining)), work.Context.Settings.LegalEntity);
            work.Emit(EventNames.CreditExpired, grant.CustomerId, notify: false, ("creditId", grant.Id), ("amount", Journal.Print(grant.Remaining, work.Payer.Currency)), ("currency", work.Payer.Currency));
        }

        return due.Count;
    }
}
