using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.InMemory;

/// <summary>All rows of one tenant. Everything in it is read and written under its lock.</summary>
internal sealed class TenantRows
{
    internal const string ByPayer = "payer";
    internal const string ByCustomer = "customer";
    internal const string BySubscription = "subscription";
    internal const string ByCoupon = "coupon";
    internal const string ByKey = "key";

    private readonly Dictionary<Type, RowTable> _tables = [];
    private readonly Dictionary<(string LegalEntity, string Series), long> _lastNumbers = [];
    private readonly SortedDictionary<string, SortedDictionary<long, OutboxMessage>> _pending = new(StringComparer.Ordinal);
    private readonly Dictionary<DueKind, SortedSet<(Instant At, string PayerId)>> _due = [];
    private string[]? _payerIds;

    public TenantRows(TenantId id)
    {
        Id = id;
        foreach (var type in StorageKeys.Primary.Keys)
        {
            _tables.Add(type, new RowTable(SelectorsOf(type)));
        }

        foreach (var kind in Enum.GetValues<DueKind>())
        {
            _due.Add(kind, new SortedSet<(Instant, string)>(DueOrder));
        }
    }

    public TenantId Id { get; }

    public Lock Gate { get; } = new();

    public UsageIndex Usage { get; } = new();

    /// <summary>Pending messages by payer and sequence.</summary>
    public SortedDictionary<string, SortedDictionary<long, OutboxMessage>> Pending => _pending;

    private static Comparer<(Instant At, string PayerId)> DueOrder { get; } = Comparer<(Instant At, string PayerId)>.Create(
        (x, y) => x.At.CompareTo(y.At) is var byTime and not 0 ? byTime : string.CompareOrdinal(x.PayerId, y.PayerId));

    public IEnumerable<T> All<T>()
        where T : IBillingRow => _tables[typeof(T)].All.Cast<T>();

    public T? Find<T>(object? first, object? second = null, object? third = null)
        where T : class, IBillingRow => (T?)_tables[typeof(T)].Find(new RowKey(first, second, third));

    public IBillingRow? Find(IBillingRow like) => _tables[like.GetType()].Find(StorageRules.PrimaryKey(like));

    public IEnumerable<T> Lookup<T>(string index, string value)
        where T : IBillingRow => _tables[typeof(T)].Lookup(index, value).Cast<T>();

    public int Count<T>(string index, string value)
        where T : IBillingRow => _tables[typeof(T)].Lookup(index, value).Count;

    public bool IsFree(IBillingRow row, bool replaces) => _tables[row.GetType()].IsFree(row, replaces);

    public IEnumerable<DueItem> Due(DueKind kind) => _due[kind].Select(d => Find<DueItem>(kind, d.PayerId)!);

    /// <summary>The due items of a payer, by kind.</summary>
    public IEnumerable<DueItem> DueOf(string payerId) => _due.Keys.Order().Select(kind => Find<DueItem>(kind, payerId)).OfType<DueItem>();

    public long NextNumber(string legalEntity, string series) => _lastNumbers.GetValueOrDefault((legalEntity, series)) + 1;

    /// <summary>Ids of the customers that pay for themselves, in order.</summary>
    public string[] PayerIds() =>
        _payerIds ??= All<Customer>().Where(c => c.PayerId == c.Id).Select(c => c.Id).Order(StringComparer.Ordinal).ToArray();

    /// <summary>Puts a row in place of the one with its key.</summary>
    public void Put(IBillingRow row) => Put(row, Find(row));

    /// <summary>Puts a row in place of one that the caller knows.</summary>
    public void Put(IBillingRow row, IBillingRow? stored)
    {
        Forget(stored);
        _tables[row.GetType()].Put(row);
        switch (row)
        {
            case Customer:
                _payerIds = null;
                break;
            case DueItem due:
                _due[due.Kind].Add((due.DueAt, due.PayerId));
                break;
            case InvoiceNumber number:
                _lastNumbers[(number.LegalEntity, number.Series)] = number.Number;
                break;
            case OutboxMessage { State: OutboxState.Pending } message:
                if (!_pending.TryGetValue(message.PayerId, out var messages))
                {
                    _pending.Add(message.PayerId, messages = []);
                }

                messages.Add(message.Sequence, message);
                break;
        }
    }

    /// <summary>Takes a row away, if it is there.</summary>
    public void Remove(IBillingRow row)
    {
        Forget(Find(row));
        _tables[row.GetType()].Remove(StorageRules.PrimaryKey(row));
    }

    private void Forget(IBillingRow? stored)
    {
        switch (stored)
        {
            case Customer:
                _payerIds = null;
                break;
            case DueItem due:
                _due[due.Kind].Remove((due.DueAt, due.PayerId));
                break;
            case InvoiceNumber number:
                _lastNumbers[(number.LegalEntity, number.Series)] = number.Number - 1;
                break;
            case OutboxMessage { State: OutboxState.Pending } message:
                if (_pending[message.PayerId].Remove(message.Sequence) && _pending[message.PayerId].Count == 0)
                {
                    _pending.Remove(message.PayerId);
                }

                break;
        }
    }

    private static Dictionary<string, Func<IBillingRow, string?>> SelectorsOf(Type type)
    {
        var selectors = new Dictionary<string, Func<IBillingRow, string?>>();
        if (typeof(IPayerRow).IsAssignableFrom(type))
        {
            selectors.Add(ByPayer, r => ((IPayerRow)r).PayerId);
        }

        if (type == typeof(Subscription))
        {
            selectors.Add(ByCustomer, r => ((Subscription)r).CustomerId);
        }
        else if (type == typeof(SubscriptionTerm))
        {
            selectors.Add(BySubscription, r => ((SubscriptionTerm)r).SubscriptionId);
        }
        else if (type == typeof(CouponRedemption))
        {
            selectors.Add(ByCoupon, r => ((CouponRedemption)r).Coupon);
        }
        else if (type == typeof(PaymentAttempt))
        {
            selectors.Add(ByKey, r => ((PaymentAttempt)r).Key);
        }

        return selectors;
    }
}
