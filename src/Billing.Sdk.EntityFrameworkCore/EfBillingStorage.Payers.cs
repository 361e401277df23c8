using Billing.Storage;

namespace Billing.EntityFrameworkCore;

public partial class EfBillingStorage<TContext>
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<PayerSnapshot>> ReadPayersAsync(
        TenantId tenant, IReadOnlyList<string> payerIds, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var ids = Distinct(payerIds);
        return ReadMomentAsync(
            tenant,
            async (context, cancel) =>
            {
                var page = await PayerPage.ReadAsync(context, _database, tenant, ids, parts, cancel).ConfigureAwait(false);
                return Snapshots(page, ids, payerIds);
            },
            cancellationToken);
    }

    private static IReadOnlyList<PayerSnapshot> Snapshots(PayerPage page, string[] ids, IReadOnlyList<string> asked)
    {
        var snapshots = new List<PayerSnapshot>(asked.Count);
        if (ids.Length == asked.Count)
        {
            for (var place = 0; place < ids.Length; place++)
            {
                if (page.Snapshot(place) is { } snapshot)
                {
                    snapshots.Add(snapshot);
                }
            }

            return snapshots;
        }

        // A payer that is asked for twice is given twice.
        foreach (var id in asked)
        {
            if (page.Snapshot(Array.IndexOf(ids, id)) is { } snapshot)
            {
                snapshots.Add(snapshot);
            }
        }

        return snapshots;
    }
}
