using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

/// <summary>All rows of the payers of a page, one command per kind of row that was asked for.</summary>
internal sealed class PayerPage
{
    private readonly string[] _ids;
    private readonly bool _withCustomers;

    private Customer[]?[] _customers = [];
    private CustomerContact[]?[] _contacts = [];
    private Subscription[]?[] _subscriptions = [];
    private SubscriptionTerm[]?[] _terms = [];
    private InvoiceLine[]?[] _lines = [];
    private PendingItem[]?[] _items = [];
    private CouponRedemption[]?[] _redemptions = [];
    private CreditGrant[]?[] _grants = [];
    private CreditNote[]?[] _notes = [];
    private CreditUse[]?[] _uses = [];
    private Invoice[]?[] _invoices = [];
    private Payment[]?[] _payments = [];
    private PaymentAttempt[]?[] _attempts = [];
    private Refund[]?[] _refunds = [];
    private PaymentMethod[]?[] _methods = [];
    private QuarantineItem[]?[] _quarantine = [];
    private DueItem[]?[] _due = [];

    private PayerPage(string[] ids, bool withCustomers) => (_ids, _withCustomers) = (ids, withCustomers);

    public static async Task<PayerPage> ReadAsync(
        DbContext context, BillingDatabase database, TenantId tenant, string[] ids, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var page = new PayerPage(ids, parts.HasFlag(SnapshotParts.Customers));
        await page.ReadCustomersAsync(new Source(context, database, tenant, ids, parts, cancellationToken)).ConfigureAwait(false);
        return page;
    }

    public PayerSnapshot? Snapshot(int place) => Payer(place) is not { } payer ? null : new PayerSnapshot
    {
        Payer = payer,
        Customers = _withCustomers ? Of(_customers, place) : [],
        Contacts = Of(_contacts, place),
        Subscriptions = Of(_subscriptions, place),
        Terms = Of(_terms, place),
        Lines = Of(_lines, place),
        PendingItems = Of(_items, place),
        Redemptions = Of(_redemptions, place),
        Grants = Of(_grants, place),
        CreditNotes = Of(_notes, place),
        CreditUses = Of(_uses, place),
        Invoices = Of(_invoices, place),
        Payments = Of(_payments, place),
        Attempts = Of(_attempts, place),
        Refunds = Of(_refunds, place),
        PaymentMethods = Of(_methods, place),
        Due = Of(_due, place),
        Quarantine = Of(_quarantine, place) is [var item, ..] ? item : null,
    };

    private Customer? Payer(int place)
    {
        foreach (var customer in Of(_customers, place))
        {
            if (customer.Id == _ids[place])
            {
                return customer;
            }
        }

        return null;
    }

    private static T[] Of<T>(T[]?[] rows, int place) => place < rows.Length && rows[place] is { } own ? own : [];

    private async Task ReadCustomersAsync(Source source)
    {
        _customers = await source.ReadAsync<Customer>(_withCustomers ? PayerRows.All : PayerRows.Own, ById).ConfigureAwait(false);
        _contacts = await source.PartAsync<CustomerContact>(SnapshotParts.Customers, static (a, b) => a.Id.CompareTo(b.Id)).ConfigureAwait(false);
        _subscriptions = await source.PartAsync<Subscription>(SnapshotParts.Subscriptions, static (a, b) => string.CompareOrdinal(a.Id, b.Id)).ConfigureAwait(false);
        _terms = await source.PartAsync<SubscriptionTerm>(SnapshotParts.Subscriptions, BySubscription).ConfigureAwait(false);
        _methods = await source.PartAsync<PaymentMethod>(SnapshotParts.PaymentMethods, ByAddition).ConfigureAwait(false);
        _quarantine = await source.PartAsync<QuarantineItem>(SnapshotParts.Quarantine, static (_, _) => 0).ConfigureAwait(false);
        _due = await source.ReadAsync<DueItem>(PayerRows.All, static (a, b) => a.Kind.CompareTo(b.Kind)).ConfigureAwait(false);
        await ReadInvoicesAsync(source).ConfigureAwait(false);
        await ReadMoneyAsync(source).ConfigureAwait(false);

        static int ById(Customer a, Customer b) => string.CompareOrdinal(a.Id, b.Id);

        static int BySubscription(SubscriptionTerm a, SubscriptionTerm b) =>
            string.CompareOrdinal(a.SubscriptionId, b.SubscriptionId) is var order and not 0 ? order : a.Sequence.CompareTo(b.Sequence);

        static int ByAddition(PaymentMethod a, PaymentMethod b) => a.AddedAt.CompareTo(b.AddedAt) is var order and not 0 ? order : string.CompareOrdinal(a.Id, b.Id);
    }

