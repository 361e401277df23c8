using System.Text.Json;
using Billing.Credits;
using Billing.Customers;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Plugins.AgingSteps;
using Billing.Plugins.FixedScheduleRetry;
using Billing.Plugins.FlatRateTax;
using Billing.Plugins.Notifiers;
using Billing.Plugins.TestGateway;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using NodaTime.Text;

namespace Billing.MoneyTests;

/// <summary>A tenant with customers in a store, and a clock that tests move. Invoices are written as a billing run would.</summary>
internal sealed class House : IAsyncDisposable
{
    public static readonly TenantId Tenant = new("t1");

    private readonly ServiceProvider _services;
    private readonly TestClock _clock;
    private int _lines;

    private House(ServiceProvider services, TestClock clock, WatchedStorage watch, TestPlugin plugin)
    {
        _services = services;
        _clock = clock;
        Watch = watch;
        Plugin = plugin;
        Engine = services.GetRequiredService<BillingEngine>();
    }

    public BillingEngine Engine { get; }

    public WatchedStorage Watch { get; }

    public TestPlugin Plugin { get; }

    public Instant Now => _clock.GetCurrentInstant();

    public IBillingStorage Storage => Engine.Core.Storage;

    public static async Task<House> BuildAsync(TenantSettings? settings = null, params TaskEntry[] tasks)
    {
        var clock = new TestClock(At("2024-01-01"));
        var plugin = new TestPlugin();
        var ids = new TimeOrderedIdGenerator(clock);
        var (storage, watch) = WatchedStorage.Around(new InMemoryBillingStorage(ids));
        var services = new ServiceCollection()
            .AddSingleton<IClock>(clock)
            .AddSingleton<IIdGenerator>(ids)
            .AddBilling(billing => billing
                .UseStorage(_ => storage)
                .AddPlugin<TestGatewayPlugin>()
                .AddPlugin<FixedScheduleRetryPlugin>()
                .AddPlugin<AgingStepsPlugin>()
                .AddPlugin<FlatRateTaxPlugin>()
                .AddPlugin<NotifiersPlugin>()
                .ConfigureTasks(t => t.AddPlugin("test", plugin)))
            .BuildServiceProvider();
        var house = new House(services, clock, watch, plugin);
        plugin.Watch = watch;
        TaskEntry[] all = [.. tasks.Any(t => t.Stage == "gateway") ? [] : new[] { Task("gateway", "test-gateway") }, .. tasks];
        await house.Storage.CommitAsync(
            new BillingBatch
            {
                Tenant = Tenant,
                Rows =
                [
                    RowChange.Insert(new Tenant { Id = Tenant, Name = "T", Settings = settings ?? new TenantSettings(), CreatedAt = clock.GetCurrentInstant(), Version = 1 }),
                    RowChange.Insert(new TaskConfigurationRow { Tenant = Tenant, Entries = JsonSerializer.Serialize(all, BillingJson.Options), Version = 1 }),
                ],
            },
            default);
        return house;
    }

    public static TaskEntry Task(string stage, string task, string? parameters = null) => new() { Stage = stage, Task = task, Parameters = parameters };

    public static TaskEntry Retry(string days, string then = "none") => Task("payment-retry", "fixed-schedule", $$"""{"days":[{{days}}],"then":"{{then}}"}""");

    public static TaskEntry Aging(string steps) => Task("aging", "aging-steps", $$"""{"steps":[{{steps}}]}""");

    public static Instant At(string date) => date.Length == 10
        ? LocalDatePattern.Iso.Parse(date).GetValueOrThrow().AtStartOfDayInZone(DateTimeZone.Utc).ToInstant()
        : InstantPattern.ExtendedIso.Parse(date).GetValueOrThrow();

    public void MoveTo(string date) => MoveTo(At(date));

    public void MoveTo(Instant at) => _clock.Now = at;

