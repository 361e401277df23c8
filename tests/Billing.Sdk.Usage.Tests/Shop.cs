using Billing.Catalog;
using Billing.Customers;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Testing;
using Billing.Testing.Scenarios;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.UsageTests;

/// <summary>The stores that a test runs on.</summary>
public static class Stores
{
    public const string Memory = "memory";
    public const string Sqlite = "sqlite";

    public static TheoryData<string> All => [Memory, Sqlite];
}

/// <summary>An engine on a fresh store that a test can hold up and break, with a test clock, one tenant and its catalog.</summary>
internal sealed class Shop : IAsyncDisposable
{
    private readonly ScenarioHost _host;

    private Shop(ScenarioHost host, WatchedStorage watch) => (_host, Watch) = (host, watch);

    public static TenantId Tenant => ScenarioHost.Tenant;

    /// <summary>1 March 2026, UTC: when the clock starts, and subscriptions do.</summary>
    public static Instant Start { get; } = Instant.FromUtc(2026, 3, 1, 0, 0);

    public BillingEngine Engine => _host.Engine;

    public TestClock Clock => _host.Clock;

    public IBillingStorage Storage => _host.Storage;

    public WatchedStorage Watch { get; }

    /// <summary>
    /// Meters over events <c>call</c>: <c>minutes</c> (sum), <c>calls</c> (count), <c>longest</c> (max), <c>shortest</c> (min), <c>abroad</c> (sum of those to 41 or 43, by destination). The plan <c>voip</c> charges
    /// minutes at 0.05 in arrears.
    /// </summary>
    public static async Task<Shop> OpenAsync(string store, TenantSettings? settings = null, string? path = null)
    {
        WatchedStorage? watch = null;
        var options = new ScenarioRunnerOptions
        {
            UseStore = billing =>
            {
                var folder = store == Stores.Sqlite && path is null ? Directory.CreateTempSubdirectory("billing-usage-tests-") : null;
                billing.UseStorage(services =>
                {
                    var ids = services.GetRequiredService<IIdGenerator>();
                    IBillingStorage inner = store == Stores.Memory ? new InMemoryBillingStorage(ids) : new SqliteBillingStorage(path ?? Path.Combine(folder!.FullName, "billing.db"), ids);
                    (var storage, watch) = WatchedStorage.Around(inner);
                    return storage;
                });
                return folder is null ? null : new Folder(folder);
            },
        };
        var shop = new Shop(await ScenarioHost.StartAsync(options, Start), watch!);
        if (await shop.Storage.FindTenantAsync(Tenant, CancellationToken.None) is null)
        {
            await shop.Engine.Tenants.CreateAsync(Tenant, "Acme Telecom", settings);
            await shop.Engine.Catalog.PublishAsync(Tenant, Catalog());
        }

        return shop;
    }

    public static Meter Meter(string code, MeterAggregation aggregation) => new() { Code = code, EventType = "call", Aggregation = aggregation, Field = aggregation == MeterAggregation.Count ? null : "minutes" };

    public static CatalogDefinition Catalog() => new()
    {
        Meters =
        [
            Meter("minutes", MeterAggregation.Sum),
            Meter("calls", MeterAggregation.Count),
            Meter("longest", MeterAggregation.Max),
            Meter("shortest", MeterAggregation.Min),
            Meter("abroad", MeterAggregation.Sum) with
            {
                GroupBy = ["destination"],
                Filter = new EquatableMap<EquatableList<string>>([new("destination", ["41", "43"])]),
            },
        ],
        Plans =
        [
            new Plan { Code = "voip", Charges = [Charged("calls", "minutes", 0.05m)] },
            new Plan { Code = "line", Charges = [new Charge { Code = "fee", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.Flat(10m) }] },
        ],
    };

    public static Charge Charged(string code, string meter, decimal price) => new() { Code = code, Type = ChargeType.Usage, Timing = ChargeTiming.InArrears, Meter = meter, Price = Price.PerUnit(price) };

    /// <summary>Creates customers, each with a subscription of the same id.</summary>
    public async Task<Shop> WithAsync(params string[] customers)
    {
        foreach (var id in customers)
        {
            await Engine.Customers.CreateAsync(Tenant, new CreateCustomerRequest { Id = id });
            await Engine.Subscriptions.SubscribeAsync(Tenant, new SubscribeRequest { Id = id, CustomerId = id, Plan = "voip" });
        }

        return this;
    }

    /// <summary>A call of one minute at noon of the start unless told otherwise.</summary>
    public static UsageEntry Call(string id, string minutes = "1", string customer = "acme", Duration? after = null, string? subscription = null, string destination = "49", string source = "") => new()
    {
        CustomerId = subscription is null ? customer : null,
        SubscriptionId = subscription,
        Event = new UsageEvent
        {
            Id = id,
            Source = source,
            Type = "call",
            At = Start + (after ?? Duration.FromHours(12)),
            Properties = new EquatableMap<string>([new("minutes", minutes), new("destination", destination)]),
        },
    };

    public Task<IReadOnlyList<UsageEntryResult>> RecordAsync(params UsageEntry[] entries) => Engine.Usage.RecordAsync(Tenant, entries);

    /// <summary>What a meter comes to in March: from rollups, and worked out anew from the events that are kept.</summary>
    public async Task<(decimal Rollups, decimal Events)> QuantitiesAsync(string meter, string subscription = "acme")
    {
        var definition = Catalog().Meter(meter);
        var query = new UsageQuery { SubscriptionId = subscription, Meter = meter, EventType = "call", From = Start, To = Start + Duration.FromDays(31) };
        var data = await Storage.ReadUsageAsync(Tenant, [query, query with { NeedsEvents = true }], CancellationToken.None);
        var summary = UsageSummary.Combine(data[0].Groups.Select(g => new UsageSummary(g.Count, g.Sum, g.Max, g.Min)));
        Assert.False(data[0].RollupsMissing);
        return (MeterCalculator.Quantity(definition, summary), MeterCalculator.Quantity(definition, data[1].Events.Select(e => e.Event), null).Value);
    }

    /// <summary>Checks that rollups of all meters say what the events say.</summary>
    public async Task RollupsFitAsync(string subscription = "acme")
    {
        foreach (var meter in Catalog().Meters)
        {
            var (rollups, events) = await QuantitiesAsync(meter.Code, subscription);
            Assert.Equal((meter.Code, events), (meter.Code, rollups));
        }
    }

    /// <summary>Moves the clock and bills.</summary>
    public async Task BillAsync(Instant asOf)
    {
        Clock.AdvanceTo(asOf);
        await Engine.Runs.BillAsync(Tenant, asOf);
    }

    public Task<IReadOnlyList<InvoiceDocument>> InvoicesAsync(string customer = "acme") => Engine.Invoices.ListAsync(Tenant, customer);

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private sealed class Folder(DirectoryInfo folder) : IDisposable
    {
        public void Dispose() => folder.Delete(recursive: true);
    }
}
