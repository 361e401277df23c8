using Billing.Storage;
using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

/// <summary>Writes payers' due items within an open transaction: what a commit wants of them, and marks.</summary>
internal static class DueItems
{
    /// <summary>The due items of payers; all kinds are named so that the key can be used.</summary>
    public static IQueryable<DueItem> Of(DbContext context, TenantId tenant, IReadOnlyList<string> payers)
    {
        var kinds = Enum.GetValues<DueKind>();
        return BillingDatabase.Of<DueItem>(context, tenant).Where(d => kinds.Contains(d.Kind) && payers.Contains(d.PayerId));
    }

    /// <summary>Sets and removes the due items that the changes name; one that was marked meanwhile keeps the earlier moment.</summary>
    public static async Task SetAsync(
        DbContext context, BillingDatabase database, TenantId tenant, IReadOnlyList<PayerChanges> payers, CancellationToken cancellationToken)
    {
        var changes = new List<DueChange>();
        foreach (var payer in payers)
        {
            foreach (var (kind, at) in payer.Due)
            {
                changes.Add(new DueChange(kind, payer.PayerId, at, payer.DueSeen.TryGetValue(kind, out var version) ? version : null));
            }
        }

        if (changes.Count > 0 && !await database.SetDueAsync(context, tenant, changes, cancellationToken).ConfigureAwait(false))
        {
            await ReadAndSetAsync(context, database, tenant, [.. payers.Where(p => p.Due.Count > 0)], cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Marks due items: the earlier moments stay, the version grows.</summary>
    public static async Task MarkAsync(DbContext context, BillingDatabase database, TenantId tenant, IEnumerable<DueItem> wanted, CancellationToken cancellationToken)
    {
        var marks = StorageRules.MergeMarks(wanted);
        if (marks.Count == 0 || await database.MarkDueAsync(context, marks, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        var stored = await StoredAsync(context, tenant, [.. marks.Select(d => d.PayerId).Distinct()], cancellationToken).ConfigureAwait(false);
        var changes = marks.Select(m => (Before: stored.GetValueOrDefault((m.Kind, m.PayerId)), Mark: m)).ToArray();
        await WriteAsync(context, database, [.. changes.Select(c => (c.Before, (DueItem?)StorageRules.Mark(c.Before, c.Mark)))], cancellationToken).ConfigureAwait(false);
    }

    private static async Task ReadAndSetAsync(
        DbContext context, BillingDatabase database, TenantId tenant, PayerChanges[] payers, CancellationToken cancellationToken)
    {
        var ids = Array.ConvertAll(payers, p => p.PayerId);
        await database.LockDueAsync(context, tenant, ids, cancellationToken).ConfigureAwait(false);
        var stored = await StoredAsync(context, tenant, ids, cancellationToken).ConfigureAwait(false);
        var changes = new List<(DueItem?, DueItem?)>();
        foreach (var payer in payers)
        {
            foreach (var kind in payer.Due.Keys)
            {
                var before = stored.GetValueOrDefault((kind, payer.PayerId));
                changes.Add((before, StorageRules.After(before, payer, tenant, kind)));
            }
        }

        await WriteAsync(context, database, changes, cancellationToken).ConfigureAwait(false);
    }

    private static Task<Dictionary<(DueKind Kind, string PayerId), DueItem>> StoredAsync(
        DbContext context, TenantId tenant, string[] payers, CancellationToken cancellationToken) =>
        Of(context, tenant, payers).ToDictionaryAsync(d => (d.Kind, d.PayerId), cancellationToken);

    private static async Task WriteAsync(
        DbContext context, BillingDatabase database, IReadOnlyList<(DueItem? Before, DueItem? After)> changes, CancellationToken cancellationToken)
    {
        var (inserts, updates, deletes) = (new List<object>(), new List<StoredRow>(), new List<StoredRow>());
        foreach (var change in changes)
        {
            switch (change)
            {
                case (null, { } after):
                    inserts.Add(after);
                    break;
                case ({ } before, null):
                    deletes.Add(new StoredRow(before, before.Version));
                    break;
                case ({ } before, { } after):
                    updates.Add(new StoredRow(after, before.Version));
                    break;
            }
        }

        var lost = await database.DeleteAsync(context, deletes, cancellationToken).ConfigureAwait(false);
        lost = [.. lost, .. await database.UpdateAsync(context, updates, each: true, cancellationToken).ConfigureAwait(false)];
        if (lost.Count > 0)
        {
            throw new RaceException(new InvalidOperationException("A due item was marked in between."));
        }

        try
        {
            await database.InsertAsync(context, inserts, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (database.IsUniqueViolation(exception))
        {
            // The payer loses nothing by a mark: what is stored now decides.
            throw new RaceException(exception);
        }
    }
}