    public async Task<Customer> AddCustomerAsync(string id = "acme", string? behavior = null, string? timeZone = null)
    {
        var customer = new Customer { Tenant = Tenant, Id = id, PayerId = id, Currency = "USD", TimeZone = timeZone, CreatedAt = Now, BillingVersion = 1 };
        var contact = new CustomerContact { Tenant = Tenant, Id = Guid.CreateVersion7(), PayerId = id, CustomerId = id, ValidFrom = Now, Name = "Name of " + id, Email = id + "@example.com" };
        await Storage.CommitAsync(
            new BillingBatch { Tenant = Tenant, Payers = [new PayerChanges { PayerId = id, ExpectedVersion = 0, Rows = [RowChange.Insert(customer), RowChange.Insert(contact)] }] },
            default);
        if (behavior is not null)
        {
            await AddMethodAsync(id, behavior);
        }

        return customer;
    }

    public Task<PaymentMethod> AddMethodAsync(string customer, string behavior, string type = "card") => Engine.Payments.AddMethodAsync(
        Tenant,
        new AddPaymentMethodRequest { Id = $"{customer}-{type}", CustomerId = customer, Type = type, Token = $"test:{customer}/{type};behavior={behavior}" });

    /// <summary>What a billing run does at the end: invoice, lines, finalisation.</summary>
    public Task<Invoice> IssueAsync(string customer, params Line[] lines) => ChangeAsync(customer, work =>
    {
        var invoice = new Invoice
        {
            Tenant = Tenant,
            Id = work.NewId(),
            PayerId = customer,
            Ordinal = work.Invoices.Count + 1,
            LegalEntity = "default",
            Series = "",
            Currency = "USD",
            Status = InvoiceStatus.Draft,
            DatedAt = work.Now,
            Date = work.LocalDateOf(work.Now),
            Subtotal = lines.Sum(l => l.Amount),
            Discount = lines.Sum(l => l.Discount),
            Tax = lines.Sum(l => l.Tax),
            Total = lines.Sum(l => l.Amount - l.Discount + (l.Inclusive ? 0m : l.Tax)),
            Version = 1,
            CreatedAt = work.Now,
            Actor = "test",
        };
        work.Put(invoice);
        foreach (var line in lines)
        {
            work.Put(RowOf(work, invoice, line));
        }

        foreach (var item in work.All<PendingItem>().Where(i => i.InvoiceId is null && lines.Any(l => l.ItemId == i.Id)).ToList())
        {
            work.Put(item with { InvoiceId = invoice.Id });
        }

        return Finalization.Finalize(work, invoice, Finalization.DefaultNumberPattern);
    });

    public Task<Invoice> IssueAsync(string customer, decimal amount) => IssueAsync(customer, new Line(amount));

    public Task<Subscription> SubscribeAsync(string id, string customer) => ChangeAsync(customer, work =>
    {
        work.Put(new SubscriptionTerm
        {
            Tenant = Tenant,
            Id = work.NewId(),
            PayerId = customer,
            SubscriptionId = id,
            Sequence = 1,
            Kind = SubscriptionTermKind.Start,
            EffectiveAt = work.Now,
            RecordedAt = work.Now,
            Plan = "base",
            Actor = "test",
        });
        return work.Put(new Subscription { Tenant = Tenant, Id = id, PayerId = customer, CustomerId = customer, Currency = "USD", CreatedAt = work.Now, Version = 1 });
    });

    public async Task<T> ChangeAsync<T>(string customer, Func<PayerWork, T> change)
    {
        var tenant = await Engine.Core.OpenAsync(Tenant, default);
        return await new PayerCommits(Engine.Core).ChangeAsync(tenant, Tenant, customer, work => System.Threading.Tasks.Task.FromResult(change(work)), default);
    }

    public async Task<PayerSnapshot> ReadAsync(string customer = "acme") =>
        (await Storage.ReadPayersAsync(Tenant, [customer], SnapshotParts.All, default))[0];

    public async Task<Invoice> InvoiceAsync(Guid id) => (await Engine.Invoices.GetAsync(Tenant, id)).Invoice;

    public async Task<Payment> PaymentAsync(string customer = "acme") => (await Engine.Payments.ListAsync(Tenant, customer))[^1];

    public Task<CollectionRunResult> CollectAsync() => Engine.Runs.CollectAsync(Tenant, Now);

    /// <summary>Moves the clock, doing all collection, aging and expiry on the way at its time.</summary>
    public async Task LiveUntilAsync(string date)
    {
        var end = At(date);
        while (await NextAsync() is { } next && next <= end)
        {
            MoveTo(Instant.Max(next, Now));
            await Engine.Runs.ExpireCreditsAsync(Tenant, Now);
            await CollectAsync();
            await Engine.Runs.AgeAsync(Tenant, Now);
        }

        MoveTo(end);
    }

