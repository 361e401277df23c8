using Billing.Catalog;
using Billing.Customers;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Testing;
using Billing.Testing.Scenarios;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>The stores that a test runs on.</summary>
public static class Stores
{
    public const string Memory = "memory";
    public const string Sqlite = "sqlite";

    public static TheoryData<string> All => [Memory, Sqlite];

    internal static Func<BillingBuilder, IDisposable?> Of(string store) => store == Sqlite ? UseSqlite : UseMemory;

    private static IDisposable? UseMemory(BillingBuilder billing)
    {
        billing.UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()));
        return null;
    }

    private static TemporaryFolder UseSqlite(BillingBuilder billing)
    {
        var folder = new TemporaryFolder();
        billing.UseStorage(services => new SqliteBillingStorage(Path.Combine(folder.Path, "billing.db"), services.GetRequiredService<IIdGenerator>()));
        return folder;
    }

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("billing-engine-tests-");

        public string Path => _folder.FullName;

        public void Dispose() => _folder.Delete(recursive: true);
    }
}

/// <summary>An engine with a fresh store, a test clock and one tenant; the words that tests bill with.</summary>
internal sealed class Shop : IAsyncDisposable
{
    private readonly ScenarioHost _host;

    private Shop(ScenarioHost host) => _host = host;

    public static TenantId Tenant => ScenarioHost.Tenant;

    public BillingEngine Engine => _host.Engine;

    public TestClock Clock => _host.Clock;

    public IBillingStorage Storage => _host.Storage;

    /// <summary>Opens at midnight UTC of 1 January 2026 unless told otherwise.</summary>
    public static Task<Shop> OpenAsync(string store = Stores.Memory, TenantSettings? settings = null, LocalDate? on = null, params Action<TaskCatalogBuilder>[] plugins) =>
        OpenAsync(new ScenarioRunnerOptions { UseStore = Stores.Of(store), Plugins = plugins }, settings, on);

    public static async Task<Shop> OpenAsync(ScenarioRunnerOptions options, TenantSettings? settings = null, LocalDate? on = null)
    {
        var shop = new Shop(await ScenarioHost.StartAsync(options, Midnight(on ?? new LocalDate(2026, 1, 1))));
        await shop.Engine.Tenants.CreateAsync(Tenant, "Acme", settings);
        return shop;
    }

    public static Instant Midnight(LocalDate date) => date.AtMidnight().InUtc().ToInstant();

    public static Charge Recurring(string code, Price price, ChargeTiming timing = ChargeTiming.InAdvance) => new() { Code = code, Type = ChargeType.Recurring, Timing = timing, Price = price };

    public static Charge Metered(string code, Price price, string meter = "minutes") => new() { Code = code, Type = ChargeType.Usage, Timing = ChargeTiming.InArrears, Meter = meter, Price = price };

    public static Plan PlanOf(string code, params Charge[] charges) => new() { Code = code, Charges = [.. charges] };

    /// <summary>Publishes plans; the meter <c>minutes</c> sums that field of events <c>call</c>.</summary>
    public Task<CatalogVersion> PublishAsync(params Plan[] plans) => Engine.Catalog.PublishAsync(Tenant, CatalogOf(plans));

    public static CatalogDefinition CatalogOf(params Plan[] plans) => new()
    {
        Meters = [new Meter { Code = "minutes", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "minutes" }],
        Plans = [.. plans],
    };

    /// <summary>Creates a customer with a subscription of the same id that starts now.</summary>
    public async Task SubscriberAsync(string id, string plan, decimal quantity = 1m, string? timeZone = null, string? currency = null)
    {
        await Engine.Customers.CreateAsync(Tenant, new CreateCustomerRequest { Id = id, TimeZone = timeZone, Currency = currency });
        await Engine.Subscriptions.SubscribeAsync(Tenant, new SubscribeRequest { Id = id, CustomerId = id, Plan = plan, Quantity = quantity });
    }

    public static UsageEntry Call(string customer, string id, LocalDate date, string minutes, int hour = 12) => new()
    {
        CustomerId = customer,
        Event = new UsageEvent { Id = id, Type = "call", At = Midnight(date) + Duration.FromHours(hour), Properties = new EquatableMap<string>([new("minutes", minutes)]) },
    };

    public async Task CallAsync(string customer, string id, LocalDate date, string minutes)
    {
        var results = await Engine.Usage.RecordAsync(Tenant, [Call(customer, id, date, minutes)]);
        Assert.Equal(UsageStatus.Accepted, Assert.Single(results).Status);
    }

    /// <summary>Moves the clock to midnight UTC of a date and bills.</summary>
    public Task<BillingRunResult> BillAsync(LocalDate date) => BillAsync(Midnight(date));

    public Task<BillingRunResult> BillAsync(Instant asOf)
    {
        Clock.AdvanceTo(asOf);
        return Engine.Runs.BillAsync(Tenant, asOf);
    }

    public Task<IReadOnlyList<InvoiceDocument>> InvoicesAsync(string customer) => Engine.Invoices.ListAsync(Tenant, customer);

    /// <summary>Sum of all lines of each charge of a customer.</summary>
    public async Task<IReadOnlyDictionary<string, decimal>> SumsByChargeAsync(string customer)
    {
        var documents = await InvoicesAsync(customer);
        return documents.SelectMany(d => d.Lines).GroupBy(l => l.Charge ?? "", StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Sum(l => l.Amount), StringComparer.Ordinal);
    }

    public Task<string> DigestAsync(TenantId? tenant = null) => StateText.ReadAsync(Engine, Storage, tenant ?? Tenant);

    public ValueTask DisposeAsync() => _host.DisposeAsync();
}

/// <summary>Plugins made of a lambda.</summary>
internal static class Plugins
{
    public static Action<TaskCatalogBuilder> Task<TStage>(string name, TStage task)
        where TStage : class => tasks => tasks.AddPlugin($"tests.{name}", new OneTask<TStage>(name, task));

    private sealed class OneTask<TStage>(string name, TStage task) : IBillingPlugin
        where TStage : class
    {
        public void Configure(IPluginBuilder builder) => builder.AddTask(name, _ => task);
    }
}
