using System.Collections.Concurrent;
using Billing.Catalog;
using Billing.Customers;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Hosting.Tests;

/// <summary>The words that these tests bill with.</summary>
internal static class House
{
    public static TenantId Acme { get; } = new("acme");

    /// <summary>A tenant with one plan: a monthly fee in advance.</summary>
    public static async Task OpenAsync(BillingEngine engine, TenantId tenant, string timeZone = "UTC")
    {
        await engine.Tenants.CreateAsync(tenant, "A company", new TenantSettings { TimeZone = timeZone });
        var fee = new Charge { Code = "fee", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.Flat(10m) };
        var calls = new Meter { Code = "calls", EventType = "call", Aggregation = MeterAggregation.Count };
        await engine.Catalog.PublishAsync(tenant, new CatalogDefinition { Meters = [calls], Plans = [new Plan { Code = "basic", Charges = [fee] }] });
    }

    /// <summary>Customers c0001, c0002, … with a subscription each; they are due at once.</summary>
    public static async Task SubscribeAsync(BillingEngine engine, TenantId tenant, int customers)
    {
        for (var i = 1; i <= customers; i++)
        {
            var id = CustomerId(i);
            await engine.Customers.CreateAsync(tenant, new CreateCustomerRequest { Id = id });
            await engine.Subscriptions.SubscribeAsync(tenant, new SubscribeRequest { Id = id, CustomerId = id, Plan = "basic" });
        }
    }

    public static string CustomerId(int number) => $"c{number:0000}";

    /// <summary>How many invoices each customer has, in order of id.</summary>
    public static async Task<IReadOnlyList<int>> InvoicesAsync(IBillingStorage storage, TenantId tenant)
    {
        var payers = await storage.ListPayersAsync(tenant, null, 10_000, CancellationToken.None);
        var snapshots = await storage.ReadPayersAsync(tenant, payers, SnapshotParts.Invoices, CancellationToken.None);
        return [.. snapshots.Select(s => s.Invoices.Count)];
    }

    /// <summary>Numbers of all invoices of the one series, in order.</summary>
    public static async Task<IReadOnlyList<long>> NumbersAsync(IBillingStorage storage, TenantId tenant)
    {
        var payers = await storage.ListPayersAsync(tenant, null, 10_000, CancellationToken.None);
        var snapshots = await storage.ReadPayersAsync(tenant, payers, SnapshotParts.Invoices, CancellationToken.None);
        return [.. snapshots.SelectMany(s => s.Invoices).Select(i => i.SeriesNumber ?? 0).Order()];
    }

    public static async Task AssertBooksAsync(BillingEngine engine, IBillingStorage storage, TenantId tenant, int customers, LocalDate date)
    {
        Assert.Equal(Enumerable.Repeat(1, customers), await InvoicesAsync(storage, tenant));
        Assert.Equal(Enumerable.Range(1, customers).Select(n => (long)n), await NumbersAsync(storage, tenant));
        var balances = await engine.Ledger.GetTrialBalanceAsync(tenant, date);
        Assert.Equal(customers * 10m, balances.Where(b => b.Account == Ledger.LedgerAccounts.Receivable).Sum(b => b.Debit));
        Assert.Equal(balances.Sum(b => b.Debit), balances.Sum(b => b.Credit));
    }

    public static Action<TaskCatalogBuilder> Plugin<TStage>(string name, TStage task)
        where TStage : class => tasks => tasks.AddPlugin($"tests.{name}", new OneTask<TStage>(name, task));

    private sealed class OneTask<TStage>(string name, TStage task) : IBillingPlugin
        where TStage : class
    {
        public void Configure(IPluginBuilder builder) => builder.AddTask(name, _ => task);
    }
}

/// <summary>A run of the host's own that keeps when it was called and does what the test says.</summary>
internal sealed class ProbeRun(string name, Func<RunOccasion, CancellationToken, Task<string>>? act = null) : IScheduledRun
{
    private readonly ConcurrentQueue<(RunOccasion Occasion, Instant At)> _calls = new();

    public string Name => name;

    public IClock? Clock { get; set; }

    public IReadOnlyList<(RunOccasion Occasion, Instant At)> Calls => [.. _calls];

    public async Task<string> RunAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        _calls.Enqueue((occasion, Clock?.GetCurrentInstant() ?? occasion.ScheduledAt));
        return act is null ? "" : await act(occasion, cancellationToken);
    }
}

/// <summary>Holds back payers, or waits, as the test says.</summary>
internal sealed class TestFilter(Func<IReadOnlyList<string>, Task<IReadOnlyList<string?>>> answer) : Billing.Invoicing.IBillingFilter
{
    public async ValueTask<IReadOnlyList<string?>> HoldBackAsync(IReadOnlyList<string> payerIds, Instant asOf, CancellationToken cancellationToken) => await answer(payerIds);
}

/// <summary>Keeps what was logged.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();

    public IReadOnlyList<(LogLevel Level, string Text)> Lines => [.. _lines];

    public ILogger CreateLogger(string categoryName) => new Logger(_lines);

    public void Dispose()
    {
    }

    private sealed class Logger(ConcurrentQueue<(LogLevel Level, string Text)> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue((logLevel, formatter(state, exception)));
    }
}