    public async Task<decimal> AccountAsync(string account, string? customer = "acme")
    {
        var balances = await Engine.Ledger.GetTrialBalanceAsync(Tenant, Now.InUtc().Date, customer);
        return balances.Where(b => b.Account == account).Sum(b => b.Natural);
    }

    /// <summary>What holds after every step: debits equal credits, the receivable is what is open, what is owed to the payer is on the credit account.</summary>
    public async Task CheckBooksAsync(string customer = "acme")
    {
        var snapshot = await ReadAsync(customer);
        var entries = await Storage.ReadLedgerAsync(Tenant, customer, LocalDate.MaxIsoValue, default);
        foreach (var transaction in entries.GroupBy(e => e.TransactionId))
        {
            Assert.Equal(0m, transaction.Sum(e => e.Amount));
        }

        decimal Net(string account) => entries.Where(e => e.Account == account).Sum(e => e.Amount);
        Assert.Equal(snapshot.Invoices.Where(i => i.Status == InvoiceStatus.Open).Sum(i => i.AmountDue), Net(LedgerAccounts.Receivable));
        Assert.Equal(snapshot.Invoices.Sum(i => i.AmountWrittenOff), Net(LedgerAccounts.BadDebt));
        Assert.Equal(snapshot.Payments.Where(p => p.PaymentMethodId is not null).Sum(p => p.UnappliedAmount), -Net(LedgerAccounts.UnappliedCash));
        if (snapshot.Grants.All(g => g.PaidAmount == 0m))
        {
            Assert.Equal(snapshot.Payer.CreditBalance + snapshot.CreditNotes.Sum(n => n.Remaining) + snapshot.Refunds.Where(r => r.CreditNoteId is not null && r.State is PaymentState.Pending or PaymentState.Unknown).Sum(r => r.Amount), -Net(LedgerAccounts.CustomerCredit));
        }

        var disputed = snapshot.Payments.Where(p => p.State == PaymentState.Disputed).Sum(p => p.Amount - p.RefundedAmount);
        Assert.Equal(disputed, Net(LedgerAccounts.DisputedReceivable));
        Assert.Equal(
            snapshot.Payments.Where(p => p.State is PaymentState.Succeeded or PaymentState.PartiallyRefunded or PaymentState.Refunded).Sum(p => p.Amount - p.RefundedAmount),
            Net(LedgerAccounts.Cash));
    }

    public async Task<IReadOnlyList<string>> MessagesAsync(string customer = "acme") => [.. (await Engine.Messages.ListAsync(Tenant, customer)).Select(m => m.Name)];

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private async Task<Instant?> NextAsync()
    {
        Instant? next = null;
        foreach (var kind in new[] { DueKind.Collection, DueKind.Aging, DueKind.CreditExpiry })
        {
            var due = await Storage.ReadNextDueAsync(Tenant, kind, default);
            next = due is null || next < due.DueAt ? next : due.DueAt;
        }

        return next;
    }

    private InvoiceLine RowOf(PayerWork work, Invoice invoice, Line line) => new()
    {
        Tenant = Tenant,
        Id = work.NewId(),
        PayerId = invoice.PayerId,
        InvoiceId = invoice.Id,
        Position = ++_lines,
        Key = line.ItemId is { } item ? $"item|{item:N}" : $"line|{_lines}",
        Revision = 1,
        Type = line.Type,
        CustomerId = invoice.PayerId,
        SubscriptionId = line.Subscription,
        Charge = line.Charge,
        Description = "line",
        FromDate = line.From,
        ToDate = line.To,
        Amount = line.Amount,
        ExactAmount = line.Amount,
        Discount = line.Discount,
        Tax = line.Tax,
        InclusiveTax = line.Inclusive ? line.Tax : 0m,
        RecordedAt = work.Now,
    };

    /// <summary>A line to be billed.</summary>
    public sealed record Line(decimal Amount)
    {
        public InvoiceLineType Type { get; init; } = InvoiceLineType.OneTime;

        public string? Charge { get; init; }

        public string? Subscription { get; init; }

