using Billing.Storage;

namespace Billing.Processing;

/// <summary>Reads what belongs to a customer's payer, for answers.</summary>
internal static class PayerReads
{
    /// <summary>The snapshot of the customer's payer.</summary>
    /// <exception cref="BillingException"><c>not-found</c>: no such customer.</exception>
    public static async Task<PayerSnapshot> ReadAsync(EngineCore core, TenantId tenant, string customerId, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var payerId = await core.Storage.FindPayerAsync(tenant, StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false)
            ?? throw BillingException.NotFound("customer", customerId);
        return await ReadPayerAsync(core, tenant, payerId, parts, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The snapshot of a payer.</summary>
    public static async Task<PayerSnapshot> ReadPayerAsync(EngineCore core, TenantId tenant, string payerId, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var snapshots = await core.Storage.ReadPayersAsync(tenant, [payerId], parts | SnapshotParts.Customers, cancellationToken).ConfigureAwait(false);
        return snapshots.Count == 1 ? snapshots[0] : throw BillingException.NotFound("customer", payerId);
    }
}
