using Billing.Storage;

namespace Billing.Processing;

/// <summary>Reads payers and commits changes to them for runs: anew when another change came first.</summary>
internal sealed class PayerCommits(EngineCore core)
{
    /// <summary>What runs after billing need of a payer.</summary>
    public const SnapshotParts Parts = SnapshotParts.All & ~(SnapshotParts.Redemptions | SnapshotParts.Quarantine);

    private const int Tries = 8;

    /// <summary>Reads payers as works.</summary>
    public async Task<IReadOnlyList<PayerWork>> ReadAsync(TenantContext tenant, CommandContext context, IReadOnlyList<string> payers, CancellationToken cancellationToken)
    {
        var snapshots = await core.Storage.ReadPayersAsync(tenant.Id, payers, Parts, cancellationToken).ConfigureAwait(false);
        return [.. snapshots.Select(s => new PayerWork(tenant, context, s))];
    }

    /// <summary>Commits works that changed, in one batch.</summary>
    /// <returns>The payers whose changes were written, and those without any.</returns>
    public async Task<IReadOnlySet<string>> CommitAsync(TenantContext tenant, IReadOnlyList<PayerWork> works, CancellationToken cancellationToken)
    {
        foreach (var work in works)
        {
            work.CorrectDue();
        }

        var changed = works.Where(w => w.HasChanges).ToList();
        var written = works.Where(w => !w.HasChanges).Select(w => w.PayerId).ToHashSet(StringComparer.Ordinal);
        if (changed.Count > 0)
        {
            var batch = new BillingBatch { Tenant = tenant.Id, Payers = [.. changed.Select(w => w.ToChanges())] };
            var result = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
            written.UnionWith(result.Payers.Where(p => p.Outcome == CommitOutcome.Committed).Select(p => p.PayerId));
        }

        return written;
    }

    /// <summary>Reads a payer, changes it and commits, until no other change comes in between.</summary>
    /// <exception cref="BillingException"><c>conflict</c>, when other changes came first time and again.</exception>
    public async Task<T> ChangeAsync<T>(TenantContext tenant, CommandContext context, string payerId, Func<PayerWork, Task<T>> change, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= Tries; attempt++)
        {
            var works = await ReadAsync(tenant, context, [payerId], cancellationToken).ConfigureAwait(false);
            if (works.Count == 0)
            {
                throw BillingException.NotFound("customer", payerId);
            }

            var answer = await change(works[0]).ConfigureAwait(false);
            if ((await CommitAsync(tenant, works, cancellationToken).ConfigureAwait(false)).Contains(payerId))
            {
                return answer;
            }
        }

        throw BillingException.For(BillingErrorCodes.Conflict, "customer", payerId, "billingVersion", $"Other changes came first {Tries} times; try again.");
    }

    /// <summary>Works through all payers that are due, each once, page by page.</summary>
    public async Task ForEachPageAsync(
        TenantContext tenant,
        CommandContext context,
        DueKind kind,
        int pageSize,
        Func<IReadOnlyList<PayerWork>, Task> page,
        CancellationToken cancellationToken)
    {
        string? last = null;
        while (true)
        {
            var due = await core.Storage.ReadDueRangeAsync(tenant.Id, kind, tenant.Now, last, null, pageSize, cancellationToken).ConfigureAwait(false);
            if (due.Count == 0)
            {
                return;
            }

            await page(await ReadAsync(tenant, context, [.. due.Select(d => d.PayerId)], cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
            last = due[^1].PayerId;
        }
    }
}
