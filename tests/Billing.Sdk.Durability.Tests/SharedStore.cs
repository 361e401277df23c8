using Billing.Catalog;
using Billing.Customers;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.InMemory;
using Billing.PostgreSql.Tests;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Testing;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Durability;

/// <summary>A store that several engines, as several processes would, work on.</summary>
internal sealed class SharedStore : IAsyncDisposable
{
    public const string Memory = "memory";
    public const string Sqlite = "sqlite";
    public const string PostgreSql = "postgresql";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("billing-durability-");
    private readonly List<ServiceProvider> _engines = [];
    private readonly IBillingStorage? _memory;

    private SharedStore(IBillingStorage? memory, TestClock clock, TestDatabase? database)
    {
        Clock = clock;
        PostgreSqlDatabase = database;
        _memory = memory;
    }

    public static TheoryData<string> Kinds => [Memory, Sqlite, PostgreSql];

    public static TenantId Tenant { get; } = new("acme");

    public static Instant Beginning { get; } = Instant.FromUtc(2026, 1, 1, 0, 0);

    public TestClock Clock { get; }

    public TestDatabase? PostgreSqlDatabase { get; }

    public string Database => Path.Combine(_folder.FullName, "billing.db");

    public static async Task<SharedStore> CreateAsync(string kind)
    {
        var clock = new TestClock(Beginning);
        var database = kind == PostgreSql ? new TestDatabase() : null;
        if (database is not null)
        {
            await database.InitializeAsync();
        }

        return new SharedStore(kind == Memory ? new InMemoryBillingStorage(new TimeOrderedIdGenerator(clock)) : null, clock, database);
    }

    /// <summary>An engine of its own on the store, as another process would have it.</summary>
    public async Task<(BillingEngine Engine, IBillingStorage Storage)> OpenAsync(Action<BillingBuilder>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IClock>(Clock);
        services.AddBilling(billing =>
        {
            if (_memory is not null)
            {
                billing.UseStorage(_ => _memory);
            }
            else if (PostgreSqlDatabase is not null)
            {
                billing.UsePostgreSql(new PostgreSqlStorageOptions { ConnectionString = PostgreSqlDatabase.AsApplication, CreateTables = false });
            }
            else
            {
                billing.UseSqlite(Database);
            }

            configure?.Invoke(billing);
        });
        var provider = services.BuildServiceProvider();
        _engines.Add(provider);
        var engine = provider.GetRequiredService<BillingEngine>();
        await engine.InitializeAsync();
        return (engine, provider.GetRequiredService<IBillingStorage>());
    }

    /// <summary>A tenant whose customers have a monthly line with calls, and calls in January.</summary>
    public static async Task FoundAsync(BillingEngine engine, int customers)
    {
        await engine.Tenants.CreateAsync(Tenant, "Acme");
        await engine.Catalog.PublishAsync(Tenant, new CatalogDefinition
        {
            Meters = [new Meter { Code = "minutes", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "minutes" }],
            Plans =
            [
                new Plan
                {
                    Code = "line",
                    Charges =
                    [
                        new Charge { Code = "base", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.Flat(9.99m) },
                        new Charge { Code = "calls", Type = ChargeType.Usage, Timing = ChargeTiming.InArrears, Meter = "minutes", Price = Price.PerUnit(0.07m) },
                    ],
                },
            ],
        });
        for (var i = 0; i < customers; i++)
        {
            var id = FormattableString.Invariant($"c{i:D3}");
            await engine.Customers.CreateAsync(Tenant, new CreateCustomerRequest { Id = id });
            await engine.Subscriptions.SubscribeAsync(Tenant, new SubscribeRequest { Id = id, CustomerId = id, Plan = "line" });
        }

        await engine.Usage.RecordAsync(Tenant, [.. Enumerable.Range(0, customers * 5).Select(n => Call(n % customers, FormattableString.Invariant($"e{n}"), 1 + (n % 28), 1 + (n % 13)))]);
    }

    public static UsageEntry Call(int customer, string id, int day, int minutes) => new()
    {
        SubscriptionId = FormattableString.Invariant($"c{customer:D3}"),
        Event = new UsageEvent
        {
            Id = id,
            Type = "call",
            At = Instant.FromUtc(2026, 1, day, 12, 0),
            Properties = new EquatableMap<string>([new("minutes", FormattableString.Invariant($"{minutes}"))]),
        },
    };

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in _engines)
        {
            await engine.DisposeAsync();
        }

        if (PostgreSqlDatabase is not null)
        {
            await PostgreSqlDatabase.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }
}
