using Billing.Catalog;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Simulation;

/// <summary>Something that a customer's host asks for. Asking again under its key changes nothing.</summary>
/// <param name="Customer">Whose life it is of; what one customer's host asks for is asked in order.</param>
/// <param name="Name">What it is, for the history.</param>
/// <param name="DoAsync">Asks for it.</param>
internal sealed record LifeAction(string Customer, string Name, Func<BillingEngine, CommandContext, Task<string>> DoAsync);

/// <summary>A moment at which something is asked for.</summary>
/// <param name="At">When.</param>
/// <param name="Actions">What, in order.</param>
internal sealed record LifeMoment(Instant At, IReadOnlyList<LifeAction> Actions);

/// <summary>Random lives of customers: what they and their hosts ask for, and when. A function of the seed.</summary>
internal sealed class SimulatedLives
{
    public const string Meter = "minutes";

    private static readonly Instant Beginning = Instant.FromUtc(2026, 1, 1, 0, 0);

    private readonly SimulatedRandom _random;
    private readonly SimulationOptions _options;
    private readonly Dictionary<string, (Instant Start, List<UsageEntry> Sent)> _lives = new(StringComparer.Ordinal);
    private int _count;

    private SimulatedLives(SimulatedRandom random, SimulationOptions options)
    {
        _random = random;
        _options = options;
    }

    public static Instant Start => Beginning;

    public static CatalogDefinition Catalog { get; } = new()
    {
        Meters = [new Meter { Code = Meter, EventType = "call", Aggregation = MeterAggregation.Sum, Field = Meter }],
        Plans =
        [
            PlanOf("small", 9.99m, Price.Graduated(new PriceTier { UpTo = 30m, UnitAmount = 0.0333m }, new PriceTier { UnitAmount = 0.02m })),
            PlanOf("large", 29.95m, Price.PerUnit(0.011m)),
        ],
    };

    public static IReadOnlyList<LifeMoment> Of(SimulatedRandom random, SimulationOptions options)
    {
        var lives = new SimulatedLives(random, options);
        var moments = new List<LifeMoment> { new(Beginning, [.. Enumerable.Range(0, options.Customers).Select(i => lives.Arrive($"c{i}"))]) };
        var times = Enumerable.Range(0, options.Moments).Select(_ => Beginning + Duration.FromMinutes(random.Below(options.Days * 24 * 60))).Distinct().Order();
        foreach (var at in times)
        {
            moments.Add(new LifeMoment(at, [.. Enumerable.Range(0, 1 + random.Below(3)).Select(_ => lives.Act(at))]));
        }

        return moments;
    }

    private static Plan PlanOf(string code, decimal monthly, Price usage) => new()
    {
        Code = code,
        Charges =
        [
            new Charge { Code = "base", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.PerUnit(monthly) },
            new Charge { Code = "calls", Type = ChargeType.Usage, Timing = ChargeTiming.InArrears, Meter = Meter, Price = usage },
        ],
    };

    private LifeAction Arrive(string customer)
    {
        _lives[customer] = (Beginning, []);
        var (plan, quantity, pays) = (_random.Pick(["small", "large"]), 1 + _random.Below(4), _random.Below(4) > 0);
        return new LifeAction(customer, FormattableString.Invariant($"arrives with {quantity} {plan}, {(pays ? "card" : "no card")}"), async (engine, context) =>
        {
            await engine.Customers.CreateAsync(KeyOf(context, "create"), new CreateCustomerRequest { Id = customer }).ConfigureAwait(false);
            if (pays)
            {
                await engine.Payments.AddMethodAsync(KeyOf(context, "method"), new AddPaymentMethodRequest { Id = $"{customer}-card", CustomerId = customer, Type = "card", Token = $"tok-{customer}" }).ConfigureAwait(false);
            }

            var view = await engine.Subscriptions.SubscribeAsync(KeyOf(context, "subscribe"), new SubscribeRequest { Id = customer, CustomerId = customer, Plan = plan, Quantity = quantity }).ConfigureAwait(false);
            return view.State.ToString();
        });
    }

    private static CommandContext KeyOf(CommandContext context, string part) => context with { IdempotencyKey = $"{context.IdempotencyKey}/{part}" };

