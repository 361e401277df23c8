using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

public partial class EfBillingStorage<TContext>
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<PayerSnapshot>> ReadPayersAsync(
        TenantId tenant, IReadOnlyList<string> payerIds, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var ids = Distinct(payerIds);
        return ReadAsync(
            async (context, cancel) =>
            {
                var transaction = await _database.BeginReadAsync(context, cancel).ConfigureAwait(false);
                await using var _ = transaction.ConfigureAwait(false);
                var page = await PayerPage.ReadAsync(context, tenant, ids, parts, cancel).ConfigureAwait(false);
                return page.Snapshots(payerIds);
            },
            cancellationToken);
    }

    /// <summary>All rows of the payers of a page, one query per kind of row.</summary>
    private sealed class PayerPage
    {
        private readonly Dictionary<Type, object> _rows = [];
        private bool _withCustomers;
        private ILookup<string, DueItem> _due = Array.Empty<DueItem>().ToLookup(d => d.PayerId);

        public static async Task<PayerPage> ReadAsync(DbContext context, TenantId tenant, string[] ids, SnapshotParts parts, CancellationToken cancellationToken)
        {
            var page = new PayerPage { _withCustomers = parts.HasFlag(SnapshotParts.Customers) };
            var wanted = page._withCustomers
                ? Of<Customer>(context, tenant).Where(c => ids.Contains(c.PayerId))
                : Of<Customer>(context, tenant).Where(c => ids.Contains(c.Id) && c.PayerId == c.Id);
            var payers = Of<Customer>(context, tenant).Where(c => ids.Contains(c.Id));
            var (lines, items, invoices) = (Of<InvoiceLine>(context, tenant), Of<PendingItem>(context, tenant), Of<Invoice>(context, tenant));
            await page.AddAsync(wanted, cancellationToken).ConfigureAwait(false);
            await AddPartAsync<CustomerContact>(SnapshotParts.Customers).ConfigureAwait(false);
            await AddPartAsync<Subscription>(SnapshotParts.Subscriptions).ConfigureAwait(false);
            await AddPartAsync<SubscriptionTerm>(SnapshotParts.Subscriptions).ConfigureAwait(false);
            await AddOpenAsync(SnapshotParts.Lines, lines.Join(payers, l => l.PayerId, c => c.Id, (l, c) => new { Row = l, Payer = c }).Where(p => p.Row.RecordedAt >= p.Payer.HistoryFrom).Select(p => p.Row)).ConfigureAwait(false);
            await AddOpenAsync(
                SnapshotParts.PendingItems, items.Join(payers, i => i.PayerId, c => c.Id, (i, c) => new { Row = i, Payer = c })
                    .Where(p => p.Row.InvoiceId == null || p.Row.RecordedAt >= p.Payer.HistoryFrom).Select(p => p.Row)).ConfigureAwait(false);
            await AddPartAsync<CouponRedemption>(SnapshotParts.Redemptions).ConfigureAwait(false);
            await AddPartAsync<CreditGrant>(SnapshotParts.Credits).ConfigureAwait(false);
            await AddPartAsync<CreditNote>(SnapshotParts.Credits).ConfigureAwait(false);
            await AddPartAsync<CreditUse>(SnapshotParts.Credits).ConfigureAwait(false);
            await AddOpenAsync(SnapshotParts.Invoices, invoices.Join(payers, i => i.PayerId, c => c.Id, (i, c) => new { Row = i, Payer = c }).Where(p => p.Row.Ordinal >= p.Payer.FirstOpenInvoice).Select(p => p.Row)).ConfigureAwait(false);
            await AddPartAsync<Payment>(SnapshotParts.Payments).ConfigureAwait(false);
            await AddPartAsync<PaymentAttempt>(SnapshotParts.Payments).ConfigureAwait(false);
            await AddPartAsync<Refund>(SnapshotParts.Payments).ConfigureAwait(false);
            await AddPartAsync<PaymentMethod>(SnapshotParts.PaymentMethods).ConfigureAwait(false);
            await AddPartAsync<QuarantineItem>(SnapshotParts.Quarantine).ConfigureAwait(false);
            page._due = (await DueOf(context, tenant, ids).ToListAsync(cancellationToken).ConfigureAwait(false))
                .ToLookup(d => d.PayerId, StringComparer.Ordinal);
            return page;

            Task AddOpenAsync<T>(SnapshotParts part, IQueryable<T> open)
                where T : class, IPayerRow =>
                parts.HasFlag(part | SnapshotParts.OpenOnly) ? page.AddAsync(open, cancellationToken) : AddPartAsync<T>(part);

            Task AddPartAsync<T>(SnapshotParts part)
                where T : class, IPayerRow =>
                parts.HasFlag(part) ? page.AddAsync(Of<T>(context, tenant).Where(r => ids.Contains(r.PayerId)), cancellationToken) : Task.CompletedTask;
        }

        public IReadOnlyList<PayerSnapshot> Snapshots(IReadOnlyList<string> payerIds) => payerIds.Select(Snapshot).OfType<PayerSnapshot>().ToArray();

        private PayerSnapshot? Snapshot(string payerId)
        {
            if (Rows<Customer>(payerId).FirstOrDefault(c => c.Id == payerId) is not { } payer)
            {
                return null;
            }

            return new PayerSnapshot
            {
                Payer = payer,
                Customers = _withCustomers ? [.. Rows<Customer>(payerId).OrderBy(c => c.Id, StringComparer.Ordinal)] : [],
                Contacts = [.. Rows<CustomerContact>(payerId).OrderBy(c => c.Id)],
                Subscriptions = [.. Rows<Subscription>(payerId).OrderBy(s => s.Id, StringComparer.Ordinal)],
                Terms = [.. Rows<SubscriptionTerm>(payerId).OrderBy(t => t.SubscriptionId, StringComparer.Ordinal).ThenBy(t => t.Sequence)],
                Lines = [.. Rows<InvoiceLine>(payerId).OrderBy(l => l.Id)],
                PendingItems = [.. Rows<PendingItem>(payerId).OrderBy(i => i.Id)],
                Redemptions = [.. Rows<CouponRedemption>(payerId).OrderBy(r => r.Id)],
                Grants = [.. Rows<CreditGrant>(payerId).OrderBy(g => g.Ordinal).ThenBy(g => g.CustomerId, StringComparer.Ordinal).ThenBy(g => g.Id, StringComparer.Ordinal)],
                CreditNotes = [.. Rows<CreditNote>(payerId).OrderBy(n => n.Ordinal).ThenBy(n => n.Id)],
                CreditUses = [.. Rows<CreditUse>(payerId).OrderBy(u => u.Id)],
                Invoices = [.. Rows<Invoice>(payerId).OrderBy(i => i.Ordinal)],
                Payments = [.. Rows<Payment>(payerId).OrderBy(p => p.Ordinal)],
                Attempts = [.. Rows<PaymentAttempt>(payerId).OrderBy(a => a.PaymentId).ThenBy(a => a.Number)],
                Refunds = [.. Rows<Refund>(payerId).OrderBy(r => r.Id)],
                PaymentMethods = [.. Rows<PaymentMethod>(payerId).OrderBy(m => m.AddedAt).ThenBy(m => m.Id, StringComparer.Ordinal)],
                Due = [.. _due[payerId].OrderBy(d => d.Kind)],
                Quarantine = Rows<QuarantineItem>(payerId).FirstOrDefault(),
            };
        }

        private IEnumerable<T> Rows<T>(string payerId)
            where T : IPayerRow => _rows.TryGetValue(typeof(T), out var rows) ? ((ILookup<string, T>)rows)[payerId] : [];

        private async Task AddAsync<T>(IQueryable<T> query, CancellationToken cancellationToken)
            where T : IPayerRow
        {
            var rows = await query.ToListAsync(cancellationToken).ConfigureAwait(false);
            _rows.Add(typeof(T), rows.ToLookup(r => r.PayerId, StringComparer.Ordinal));
        }
    }
}
