using Billing.Credits;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Processing;
using Billing.Storage;

namespace Billing;

public sealed partial class CustomerFacade
{
    /// <summary>What a customer owes and is owed now. A customer whose parent pays owes nothing itself; its grants are listed with it,
    /// and with the payer too unless that has one with the same id.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<CustomerBalance> GetBalanceAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var snapshot = await PayerReads.ReadAsync(_core, tenant, customerId, SnapshotParts.Invoices | SnapshotParts.Credits, cancellationToken).ConfigureAwait(false);
        var pays = snapshot.Payer.Id == customerId;
        var now = _core.Clock.GetCurrentInstant();
        return new CustomerBalance
        {
            Balance = pays ? snapshot.Invoices.Where(i => i.Status == InvoiceStatus.Open).Sum(i => i.AmountDue) : 0m,
            CreditBalance = pays ? snapshot.Payer.CreditBalance + snapshot.CreditNotes.Sum(n => n.Remaining) : 0m,
            Credits = new EquatableMap<decimal>(snapshot.Grants
                .Where(g => g.CustomerId == customerId || pays)
                .OrderBy(g => g.CustomerId != customerId)
                .DistinctBy(g => g.Id)
                .Select(g => KeyValuePair.Create(g.Id, CreditOrder.Worth(g, now)))),
        };
    }
}