    private async Task ReadInvoicesAsync(Source source)
    {
        _lines = await source.PartAsync<InvoiceLine>(SnapshotParts.Lines, static (a, b) => a.Id.CompareTo(b.Id), PayerRows.SinceHistory).ConfigureAwait(false);
        _items = await source.PartAsync<PendingItem>(SnapshotParts.PendingItems, static (a, b) => a.Id.CompareTo(b.Id), PayerRows.WaitingOrSinceHistory).ConfigureAwait(false);
        _invoices = await source.PartAsync<Invoice>(SnapshotParts.Invoices, static (a, b) => a.Ordinal.CompareTo(b.Ordinal), PayerRows.FromFirstOpenInvoice).ConfigureAwait(false);
        _redemptions = await source.PartAsync<CouponRedemption>(SnapshotParts.Redemptions, static (a, b) => a.Id.CompareTo(b.Id)).ConfigureAwait(false);
    }

    private async Task ReadMoneyAsync(Source source)
    {
        _grants = await source.PartAsync<CreditGrant>(SnapshotParts.Credits, ByOrdinal).ConfigureAwait(false);
        _notes = await source.PartAsync<CreditNote>(SnapshotParts.Credits, static (a, b) => a.Ordinal.CompareTo(b.Ordinal) is var order and not 0 ? order : a.Id.CompareTo(b.Id)).ConfigureAwait(false);
        _uses = await source.PartAsync<CreditUse>(SnapshotParts.Credits, static (a, b) => a.Id.CompareTo(b.Id)).ConfigureAwait(false);
        _payments = await source.PartAsync<Payment>(SnapshotParts.Payments, static (a, b) => a.Ordinal.CompareTo(b.Ordinal)).ConfigureAwait(false);
        _attempts = await source.PartAsync<PaymentAttempt>(SnapshotParts.Payments, ByPayment).ConfigureAwait(false);
        _refunds = await source.PartAsync<Refund>(SnapshotParts.Payments, static (a, b) => a.Id.CompareTo(b.Id)).ConfigureAwait(false);

        static int ByOrdinal(CreditGrant a, CreditGrant b) =>
            a.Ordinal.CompareTo(b.Ordinal) is var order and not 0 ? order
            : string.CompareOrdinal(a.CustomerId, b.CustomerId) is var customer and not 0 ? customer
            : string.CompareOrdinal(a.Id, b.Id);

        static int ByPayment(PaymentAttempt a, PaymentAttempt b) => a.PaymentId.CompareTo(b.PaymentId) is var order and not 0 ? order : a.Number.CompareTo(b.Number);
    }

    /// <summary>What is read from, and which parts.</summary>
    private sealed record Source(DbContext Context, BillingDatabase Database, TenantId Tenant, string[] Ids, SnapshotParts Parts, CancellationToken CancellationToken)
    {
        public async Task<T[]?[]> ReadAsync<T>(PayerRows which, Comparison<T> order)
            where T : class, IBillingRow
        {
            var rows = await Database.ReadPayerRowsAsync<T>(Context, Tenant, Ids, which, CancellationToken).ConfigureAwait(false);
            return rows.Rows.Count == 0 ? [] : rows.Split(Ids.Length, order);
        }

        /// <summary>A part that was asked for; of an open snapshot only the open rows.</summary>
        public Task<T[]?[]> PartAsync<T>(SnapshotParts part, Comparison<T> order, PayerRows open = PayerRows.All)
            where T : class, IBillingRow =>
            !Parts.HasFlag(part) ? Task.FromResult<T[]?[]>([]) : ReadAsync(Parts.HasFlag(SnapshotParts.OpenOnly) ? open : PayerRows.All, order);
    }
}
