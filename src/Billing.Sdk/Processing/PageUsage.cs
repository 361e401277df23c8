using Billing.Catalog;
using Billing.Invoicing;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>
/// The usage that a page of payers asks for, read in one go, so that the number of reads does not grow with the page. What it does not hold (further moments of a run that
/// comes late, drafts) is read when it is asked for.
/// </summary>
internal sealed class PageUsage(EngineCore core)
{
    private readonly Dictionary<UsageQuery, UsageData> _known = [];

    /// <summary>Reads what the payers' next due moments ask for.</summary>
    public async Task ReadAheadAsync(TenantContext tenant, IEnumerable<PayerWork> works, CancellationToken cancellationToken)
    {
        var queries = works.SelectMany(QueriesOf).Distinct().ToList();
        _ = await ReadAsync(tenant.Id, queries, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Usage by query, in their order.</summary>
    public async Task<IReadOnlyList<UsageData>> ReadAsync(TenantId tenant, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken)
    {
        var missing = queries.Where(q => !_known.ContainsKey(q)).Distinct().ToList();
        if (missing.Count > 0)
        {
            var data = await core.Storage.ReadUsageAsync(tenant, missing, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < missing.Count; i++)
            {
                _known[missing[i]] = data[i];
            }
        }

        return [.. queries.Select(q => _known[q])];
    }

    private static List<UsageQuery> QueriesOf(PayerWork work)
    {
        if (work.Payer.DueAt is not { } moment)
        {
            return [];
        }

        try
        {
            return [.. Owed(work, moment).SelectMany(o => o.Stretches).Where(s => s.Usage is not null).Select(RatingStage.QueryOf)];
        }
        catch (Exception error) when (error is BillingException or OverflowException or InvalidOperationException)
        {
            // The payer meets the same error when it is billed, and goes to quarantine with it.
            return [];
        }
    }

    /// <summary>What a payer's subscriptions owe at a moment, without amounts.</summary>
    public static IReadOnlyList<OwedResult> Owed(PayerWork work, NodaTime.Instant moment)
    {
        var catalog = work.Context.CatalogAt(moment)?.Definition ?? CatalogDefinition.Empty;
        return [.. Timelines.Of(work, moment).Select(t => OwedParts.Find(t, work.Context.Settings, catalog, moment, work.Payer.SettledThrough))];
    }
}
