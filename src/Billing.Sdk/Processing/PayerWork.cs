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
    private readonly IPayerTable?[] _tables = new IPayerTable?[PayerTables.Count];
    private readonly List<NumberRequest> _numbers = [];
    private readonly Dictionary<DueKind, Instant?> _due = [];
    private readonly IReadOnlyList<DueItem> _dueSeen = [];
    private bool _billed;
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

    public ArraySegment<Customer> Customers => All<Customer>();

    public ArraySegment<Subscription> Subscriptions => All<Subscription>();

    public ArraySegment<Invoice> Invoices => All<Invoice>();

    public ArraySegment<InvoiceLine> Lines => All<InvoiceLine>();

    public ArraySegment<Payment> Payments => All<Payment>();

    public IEnumerable<SubscriptionTerm> TermsOf(string subscriptionId) => All<SubscriptionTerm>().Where(t => t.SubscriptionId == subscriptionId);

    public IEnumerable<InvoiceLine> LinesOf(Guid invoiceId) => All<InvoiceLine>().Where(l => l.InvoiceId == invoiceId);

    /// <summary>All rows of a type as they are now, in order of creation.</summary>
    public ArraySegment<T> All<T>()
        where T : class, IPayerRow => Existing<T>()?.Current ?? ArraySegment<T>.Empty;

    public T? Find<T>(RowKey key)
        where T : class, IPayerRow => Existing<T>()?.Find(key);

    /// <summary>Adds a row or replaces the one with its key.</summary>
    public T Put<T>(T row)
        where T : class, IPayerRow
    {
        TableOf<T>().Put(row);
        return row;
    }

    /// <summary>Takes a row away (drafts, quarantine).</summary>
    public void Remove<T>(T row)
        where T : class, IPayerRow => Existing<T>()?.Remove(row);

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

    /// <summary>Billing looks at what reaches back: the payer's commit takes the mark away.</summary>
    public void TakeReopening()
    {
        _billed = true;
        if (IsReopened && !IsPartial)
        {
            ReachBackTo(Instant.MinValue);
        }
    }

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
    public bool HasChanges => Array.Exists(_tables, t => t is { HasChanges: true }) || _numbers.Count > 0 || _due.Count > 0;

    /// <summary>All differences as one unit; each changed row has the version after the stored one.</summary>
    public PayerChanges ToChanges(IdempotencyRecord? idempotency = null)
    {
        KeepReopening();
        SetDerivedDue(all: false);
        Put(Payer with { BillingVersion = _expectedVersion + 1 });
        var rows = new List<RowChange>();
        foreach (var table in _tables)
        {
            table?.AddChanges(rows);
        }

        return new PayerChanges
        {
            PayerId = PayerId,
            ExpectedVersion = _expectedVersion,
            Rows = rows,
            Numbers = _numbers.FindAll(n => Find<Invoice>(n.InvoiceId) is not null),
            Due = new Dictionary<DueKind, Instant?>(_due),
            DueSeen = _dueSeen.ToDictionary(d => d.Kind, d => d.Version),
            Idempotency = idempotency,
        };
    }

    /// <summary>Corrects what a partial work may have left: collection, aging or expiry due for rows that are settled.</summary>
    public void CorrectDue() => SetDerivedDue(all: true);

    /// <summary>Whoever moves the due moment without billing takes the mark of late usage away with it: what it said then stands on the payer's own row.</summary>
    private void KeepReopening()
    {
        if (!_billed && _due.ContainsKey(DueKind.Billing) && _dueSeen.FirstOrDefault(d => d.Kind == DueKind.Billing)?.ReopensFrom is { } from)
        {
            ReachBackTo(from);
        }
    }

    private void SetDerivedDue(bool all)
    {
        if (all || HasChanged<Invoice>() || HasChanged<Payment>() || HasChanged<PaymentAttempt>())
        {
            Instant? collection = null;
            Instant? aging = null;
            foreach (var invoice in Invoices)
            {
                collection = Earlier(collection, invoice.NextCollectionAt);
                aging = invoice.AmountDue > 0m ? Earlier(aging, invoice.NextAgingAt) : aging;
            }

            foreach (var payment in Payments)
            {
                collection = Earlier(collection, payment.NextAttemptAt);
            }

            foreach (var attempt in All<PaymentAttempt>())
            {
                collection = Earlier(collection, attempt.QueryAt);
            }

            SetDerivedDue(DueKind.Collection, collection);
            SetDerivedDue(DueKind.Aging, aging);
        }

        if (all || HasChanged<CreditGrant>())
        {
            SetDerivedDue(
                DueKind.CreditExpiry, All<CreditGrant>().Where(g => !g.Expired && g.Remaining > 0m).Select(g => g.ExpiresAt).Min());
        }
    }

    private static Instant? Earlier(Instant? one, Instant? other) => one is null || other < one ? other ?? one : one;

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

    private void Load<T>(IReadOnlyList<T> rows)
        where T : class, IPayerRow
    {
        if (rows.Count > 0)
        {
            _tables[PayerTables.PlaceOf<T>()] = new PayerTable<T>(rows);
        }
    }

    private PayerTable<T>? Existing<T>()
        where T : class, IPayerRow => (PayerTable<T>?)_tables[PayerTables.PlaceOf<T>()];

    private PayerTable<T> TableOf<T>()
        where T : class, IPayerRow => (PayerTable<T>)(_tables[PayerTables.PlaceOf<T>()] ??= new PayerTable<T>([]));

    private bool HasChanged<T>()
        where T : class, IPayerRow => Existing<T>() is { HasChanges: true };
}
