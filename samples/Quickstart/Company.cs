using Billing;
using Billing.Catalog;
using Billing.Tasks;

namespace Quickstart;

/// <summary>The company that bills: its task chains and what it sells.</summary>
internal static class Company
{
    public static readonly TenantId Tenant = new("northline");

    /// <summary>Which tasks run, in which order and with which parameters, is data: another tenant of the same host can have others.</summary>
    public static readonly TaskEntry[] Tasks =
    [
        new() { Stage = "mediation", Task = "asterisk-cdr", Parameters = """{ "customerField": "src", "round": 60, "property": "minutes" }""" },
        new() { Stage = "gateway", Task = "test-gateway" },
        new() { Stage = "payment-retry", Task = "fixed-schedule", Parameters = """{ "days": [3, 5, 7], "then": "none" }""" },
        new() { Stage = "aging", Task = "aging-steps", Parameters = AgingSteps },
        new() { Stage = "notification", Task = "quickstart/screen" },
    ];

    private const string AgingSteps = """
        { "steps": [
            { "days": 2,  "name": "reminder",   "actions": ["notify"] },
            { "days": 7,  "name": "penalty",    "actions": ["notify", "fee:5.00"] },
            { "days": 14, "name": "suspension", "actions": ["notify", "suspend"] } ] }
        """;

    private static readonly CatalogDefinition Catalog = new()
    {
        Meters = [new Meter { Code = "minutes", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "minutes" }],
        Plans =
        [
            new Plan
            {
                Code = "voip",
                Name = "VoIP line",
                Charges =
                [
                    new Charge { Code = "line", Name = "Line, per month", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.Flat(20m) },
                    new Charge { Code = "calls", Name = "Calls, per minute", Type = ChargeType.Usage, Meter = "minutes", Timing = ChargeTiming.InArrears, Price = Price.PerUnit(0.05m) },
                ],
            },
        ],
    };

    public static async Task OpenAsync(BillingEngine billing)
    {
        await billing.Tenants.CreateAsync(Once("tenant"), "Northline Telephone", new TenantSettings { Currency = "USD", TimeZone = "UTC" });
        if (!(await billing.Tenants.GetTasksAsync(Tenant)).Entries.SequenceEqual(Tasks))
        {
            await billing.Tenants.ConfigureTasksAsync(new CommandContext(Tenant) { Actor = "quickstart" }, Tasks);
        }

        await billing.Catalog.PublishAsync(Once("catalog"), Catalog);
        Screen.Line("  Plan 'voip': $20.00 a month in advance, $0.05 per started minute in arrears. No tax.");
    }

    /// <summary>A command that is carried out once, however often it is sent: the second one gets the answer of the first.</summary>
    public static CommandContext Once(string key) => new(Tenant) { Actor = "quickstart", IdempotencyKey = $"quickstart-{key}" };
}
