using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Processing;

/// <summary>
/// The working state of one payer between a snapshot and a commit: reads see what was changed before in the same work, and in the end the
/// differences to the snapshot become one <see cref="PayerChanges"/>. Not thread-safe; nothing is written before the commit.
/// </summary>
internal sealed class PayerWork
{
    private readonly Dictionary<Type, Table> _tables = [];
    private readonly List<NumberRequest> _numbers = [];
    private readonly Dictionary<DueKind, Instant?> _due = [];
    private readonly IReadOnlyList<DueItem> _dueSeen = [];
    private readonly long _expectedVersion;

    private PayerWork(TenantContext context, CommandContext actor, Customer payer, long expectedVersion)
    {
        Context = context;
        Actor = actor;
        PayerId = payer.Id;
        _expectedVersion = expectedVersion;
    }

    public PayerWork(TenantContext context, CommandContext actor, PayerSnapshot snapshot)
        : this(context, actor, snapshot.Payer, snapshot.Payer.BillingVersion)
    {
        _dueSeen = snapshot.Due;
        Load(snapshot.Customers);
        Load(snapshot.Contacts);
        Load(snapshot.Subscriptions);
        Load(snapshot.Terms);
        Load(snapshot.Lines);
        Load(snapshot.PendingItems);
        Load(snapshot.Redemptions);
        Load(snapshot.Grants);
        Load(snapshot.CreditNotes);
        Load(snapshot.CreditUses);
        Load(snapshot.Invoices);
        Load(snapshot.Payments);
        Load(snapshot.Attempts);
        Load(snapshot.Refunds);
        Load(snapshot.PaymentMethods);
        Load(snapshot.Quarantine is { } quarantine ? [quarantine] : Array.Empty<QuarantineItem>());
    }

    /// <summary>Work on a payer that does not exist yet.</summary>
    public static PayerWork ForNewPayer(TenantContext context, CommandContext actor, Customer payer)
    {
        var work = new PayerWork(context, actor, payer, 0);
        work.Put(payer);
        return work;
    }

    public TenantContext Context { get; private set; }

    /// <summary>Who acts, for audit columns.</summary>
    public CommandContext Actor { get; }

    public string PayerId { get; }

    /// <summary>Whether only what is open was read, and no payments: then collection and aging may be due because of rows that are not here.</summary>
    public bool IsPartial { get; init; }

    public Instant Now => Context.Now;

    public Customer Payer => Find<Customer>(PayerId)!;

    public DateTimeZone Zone => Context.ZoneOf(Payer);

    /// <summary>The minor unit of the payer's currency.</summary>
    public Currency Currency => Billing.Currency.Of(Payer.Currency);

    public IEnumerable<Customer> Customers => All<Customer>();

    public IEnumerable<Subscription> Subscriptions => All<Subscription>();

    public IEnumerable<Invoice> Invoices => All<Invoice>();

    public IEnumerable<InvoiceLine> Lines => All<InvoiceLine>();

    public IEnumerable<Payment> Payments => All<Payment>();

    public IEnumerable<SubscriptionTerm> TermsOf(string subscriptionId) => All<SubscriptionTerm>().Where(t => t.SubscriptionId == subscriptionId);

    public IEnumerable<InvoiceLine> LinesOf(Guid invoiceId) => All<InvoiceLine>().Where(l => l.InvoiceId == invoiceId);

    /// <summary>All rows of a type as they are now, in order of creation.</summary>
    public IEnumerable<T> All<T>()
        where T : class, IPayerRow => TableOf(typeof(T)).Current.Cast<T>();

    public T? Find<T>(string key)
        where T : class, IPayerRow => (T?)TableOf(typeof(T)).Find(key);

    public T? Find<T>(Guid id)
        where T : class, IPayerRow => Find<T>(id.ToString("N"));

    /// <summary>Adds a row or replaces the one with its key.</summary>
    public T Put<T>(T row)
        where T : class, IPayerRow
    {
        TableOf(typeof(T)).Put(row);
        return row;
    }

