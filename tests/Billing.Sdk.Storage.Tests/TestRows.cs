using Billing.Customers;
using NodaTime;

namespace Billing.Storage.Tests;

internal static class TestRows
{
    public static readonly TenantId Acme = new("acme");
    public static readonly Instant Noon = Instant.FromUtc(2030, 5, 6, 12, 0);

    public static PayerChanges Changes(string payerId, long expected, params RowChange[] rows)
    {
        var own = new Customer { Tenant = Acme, Id = payerId, PayerId = payerId, Currency = "EUR", CreatedAt = Noon, BillingVersion = expected + 1 };
        return new PayerChanges { PayerId = payerId, ExpectedVersion = expected, Rows = [expected == 0 ? RowChange.Insert(own) : RowChange.Update(own), .. rows] };
    }

    public static BillingBatch Batch(params PayerChanges[] payers) => new() { Tenant = Acme, Payers = payers };

    public static async Task<CommitOutcome[]> CommitAsync(this IBillingStorage storage, params PayerChanges[] payers) =>
        [.. (await storage.CommitAsync(Batch(payers), CancellationToken.None)).Payers.Select(p => p.Outcome)];

    public static async Task<PayerSnapshot> ReadAsync(this IBillingStorage storage, string payerId) =>
        (await storage.ReadPayersAsync(Acme, [payerId], SnapshotParts.All, CancellationToken.None)).Single();
}
