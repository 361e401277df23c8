using Billing.Catalog;
using Billing.Customers;
using Billing.Payments;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.Durability.Victim;

/// <summary>Something that the script does at a moment; doing it again changes nothing.</summary>
/// <param name="At">When.</param>
/// <param name="Activity">What it is, for the phase report.</param>
/// <param name="DoAsync">Does it.</param>
internal sealed record ScriptItem(Instant At, string Activity, Func<BillingEngine, Task> DoAsync);

/// <summary>The business of a seed: who subscribes when, and which usage comes when. The same for every process that works on it.</summary>
internal sealed class Script
{
    public const int Customers = 16;

    private const int Months = 2;
    private const int BatchesPerMonth = 5;
    private const int EventsPerBatch = 160;

    private static readonly LocalDate Start = new(2026, 1, 1);

    private readonly Random _random;
    private readonly List<ScriptItem> _items = [];
    private readonly List<UsageEntry> _sent = [];
    private readonly int[] _startDays;

    private Script(int seed)
    {
        _random = new Random(seed);
        _startDays = [.. Enumerable.Range(0, Customers).Select(_ => _random.Next(1, 12))];
    }

    public static TenantId Tenant { get; } = new("acme");

    /// <summary>When the script has come to its end: long enough after the last item for every lease, retry and aging step.</summary>
    public static Instant End { get; } = Midnight(Start.PlusMonths(Months).PlusDays(12));

    public static Instant Beginning { get; } = Midnight(Start);

    public static IReadOnlyList<ScriptItem> Of(int seed, VictimOptions options)
    {
        var script = new Script(seed);
        script.AddSetUp(options);
        for (var i = 0; i < Customers; i++)
        {
            script.AddCustomer(i);
        }

        for (var month = 0; month < Months; month++)
        {
            script.AddUsage(month);
        }

        return [.. script._items.OrderBy(i => i.At)];
    }

    private static Instant Midnight(LocalDate date) => date.AtMidnight().InUtc().ToInstant();

    private static CommandContext Context(string key) => new(Tenant) { IdempotencyKey = key };

    private static string Id(int customer) => FormattableString.Invariant($"c{customer:D3}");

    private void AddSetUp(VictimOptions options) => _items.Add(new ScriptItem(Beginning, "setup", async engine =>
    {
        await engine.Tenants.CreateAsync(Context("tenant"), "Acme", new TenantSettings { PaymentTermDays = 0, AutoCollect = true });
        await engine.Tenants.ConfigureTasksAsync(Context("tasks"),
        [
            new() { Stage = "gateway", Task = "test-gateway", Parameters = $$"""{"stateFile": "{{options.Journal}}"}""" },
            new() { Stage = "notification", Task = "file", Parameters = $$"""{"path": "{{options.Deliveries}}"}""" },
            new() { Stage = "payment-retry", Task = "fixed-schedule", Parameters = """{"days": [2, 3]}""" },
            new()
            {
                Stage = "aging",
                Task = "aging-steps",
                Parameters = """{"steps": [{"days": 4, "actions": ["notify"]}, {"days": 7, "actions": ["fee:5.00", "notify"]}, {"days": 10, "actions": ["suspend"]}]}""",
            },
        ]);
        await engine.Catalog.PublishAsync(Context("catalog"), Catalog());
    }));

    private static CatalogDefinition Catalog() => new()
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
                    new Charge
                    {
                        Code = "calls",
                        Type = ChargeType.Usage,
                        Timing = ChargeTiming.InArrears,
                        Meter = "minutes",
                        Price = Price.Graduated(new PriceTier { UpTo = 100m, UnitAmount = 0.0333m }, new PriceTier { UnitAmount = 0.02m }),
                    },
                ],
            },
        ],
    };

    private void AddCustomer(int number)
    {
        var id = Id(number);
        var token = (number % 4) switch
        {
            0 => null,
            1 => $"test:{id}/card;behavior=decline:insufficient_funds|succeed",
            2 => $"test:{id}/card",
            _ => $"test:{id}/card;behavior=timeout|succeed",
        };
        _items.Add(new ScriptItem(Midnight(Start.PlusDays(_startDays[number])), "subscribe", async engine =>
        {
            await engine.Customers.CreateAsync(Context($"{id}/create"), new CreateCustomerRequest { Id = id, Name = $"Customer {number}" });
            if (token is not null)
            {
                await engine.Payments.AddMethodAsync(Context($"{id}/method"), new AddPaymentMethodRequest { Id = $"{id}-card", CustomerId = id, Type = "card", Token = token, Gateway = "test-gateway" });
            }

            await engine.Subscriptions.SubscribeAsync(Context($"{id}/subscribe"), new SubscribeRequest { Id = id, CustomerId = id, Plan = "line" });
        }));
    }

    private void AddUsage(int month)
    {
        var first = Start.PlusMonths(month).PlusDays(13);
        for (var batch = 0; batch < BatchesPerMonth; batch++)
        {
            var at = Midnight(first.PlusDays(3 * batch)) + Duration.FromHours(7);
            var entries = Enumerable.Range(0, EventsPerBatch).Select(_ => Event(at)).ToList();
            _items.Add(new ScriptItem(at, "ingest", engine => engine.Usage.RecordAsync(Tenant, entries)));
        }
    }

    /// <summary>A call of the last fortnight; now and then one from weeks ago, whose period is billed already, or one that was sent before.</summary>
    private UsageEntry Event(Instant now)
    {
        if (_sent.Count > 0 && _random.Next(12) == 0)
        {
            return _sent[_random.Next(_sent.Count)];
        }

        var customer = _random.Next(Customers);
        var ago = Duration.FromMinutes(_random.Next(1, (_random.Next(10) == 0 ? 40 : 12) * 24 * 60));
        var starts = Midnight(Start.PlusDays(_startDays[customer]));
        var entry = new UsageEntry
        {
            SubscriptionId = Id(customer),
            Event = new UsageEvent
            {
                Id = FormattableString.Invariant($"e{_sent.Count}"),
                Type = "call",
                At = Instant.Max(starts, now - ago),
                Properties = new EquatableMap<string>([new("minutes", FormattableString.Invariant($"{_random.Next(1, 300) / 10m}"))]),
            },
        };
        _sent.Add(entry);
        return entry;
    }
}