    /// <summary>Takes a row away (drafts, quarantine).</summary>
    public void Remove<T>(T row)
        where T : class, IPayerRow => TableOf(typeof(T)).Remove(row);

    public Guid NewId() => Context.Ids.NewId();

    /// <summary>Asks for the next number of the invoice's series.</summary>
    public void RequestNumber(Invoice invoice, string pattern) =>
        _numbers.Add(new NumberRequest(invoice.Id, invoice.LegalEntity, invoice.Series, pattern));

    /// <summary>Sets when a billing run has to look at the payer next.</summary>
    public void SetBillingDue(Instant? at)
    {
        Put(Payer with { DueAt = at });
        _due[DueKind.Billing] = at;
    }

    /// <summary>Works as of another moment from here on: a run that comes late bills each moment that it missed.</summary>
    public void MoveTo(Instant moment) => Context = Context.At(moment);

    /// <summary>Has runs look at the payer again at a moment, without a change of what is due.</summary>
    public void PostponeBilling(Instant until) => _due[DueKind.Billing] = until;

    /// <summary>What marked the payer as due since its own row was written counts too: late usage does not touch that row.</summary>
    public void TakeDue()
    {
        foreach (var item in _dueSeen)
        {
            if (item.Kind == DueKind.Billing)
            {
                BillNoLaterThan(item.DueAt);
            }
        }
    }

    /// <summary>Whether something reaches back into settled periods: late usage, or a catalog that was published later for times before.</summary>
    public bool IsReopened => Payer.SettledThrough is { } settled
        && (_dueSeen.Any(d => d.ReopensFrom < settled)
            || Context.Catalogs.Any(c => c.EffectiveAt < settled && !(c.RecordedAt <= Payer.BilledThrough)));

    /// <summary>A change of the past: when it reaches into settled periods, runs look at everything again.</summary>
    public void ReachBackTo(Instant at)
    {
        if (Payer.SettledThrough > at)
        {
            Put(Payer with { SettledThrough = null, HistoryFrom = default, FirstOpenInvoice = 0 });
        }
    }

    /// <summary>Brings the billing run's next look forward to a moment, never back.</summary>
    public void BillNoLaterThan(Instant at)
    {
        if (Payer.DueAt is not { } due || due > at)
        {
            SetBillingDue(at);
        }
    }

    /// <summary>Writes a message that goes out after the commit.</summary>
    /// <param name="name">What happened, <c>invoice.issued</c>.</param>
    /// <param name="customerId">Whom it is about.</param>
    /// <param name="notify">Whether the customer is told, not only event handlers.</param>
    /// <param name="data">The facts.</param>
    public OutboxMessage Emit(string name, string customerId, bool notify, params (string Key, string Value)[] data)
    {
        var sequence = Payer.MessageSequence + 1;
        Put(Payer with { MessageSequence = sequence });
        return Put(new OutboxMessage
        {
            Tenant = Context.Id,
            Id = NewId(),
            PayerId = PayerId,
            CustomerId = customerId,
            Sequence = sequence,
            Name = name,
            Notify = notify,
            Data = new EquatableMap<string>(data.Select(d => new KeyValuePair<string, string>(d.Key, d.Value))),
            OccurredAt = Now,
            DueAt = Now,
            Version = 1,
        });
    }

    /// <summary>Whether anything differs from the snapshot.</summary>
    public bool HasChanges => _tables.Values.Any(t => t.HasChanges) || _numbers.Count > 0 || _due.Count > 0;

    /// <summary>All differences as one unit; each changed row has the version after the stored one.</summary>
    public PayerChanges ToChanges(IdempotencyRecord? idempotency = null)
    {
        SetDerivedDue(all: false);
        Put(Payer with { BillingVersion = _expectedVersion + 1 });
        return new PayerChanges
        {
            PayerId = PayerId,
            ExpectedVersion = _expectedVersion,
            Rows = [.. _tables.Values.SelectMany(t => t.Changes())],
            Numbers = [.. _numbers.Where(n => Find<Invoice>(n.InvoiceId) is not null)],
            Due = new Dictionary<DueKind, Instant?>(_due),
            DueSeen = _dueSeen.ToDictionary(d => d.Kind, d => d.Version),
            Idempotency = idempotency,
        };
    }