        public decimal Discount { get; init; }

        public decimal Tax { get; init; }

        public bool Inclusive { get; init; }

        public LocalDate? From { get; init; }

        public LocalDate? To { get; init; }

        public Guid? ItemId { get; init; }
    }

    private sealed class TestClock(Instant now) : IClock
    {
        public Instant Now { get; set; } = now;

        public Instant GetCurrentInstant() => Now;
    }
}

/// <summary>Tasks that tests look into.</summary>
internal sealed class TestPlugin : IBillingPlugin
{
    public WatchedStorage? Watch { get; set; }

    public RecordingNotifier Letters { get; } = new();

    public RecordingNotifier Mails { get; } = new();

    public RecordingHandler Crm { get; } = new();

    public PlainGateway Gateway { get; } = new();

    public void Configure(IPluginBuilder builder)
    {
        Gateway.Plugin = this;
        builder.AddTask<INotifier>("letters", _ => Letters);
        builder.AddTask<INotifier>("mails", _ => Mails);
        builder.AddTask<IBillingEventHandler>("crm", _ => Crm);
        builder.AddTask<IPaymentGateway>("plain", _ => Gateway);
    }
}

/// <summary>A notifier that keeps what it got and answers what it is told to.</summary>
internal sealed class RecordingNotifier : INotifier
{
    public List<Notification> Got { get; } = [];

    public Func<Notification, NotificationResult> Answer { get; set; } = _ => NotificationResult.Delivered;

    public ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
    {
        Got.AddRange(notifications);
        return ValueTask.FromResult<IReadOnlyList<NotificationResult>>([.. notifications.Select(Answer)]);
    }
}

/// <summary>An event handler that keeps what it got and answers what it is told to.</summary>
internal sealed class RecordingHandler : IBillingEventHandler
{
    public List<OutboxMessage> Got { get; } = [];

    public Func<OutboxMessage, NotificationResult> Answer { get; set; } = _ => NotificationResult.Delivered;

    public ValueTask<IReadOnlyList<NotificationResult>> HandleAsync(IReadOnlyList<OutboxMessage> events, CancellationToken cancellationToken)
    {
        Got.AddRange(events);
        return ValueTask.FromResult<IReadOnlyList<NotificationResult>>([.. events.Select(Answer)]);
    }
}

/// <summary>A gateway whose answers tests write, without the guard of the base class.</summary>
internal sealed class PlainGateway : IPaymentGateway, IRefundingGateway
{
    public TestPlugin? Plugin { get; set; }

    public List<string> ChargedKeys { get; } = [];

    public int MostUnderWay { get; private set; }

    public Func<GatewayCharge, GatewayOutcome> Charge { get; set; } = c => GatewayOutcome.Succeeded(c.Key);

    public Func<GatewayQuery, GatewayOutcome> Query { get; set; } = _ => GatewayOutcome.NotCharged("not-seen");

    public ValueTask<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken)
    {
        MostUnderWay = Math.Max(MostUnderWay, Plugin!.Watch!.UnderWay);
        ChargedKeys.AddRange(charges.Select(c => c.Key));
        return ValueTask.FromResult<IReadOnlyList<GatewayOutcome>>([.. charges.Select(Charge)]);
    }

    public Func<GatewayRefund, GatewayOutcome> Refund { get; set; } = _ => GatewayOutcome.NotCharged("closed");

    public List<string> RefundedKeys { get; } = [];

    public ValueTask<IReadOnlyList<GatewayOutcome>> RefundAsync(IReadOnlyList<GatewayRefund> refunds, CancellationToken cancellationToken)
    {
        MostUnderWay = Math.Max(MostUnderWay, Plugin!.Watch!.UnderWay);
        RefundedKeys.AddRange(refunds.Select(r => r.Key));
        return ValueTask.FromResult<IReadOnlyList<GatewayOutcome>>([.. refunds.Select(Refund)]);
    }

    public ValueTask<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<GatewayQuery> queries, CancellationToken cancellationToken)
    {
        MostUnderWay = Math.Max(MostUnderWay, Plugin!.Watch!.UnderWay);
        return ValueTask.FromResult<IReadOnlyList<GatewayOutcome>>([.. queries.Select(Query)]);
    }
}
