using System.Globalization;
using Billing.Benchmarks.Stores;
using Billing.Catalog;
using Billing.Customers;
using Billing.InMemory;
using Billing.Plugins.FlatRateTax;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Benchmarks;

/// <summary>A company on a store: each customer has one recurring charge in advance, one metered charge with graduated tiers in arrears, and pays tax.</summary>
internal sealed class World : IAsyncDisposable
{
    private const int SeedPage = 1000;

    private readonly ServiceProvider _services;

    private World(ServiceProvider services, BenchmarkClock clock, StorageWatch watch, TenantId tenant)
    {
        _services = services;
        Clock = clock;
        Watch = watch;
        Tenant = tenant;
        Engine = services.GetRequiredService<BillingEngine>();
    }

    public static LocalDate FirstDay { get; } = new(2026, 1, 1);

    public static Price Tiers { get; } = Price.Graduated(
        new PriceTier { UpTo = 100m, UnitAmount = 0.05m },
        new PriceTier { UpTo = 1000m, UnitAmount = 0.04m },
        new PriceTier { UnitAmount = 0.025m });

    public static Meter Minutes { get; } = new() { Code = "minutes", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "minutes" };

    public BillingEngine Engine { get; }

    public BenchmarkClock Clock { get; }

    public StorageWatch Watch { get; }

    public TenantId Tenant { get; }

    /// <summary>Opens the engine on a store, with nothing switched off.</summary>
    /// <param name="store">The store.</param>
    /// <param name="plugins">More plugins.</param>
    /// <param name="tenant">The tenant that the calls below name.</param>
    public static async Task<World> OpenAsync(Store store, IBillingPlugin? plugins = null, string tenant = "northline") =>
        await OpenAsync(store.OpenStorage, plugins, tenant).ConfigureAwait(false);

    public static async Task<World> OpenAsync(Func<IIdGenerator, IBillingStorage> open, IBillingPlugin? plugins = null, string tenant = "northline", Func<System.Reflection.MethodInfo, object?[], object?>? answer = null)
    {
        var clock = new BenchmarkClock(Midnight(FirstDay));
        var ids = new TimeOrderedIdGenerator(clock);
        var (storage, watch) = StorageWatch.Over(open(ids), answer);
        var services = new ServiceCollection()
            .AddSingleton<IClock>(clock)
            .AddSingleton<IIdGenerator>(ids)
            .AddBilling(billing =>
            {
                billing.UseStorage(_ => storage).AddPlugin<FlatRateTaxPlugin>();
                if (plugins is not null)
                {
                    billing.ConfigureTasks(tasks => tasks.AddPlugin("benchmarks.idle", plugins));
                }
            })
            .BuildServiceProvider();
        var world = new World(services, clock, watch, new TenantId(tenant));
        await world.Engine.InitializeAsync().ConfigureAwait(false);
        return world;
    }

    public static Instant Midnight(LocalDate date) => date.AtMidnight().InUtc().ToInstant();

    /// <summary>The first moment of a month, counted from 0.</summary>
    public static Instant Month(int month) => Midnight(FirstDay.PlusMonths(month));

    public static string CustomerId(int number) => string.Create(CultureInfo.InvariantCulture, $"c{number:0000000}");

    /// <summary>Creates the tenant with its catalog and tasks.</summary>
    public async Task CreateTenantAsync(IReadOnlyList<TaskEntry>? moreTasks = null)
    {
        await Engine.Tenants.CreateAsync(Tenant, "Northline Telephone", new TenantSettings { Currency = "USD", TimeZone = "UTC", PaymentTermDays = 14 }).ConfigureAwait(false);
        var tax = new TaskEntry { Stage = "tax", Task = "flat-rate-tax", Parameters = """{ "rates": [{ "code": "VAT", "percent": 20 }] }""" };
        await Engine.Tenants.ConfigureTasksAsync(Tenant, [tax, .. moreTasks ?? []]).ConfigureAwait(false);
        await Engine.Catalog.PublishAsync(Tenant, new CatalogDefinition
        {
            Meters = [Minutes],
            Plans =
            [
                new Plan
                {
                    Code = "voip",
                    Charges =
                    [
                        new Charge { Code = "line", Name = "Line", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.Flat(20m) },
                        new Charge { Code = "calls", Name = "Calls", Type = ChargeType.Usage, Timing = ChargeTiming.InArrears, Meter = Minutes.Code, Price = Tiers },
                    ],
                },
            ],
        }).ConfigureAwait(false);
    }

