using Billing.Storage;

namespace Billing.Processing;

/// <summary>Reads payers as works for billing.</summary>
internal static class PayerWorks
{
    /// <summary>The payers that exist; what marked them as due is taken into account.</summary>
    public static async Task<IReadOnlyList<PayerWork>> ReadAsync(
        EngineCore core, TenantContext tenant, CommandContext context, IReadOnlyList<string> payers, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var snapshots = await core.Storage.ReadPayersAsync(tenant.Id, payers, parts, cancellationToken).ConfigureAwait(false);
        var isPartial = parts.HasFlag(SnapshotParts.OpenOnly) || !parts.HasFlag(SnapshotParts.Payments);
        var works = new PayerWork[snapshots.Count];
        for (var i = 0; i < works.Length; i++)
        {
            works[i] = new PayerWork(tenant, context, snapshots[i]) { IsPartial = isPartial };
            works[i].TakeDue();
        }

        return works;
    }
}