    /// <summary>Corrects what a partial work may have left: collection, aging or expiry due for rows that are settled.</summary>
    public void CorrectDue() => SetDerivedDue(all: true);

    private void SetDerivedDue(bool all)
    {
        if (all || TableOf(typeof(Invoice)).HasChanges || TableOf(typeof(Payment)).HasChanges || TableOf(typeof(PaymentAttempt)).HasChanges)
        {
            var collection = Invoices.Select(i => i.NextCollectionAt)
                .Concat(Payments.Select(p => p.NextAttemptAt))
                .Concat(All<PaymentAttempt>().Select(a => a.QueryAt));
            SetDerivedDue(DueKind.Collection, collection.Min());
            SetDerivedDue(DueKind.Aging, Invoices.Where(i => i.AmountDue > 0m).Select(i => i.NextAgingAt).Min());
        }

        if (all || TableOf(typeof(CreditGrant)).HasChanges)
        {
            SetDerivedDue(
                DueKind.CreditExpiry, All<CreditGrant>().Where(g => !g.Expired && g.Remaining > 0m).Select(g => g.ExpiresAt).Min());
        }
    }

    private void SetDerivedDue(DueKind kind, Instant? at)
    {
        var stored = _dueSeen.FirstOrDefault(d => d.Kind == kind)?.DueAt;
        if (IsPartial && stored is not null && (at is null || stored < at))
        {
            at = stored;
        }

        if (at != stored)
        {
            _due[kind] = at;
        }
        else
        {
            _due.Remove(kind);
        }
    }

    private void Load<T>(IEnumerable<T> rows)
        where T : class, IPayerRow
    {
        var table = TableOf(typeof(T));
        foreach (var row in rows)
        {
            table.Load(row);
        }
    }

    private Table TableOf(Type type)
    {
        if (!_tables.TryGetValue(type, out var table))
        {
            _tables.Add(type, table = new Table());
        }

        return table;
    }

    private sealed class Table
    {
        private readonly Dictionary<string, IPayerRow> _original = new(StringComparer.Ordinal);
        private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
        private readonly List<IPayerRow?> _rows = [];
        private readonly HashSet<string> _touched = new(StringComparer.Ordinal);

        public IEnumerable<IPayerRow> Current => _rows.Where(r => r is not null).ToArray()!;

        public bool HasChanges => _touched.Count > 0;

        public void Load(IPayerRow row)
        {
            var key = StorageKeys.KeyOf(row);
            _original[key] = row;
            _places[key] = _rows.Count;
            _rows.Add(row);
        }

        public IPayerRow? Find(string key) => _places.TryGetValue(key, out var place) ? _rows[place] : null;

        public void Put(IPayerRow row)
        {
            var key = StorageKeys.KeyOf(row);
            if (_places.TryGetValue(key, out var place))
            {
                if (Equals(_rows[place], row))
                {
                    return;
                }

                _rows[place] = row;
            }
            else
            {
                _places[key] = _rows.Count;
                _rows.Add(row);
            }

            _touched.Add(key);
        }

        public void Remove(IPayerRow row)
        {
            var key = StorageKeys.KeyOf(row);
            if (_places.TryGetValue(key, out var place))
            {
                _rows[place] = null;
                _touched.Add(key);
            }
        }

        public IEnumerable<RowChange> Changes()
        {
            foreach (var key in _touched)
            {
                var row = _rows[_places[key]];
                var original = _original.GetValueOrDefault(key);
                if (row is null)
                {
                    if (original is not null)
                    {
                        yield return RowChange.Delete(original);
                    }
                }
                else if (original is null)
                {
                    yield return RowChange.Insert(row is IVersionedRow versioned ? versioned.WithVersion(1) : row);
                }
                else if (row is IVersionedRow versioned)
                {
                    yield return RowChange.Update(versioned.WithVersion(((IVersionedRow)original).Version + 1));
                }
                else
                {
                    yield return RowChange.Update(row);
                }
            }
        }
    }
}