    /// <summary>
    /// Adds customers with subscriptions that start in a month. The engine makes their rows in memory; they come to the store in large commits, because a commit
    /// for each command would take longer than all that is measured afterwards.
    /// </summary>
    public async Task SubscribeAsync(int customers, int month)
    {
        await using var maker = await OpenAsync(static ids => new InMemoryBillingStorage(ids), tenant: Tenant.Value).ConfigureAwait(false);
        await maker.CreateTenantAsync().ConfigureAwait(false);
        maker.Clock.Now = Month(month);
        var (target, _) = (_services.GetRequiredService<IBillingStorage>(), 0);
        for (var first = 0; first < customers; first += SeedPage)
        {
            maker.Watch.Reset();
            maker.Watch.Keep = true;
            for (var i = first; i < Math.Min(customers, first + SeedPage); i++)
            {
                var id = CustomerId(i);
                await maker.Engine.Customers.CreateAsync(Tenant, new CreateCustomerRequest { Id = id, Name = $"Customer {id}", Email = $"{id}@example.org", Country = "DE" }).ConfigureAwait(false);
                await maker.Engine.Subscriptions.SubscribeAsync(Tenant, new SubscribeRequest { Id = id, CustomerId = id, Plan = "voip" }).ConfigureAwait(false);
            }

            var payers = maker.Watch.Batches.SelectMany(b => b.Payers).GroupBy(p => p.PayerId, StringComparer.Ordinal).Select(Merged).ToArray();
            var result = await target.CommitAsync(new BillingBatch { Tenant = Tenant, Payers = payers }, CancellationToken.None).ConfigureAwait(false);
            if (result.Payers.FirstOrDefault(p => p.Outcome != CommitOutcome.Committed) is { } lost)
            {
                throw new InvalidOperationException($"Customer {lost.PayerId} was not written: {lost.Outcome} {lost.Detail}");
            }
        }
    }

    /// <summary>A month's events, in order of time: each customer's spread evenly, all customers in turn.</summary>
    public static IEnumerable<UsageEntry> UsageOf(int month, int customers, int eventsEach)
    {
        var (start, end) = (Month(month), Month(month + 1));
        var step = (end - start) / ((long)customers * eventsEach);
        for (var n = 0L; n < (long)customers * eventsEach; n++)
        {
            var (round, customer) = Math.DivRem(n, customers);
            yield return new UsageEntry
            {
                SubscriptionId = CustomerId((int)customer),
                Event = new UsageEvent
                {
                    Id = string.Create(CultureInfo.InvariantCulture, $"m{month:000}-{n:000000000}"),
                    Source = "switch-1",
                    Type = "call",
                    At = start + (step * n),
                    Properties = new EquatableMap<string>([new("minutes", MinutesOf(customer, round))]),
                },
            };
        }
    }

    /// <summary>Between 0.25 and 24.25 minutes, in quarters.</summary>
    public static string MinutesOf(long customer, long round) =>
        ((((customer * 7) + (round * 13)) % 97 + 1) / 4m).ToString(CultureInfo.InvariantCulture);

    /// <summary>Records events in batches; every one must be new.</summary>
    public async Task RecordAsync(IEnumerable<UsageEntry> entries, int batchSize, UsageStatus expected = UsageStatus.Accepted)
    {
        foreach (var batch in entries.Chunk(batchSize))
        {
            var results = await Engine.Usage.RecordAsync(Tenant, batch).ConfigureAwait(false);
            if (results.FirstOrDefault(r => r.Status != expected) is { } wrong)
            {
                throw new InvalidOperationException($"An event was {wrong.Status} {wrong.Code} {wrong.Message}; expected {expected}.");
            }
        }
    }

    /// <summary>Moves the clock to the start of a month and bills.</summary>
    public async Task<BillingRunResult> BillAsync(int month)
    {
        Clock.Now = Month(month);
        return await Engine.Runs.BillAsync(Tenant, Month(month)).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    /// <summary>What the commands for one payer came to, as the rows of a new one.</summary>
    private static PayerChanges Merged(IGrouping<string, PayerChanges> changes)
    {
        var rows = new Dictionary<(Type, RowKey), IBillingRow>();
        var due = new Dictionary<DueKind, Instant?>();
        foreach (var change in changes)
        {
            foreach (var (_, row) in change.Rows)
            {
                rows[(row.GetType(), StorageRules.PrimaryKey(row))] = row is Customer customer ? customer with { BillingVersion = 1 } : row;
            }

            foreach (var (kind, at) in change.Due)
            {
                due[kind] = at;
            }
        }

        return new PayerChanges { PayerId = changes.Key, ExpectedVersion = 0, Rows = [.. rows.Values.Select(RowChange.Insert)], Due = due };
    }
}

/// <summary>A clock that shows what it was set to.</summary>
internal sealed class BenchmarkClock(Instant now) : IClock
{
    private long _ticks = now.ToUnixTimeTicks();

    public Instant Now
    {
        get => Instant.FromUnixTimeTicks(Interlocked.Read(ref _ticks));
        set => Interlocked.Exchange(ref _ticks, value.ToUnixTimeTicks());
    }

    public Instant GetCurrentInstant() => Now;
}
