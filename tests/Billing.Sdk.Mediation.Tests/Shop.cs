using Billing.Catalog;
using Billing.Customers;
using Billing.InMemory;
using Billing.Plugins.AsteriskCdr;
using Billing.Processing;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Mediation.Tests;

/// <summary>An engine in memory with one tenant that sells calls by the minute.</summary>
internal sealed class Shop : IDisposable
{
    public static readonly TenantId Tenant = new("acme");

    private readonly ServiceProvider _services;

    private Shop(Action<TaskCatalogBuilder>? tasks)
    {
        _services = new ServiceCollection()
            .AddSingleton<IClock>(new StillClock(Instant.FromUtc(2026, 3, 31, 23, 0)))
            .AddBilling(billing => billing
                .UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()))
                .AddPlugin<AsteriskCdrPlugin>()
                .ConfigureTasks(tasks ?? (_ => { })))
            .BuildServiceProvider();
        Engine = _services.GetRequiredService<BillingEngine>();
    }

    public BillingEngine Engine { get; }

    public static async Task<Shop> OpenAsync(Action<TaskCatalogBuilder>? tasks = null, params TaskEntry[] entries)
    {
        var shop = new Shop(tasks);
        await shop.Engine.InitializeAsync();
        await shop.Engine.Tenants.CreateAsync(Tenant, "Acme Telecom");
        await shop.Engine.Tenants.ConfigureTasksAsync(Tenant, entries);
        return shop;
    }

    /// <summary>Customers that have a subscription with minutes, since 1 March 2026.</summary>
    public async Task<Shop> WithCustomersAsync(params string[] customers)
    {
        await Engine.Catalog.PublishAsync(Tenant, new CatalogDefinition
        {
            Meters = [new Meter { Code = "minutes", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "minutes" }],
            Plans = [new Plan { Code = "voip", Charges = [new Charge { Code = "calls", Type = ChargeType.Usage, Meter = "minutes", Timing = ChargeTiming.InArrears, Price = Price.PerUnit(0.05m) }] }],
        });
        foreach (var customer in customers)
        {
            await Engine.Customers.CreateAsync(Tenant, new CreateCustomerRequest { Id = customer });
            await Engine.Subscriptions.SubscribeAsync(Tenant, new SubscribeRequest { Id = customer, CustomerId = customer, Plan = "voip", Start = ChangeTime.On(new LocalDate(2026, 3, 1)) });
        }

        return this;
    }

    public async Task<ImportResult> ImportAsync(string text, string reader = "asterisk-cdr-csv", string feed = "test.csv", int batchSize = 1000, IProgress<ImportProgress>? progress = null)
    {
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        return await Engine.Mediation.ImportAsync(Tenant, new ImportRequest { Feed = feed, Reader = reader, Stream = stream, BatchSize = batchSize }, progress);
    }

    public Task<IReadOnlyList<RejectedRecord>> RejectedAsync(string? feed = null) => Engine.Mediation.ListRejectedAsync(Tenant, feed);

    public void Dispose() => _services.Dispose();

    private sealed class StillClock(Instant now) : IClock
    {
        public Instant GetCurrentInstant() => now;
    }
}