    private LifeAction Act(Instant now)
    {
        var customer = FormattableString.Invariant($"c{_random.Below(_options.Customers)}");
        _count++;
        return _random.Below(20) switch
        {
            < 9 => Use(customer, now),
            < 11 => Correct(customer, now),
            < 14 => ChangeQuantity(customer),
            < 17 => ChangePlan(customer),
            < 18 => Charge(customer),
            < 19 => Cancel(customer),
            _ => Undo(customer),
        };
    }

    private LifeAction Use(string customer, Instant now)
    {
        var (start, sent) = _lives[customer];
        var entries = new List<UsageEntry>();
        for (var i = 1 + _random.Below(6); i > 0; i--)
        {
            // One in five is sent again; one in five is weeks late.
            if (sent.Count > 0 && _random.Below(5) == 0)
            {
                entries.Add(_random.Pick(sent));
                continue;
            }

            var ago = Duration.FromMinutes(_random.Below((_random.Below(5) == 0 ? 45 : 5) * 24 * 60));
            entries.Add(new UsageEntry
            {
                SubscriptionId = customer,
                Event = new UsageEvent { Id = FormattableString.Invariant($"{customer}-{sent.Count}"), Type = "call", At = Instant.Max(start, now - ago), Properties = Properties() },
            });
            sent.Add(entries[^1]);
        }

        return new LifeAction(customer, FormattableString.Invariant($"uses {entries.Count} times"), async (engine, context) =>
        {
            var results = await engine.Usage.RecordAsync(context, entries).ConfigureAwait(false);

            // Whether an event is new or was stored by a call whose answer was lost is the history's, not the business's.
            return FormattableString.Invariant($"{results.Count(r => r.Status is UsageStatus.Accepted or UsageStatus.Duplicate)} stored");
        });
    }

    private LifeAction Correct(string customer, Instant now)
    {
        var sent = _lives[customer].Sent;
        if (sent.Count == 0)
        {
            return Use(customer, now);
        }

        var request = new CorrectUsageRequest { Id = _random.Pick(sent).Event.Id, Properties = Properties() };
        return new LifeAction(customer, $"corrects {request.Id}", (engine, context) => DoneAsync(engine.Usage.CorrectAsync(context, request)));
    }

    private EquatableMap<string> Properties() => new([new(Meter, FormattableString.Invariant($"{(1 + _random.Below(400)) / 10m}"))]);

    private LifeAction ChangeQuantity(string customer)
    {
        var request = new ChangeQuantityRequest { SubscriptionId = customer, Quantity = 1 + _random.Below(6), When = Time() };
        return new LifeAction(customer, FormattableString.Invariant($"has {request.Quantity}{When(request.When)}"), (engine, context) => DoneAsync(engine.Subscriptions.ChangeQuantityAsync(context, request)));
    }

    private LifeAction ChangePlan(string customer)
    {
        var request = new ChangePlanRequest { SubscriptionId = customer, Plan = _random.Pick(["small", "large"]), When = Time() };
        return new LifeAction(customer, $"goes to {request.Plan}{When(request.When)}", (engine, context) => DoneAsync(engine.Subscriptions.ChangePlanAsync(context, request)));
    }

    private LifeAction Cancel(string customer)
    {
        var request = new CancelRequest { SubscriptionId = customer, When = Time() };
        return new LifeAction(customer, $"cancels{When(request.When)}", (engine, context) => DoneAsync(engine.Subscriptions.CancelAsync(context, request)));
    }

    private static LifeAction Undo(string customer) =>
        new(customer, "takes changes to come back", (engine, context) => DoneAsync(engine.Subscriptions.UndoPendingChangesAsync(context, customer)));

    private LifeAction Charge(string customer)
    {
        var request = new AddChargeRequest { CustomerId = customer, Amount = 1 + _random.Below(20), Description = FormattableString.Invariant($"extra {_count}"), InvoiceNow = _random.Below(2) == 0 };
        return new LifeAction(customer, FormattableString.Invariant($"is charged {request.Amount}"), (engine, context) => DoneAsync(engine.Charges.AddAsync(context, request)));
    }

    private ChangeTime Time() => _random.Below(3) == 0 ? ChangeTime.EndOfPeriod : ChangeTime.Immediately;

    private static string When(ChangeTime time) => time.AtEndOfPeriod ? " at the end of the period" : "";

    private static async Task<string> DoneAsync(Task command)
    {
        await command.ConfigureAwait(false);
        return "done";
    }
}
