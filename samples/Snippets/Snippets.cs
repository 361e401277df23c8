using Billing;
using Billing.Catalog;
using Billing.Payments;
using Billing.PluginLoading;
using Billing.Processing;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Snippets;

/// <summary>The short pieces of code that the documentation shows, compiled.</summary>
public static class Snippets
{
    public static async Task RepeatAsync(BillingEngine billing, TenantId shop)
    {
        await billing.Tenants.CreateAsync(new CommandContext(shop) { IdempotencyKey = "setup-1" }, "The Shop");
    }

    public static async Task LetTimePassAsync(BillingEngine billing, TenantId shop, IClock clock)
    {
        var now = clock.GetCurrentInstant();
        await billing.Runs.BillAsync(shop, now);       // invoices
        await billing.Runs.CollectAsync(shop, now);    // charges, retries, open questions to gateways
        await billing.Runs.AgeAsync(shop, now);        // reminders, fees, suspensions
        await billing.Runs.DispatchAsync(shop);        // messages
    }

    public static CatalogDefinition Usage()
    {
        var minutes = new Meter { Code = "minutes", EventType = "call", Aggregation = MeterAggregation.Sum, Field = "minutes" };
        var calls = new Charge { Code = "calls", Type = ChargeType.Usage, Meter = "minutes", Price = Price.PerUnit(0.05m) };
        return new CatalogDefinition { Meters = [minutes], Plans = [new Plan { Code = "voip", Charges = [calls] }] };
    }

    public static void LoadPlugins(IServiceCollection services)
    {
        services.AddBilling(b => b.ConfigureTasks(tasks => Console.WriteLine(tasks.AddPluginsFrom("/srv/billing/plugins"))));
    }

    public static async Task ChooseTasksAsync(BillingEngine billing, TenantId shop)
    {
        await billing.Tenants.ConfigureTasksAsync(shop,
        [
            new TaskEntry { Stage = "tax", Task = "first-tax/california" },
            new TaskEntry { Stage = "payment-retry", Task = "fixed-schedule", Parameters = """{ "days": [3, 5, 7], "then": "none" }""" },
        ]);
    }

    public static async Task UseFirstPluginsAsync(BillingEngine billing, TenantId tenant)
    {
        await billing.Tenants.ConfigureTasksAsync(tenant,
        [
            new TaskEntry { Stage = "gateway", Task = "first-gateway/limit", Parameters = """{ "limit": "50.00" }""" },
            new TaskEntry { Stage = "tax", Task = "first-tax/california" },
        ]);
        await billing.Payments.AddMethodAsync(tenant, new AddPaymentMethodRequest { Id = "jane-card", CustomerId = "jane", Type = "card", Token = "any" });
    }

    public static async Task ImportSensorsAsync(BillingEngine billing, TenantId tenant)
    {
        await billing.Tenants.ConfigureTasksAsync(tenant, [new TaskEntry { Stage = "mediation", Task = "first-usage/sensors" }]);
        await using var file = File.OpenRead("sensors.txt");
        var result = await billing.Mediation.ImportAsync(tenant, new ImportRequest { Feed = "sensors.txt", Reader = "first-usage/sensor-lines", Stream = file });
        Console.WriteLine(result);
    }

    public static async Task ImportCallsAsync(BillingEngine billing, TenantId tenant, IProgress<ImportProgress> progress)
    {
        await using var file = File.OpenRead("Master.csv");
        var result = await billing.Mediation.ImportAsync(tenant, new ImportRequest { Feed = "Master.csv", Reader = "asterisk-cdr-csv", Stream = file }, progress);
        Console.WriteLine(result);
    }

    public static void AddBuffer(IServiceCollection services)
    {
        services.AddBilling(billing => billing.AddUsageBuffer(new UsageBufferOptions { Capacity = 50_000 }));
    }

    public static async Task<bool> TakeCallAsync(UsageBuffer buffer, TenantId tenant, UsageEntry call, CancellationToken cancellationToken)
    {
        var answer = await buffer.RecordAsync(tenant, call, cancellationToken);
        return answer.Status != UsageStatus.Rejected;
    }
}
