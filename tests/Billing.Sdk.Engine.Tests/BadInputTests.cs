using Billing.Catalog;
using Billing.Credits;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Plugins.TestGateway;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>Wrong input is refused with a stable code that names object and key, and leaves no trace.</summary>
public sealed class BadInputTests
{
    private static readonly Dictionary<string, Func<Shop, Task>> Mistakes = new(StringComparer.Ordinal)
    {
        ["unknown plan"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "acme", Plan = "nothing" }),
        ["unknown plan at a change"] = s => s.Engine.Subscriptions.ChangePlanAsync(Shop.Tenant, new ChangePlanRequest { SubscriptionId = "acme", Plan = "nothing" }),
        ["unknown customer"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "nobody", Plan = "basic" }),
        ["unknown customer of a charge"] = s => s.Engine.Charges.AddAsync(Shop.Tenant, new AddChargeRequest { CustomerId = "nobody", Amount = 5m }),
        ["unknown subscription"] = s => s.Engine.Subscriptions.CancelAsync(Shop.Tenant, new CancelRequest { SubscriptionId = "nothing" }),
        ["unknown parent"] = s => Create(s, new CreateCustomerRequest { Id = "new", ParentId = "nobody" }),
        ["negative quantity"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "acme", Plan = "basic", Quantity = -1m }),
        ["negative quantity at a change"] = s => s.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = -2m }),
        ["quantity of no charge"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "acme", Plan = "basic", Quantities = new EquatableMap<decimal>([new("desks", 2m)]) }),
        ["plan in another currency"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "acme", Plan = "euro" }),
        ["customer in another currency"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "euro-customer", Plan = "basic" }),
        ["change to a plan in another currency"] = s => s.Engine.Subscriptions.ChangePlanAsync(Shop.Tenant, new ChangePlanRequest { SubscriptionId = "acme", Plan = "euro" }),
        ["child in another currency"] = s => Create(s, new CreateCustomerRequest { Id = "new", ParentId = "acme", Currency = "EUR" }),
        ["duplicate customer"] = s => Create(s, new CreateCustomerRequest { Id = "acme" }),
        ["duplicate child"] = s => Create(s, new CreateCustomerRequest { Id = "acme", ParentId = "acme" }),
        ["duplicate subscription"] = s => Subscribe(s, new SubscribeRequest { Id = "acme", CustomerId = "acme", Plan = "basic" }),
        ["duplicate subscription of another payer"] = s => Subscribe(s, new SubscribeRequest { Id = "acme", CustomerId = "euro-customer", Plan = "euro" }),
        ["misspelt task parameter"] = s => Configure(s, new TaskEntry { Stage = "gateway", Task = "test-gateway", Parameters = """{ "journalFiel": "x" }""" }),
        ["unknown task"] = s => Configure(s, new TaskEntry { Stage = "gateway", Task = "no-such-gateway" }),
        ["unknown stage"] = s => Configure(s, new TaskEntry { Stage = "gatewya", Task = "test-gateway" }),
        ["tiers with a gap at the end"] = s => s.PublishAsync(Shop.PlanOf("tiered", Shop.Recurring("seat", Price.Graduated(new PriceTier { UpTo = 10m, UnitAmount = 1m }, new PriceTier { UpTo = 20m, UnitAmount = 2m })))),
        ["tiers that descend"] = s => s.PublishAsync(Shop.PlanOf("tiered", Shop.Recurring("seat", Price.Graduated(new PriceTier { UpTo = 10m, UnitAmount = 1m }, new PriceTier { UpTo = 5m, UnitAmount = 2m }, new PriceTier { UnitAmount = 3m })))),
        ["charge on an unknown meter"] = s => s.PublishAsync(Shop.PlanOf("metered", Shop.Metered("calls", Price.PerUnit(1m), meter: "nothing"))),
        ["plan with an unknown currency"] = s => s.PublishAsync(Shop.PlanOf("odd", Shop.Recurring("seat", Price.Flat(1m))) with { Currency = "ZZZ" }),
        ["bad time zone"] = s => Create(s, new CreateCustomerRequest { Id = "new", TimeZone = "Mars/Olympus" }),
        ["bad time zone at a change"] = s => s.Engine.Customers.ChangeTimeZoneAsync(Shop.Tenant, "acme", "Mars/Olympus"),
        ["bad time zone of the tenant"] = s => s.Engine.Tenants.UpdateSettingsAsync(Shop.Tenant, new TenantSettings { TimeZone = "Mars/Olympus" }),
        ["bad billing day"] = s => Create(s, new CreateCustomerRequest { Id = "new", BillingDay = 32 }),
        ["bad billing day of a subscription"] = s => Subscribe(s, new SubscribeRequest { Id = "new", CustomerId = "acme", Plan = "basic", BillingDay = 0 }),
        ["unknown coupon"] = s => s.Engine.Coupons.ApplyAsync(Shop.Tenant, "nothing", "acme", null),
        ["credit below zero"] = s => s.Engine.Credits.GrantAsync(Shop.Tenant, new GrantCreditRequest { CustomerId = "acme", Id = "gift", Amount = -5m }),
        ["card number for a token"] = s => s.Engine.Payments.AddMethodAsync(Shop.Tenant, new AddPaymentMethodRequest { Id = "card", CustomerId = "acme", Type = "card", Token = "4242424242424242" }),
        ["unknown usage to correct"] = s => s.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = "nothing", Remove = true }),
    };

    private static readonly Dictionary<string, (string Code, string Subject, string Id, string Key)> Answers = new(StringComparer.Ordinal)
    {
        ["unknown plan"] = ("unknown-plan", "plan", "nothing", "code"),
        ["unknown plan at a change"] = ("unknown-plan", "plan", "nothing", "code"),
        ["unknown customer"] = ("not-found", "customer", "nobody", "id"),
        ["unknown customer of a charge"] = ("not-found", "customer", "nobody", "id"),
        ["unknown subscription"] = ("not-found", "subscription", "nothing", "id"),
        ["unknown parent"] = ("not-found", "customer", "nobody", "id"),
        ["negative quantity"] = ("negative-quantity", "subscription", "new", "quantity"),
        ["negative quantity at a change"] = ("negative-quantity", "subscription", "acme", "quantity"),
        ["quantity of no charge"] = ("validation", "subscription", "new", "quantities.desks"),
        ["plan in another currency"] = ("currency-mismatch", "subscription", "new", "plan"),
        ["customer in another currency"] = ("currency-mismatch", "subscription", "new", "plan"),
        ["change to a plan in another currency"] = ("currency-mismatch", "subscription", "acme", "plan"),
        ["child in another currency"] = ("currency-mismatch", "customer", "new", "currency"),
        ["duplicate customer"] = ("duplicate", "customer", "acme", "id"),
        ["duplicate child"] = ("duplicate", "customer", "acme", "id"),
        ["duplicate subscription"] = ("duplicate", "subscription", "acme", "id"),
        ["duplicate subscription of another payer"] = ("duplicate", "subscription", "acme", "id"),
        ["misspelt task parameter"] = ("validation", "task", "gateway/test-gateway", "journalFiel"),
        ["unknown task"] = ("validation", "task", "gateway/no-such-gateway", "task"),
        ["unknown stage"] = ("validation", "task", "gatewya/test-gateway", "stage"),
        ["tiers with a gap at the end"] = ("validation", "plan", "tiered", "charges[seat].price.tiers[1].upTo"),
        ["tiers that descend"] = ("validation", "plan", "tiered", "charges[seat].price.tiers[1].upTo"),
        ["charge on an unknown meter"] = ("unknown-meter", "plan", "metered", "charges[calls].meter"),
        ["plan with an unknown currency"] = ("validation", "plan", "odd", "currency"),
        ["bad time zone"] = ("validation", "time zone", "Mars/Olympus", "timeZone"),
        ["bad time zone at a change"] = ("validation", "time zone", "Mars/Olympus", "timeZone"),
        ["bad time zone of the tenant"] = ("validation", "tenant", "scenario", "settings.timeZone"),
        ["bad billing day"] = ("validation", "customer", "new", "billingDay"),
        ["bad billing day of a subscription"] = ("validation", "subscription", "new", "billingDay"),
        ["unknown coupon"] = ("not-found", "coupon", "nothing", "id"),
        ["credit below zero"] = ("validation", "credit", "gift", "amount"),
        ["card number for a token"] = ("validation", "payment method", "card", "token"),
        ["unknown usage to correct"] = ("not-found", "usage event", "nothing", "id"),
    };

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var mistake in Mistakes.Keys)
        {
            data.Add(Stores.Memory, mistake);
            data.Add(Stores.Sqlite, mistake);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_mistake_is_refused_by_name_and_nothing_of_it_is_written(string store, string mistake)
    {
        await using var shop = await OpenAsync(store);
        var before = await shop.DigestAsync();

        var error = await Assert.ThrowsAsync<BillingException>(() => Mistakes[mistake](shop));

        Assert.Equal(Answers[mistake], (error.Code, error.Subject, error.SubjectId, error.Key));
        Assert.Contains(error.SubjectId!, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await shop.DigestAsync());
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Wrong_usage_is_an_answer_and_stores_nothing_of_that_event(string store)
    {
        await using var shop = await OpenAsync(store);
        var day = new LocalDate(2026, 1, 5);
        var before = await shop.DigestAsync();
        UsageEntry[] wrong =
        [
            new() { CustomerId = "caller", Event = new UsageEvent { Id = "no-field", Type = "call", At = Shop.Midnight(day) } },
            Shop.Call("caller", "no-number", day, "ten"),
            Shop.Call("caller", "exponent", day, "1e3"),
            Shop.Call("nobody", "no-customer", day, "10"),
        ];

        var results = await shop.Engine.Usage.RecordAsync(Shop.Tenant, wrong);

        Assert.All(results, r => Assert.Equal(UsageStatus.Rejected, r.Status));
        Assert.Equal(["validation", "validation", "validation", "not-found"], results.Select(r => r.Code));
        Assert.Contains("no-field", results[0].Message!, StringComparison.Ordinal);
        Assert.Contains("minutes", results[0].Message!, StringComparison.Ordinal);
        Assert.Equal(before, await shop.DigestAsync());
        Assert.Equal(UsageStatus.Accepted, (await shop.Engine.Usage.RecordAsync(Shop.Tenant, [wrong[0], Shop.Call("caller", "right", day, "10")]))[1].Status);
        Assert.Equal(10m, (await shop.Engine.Usage.GetCurrentAsync(Shop.Tenant, "caller"))["minutes"]);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task An_unknown_tenant_is_refused_by_commands_and_runs(string store)
    {
        await using var shop = await OpenAsync(store);
        var stranger = new TenantId("stranger");
        var errors = new[]
        {
            await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Customers.CreateAsync(stranger, new CreateCustomerRequest { Id = "acme" })),
            await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Runs.BillAsync(stranger, shop.Clock.Now)),
            await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Usage.RecordAsync(stranger, [])),
        };
        Assert.All(errors, e => Assert.Equal(("not-found", "tenant", "stranger", "id"), (e.Code, e.Subject, e.SubjectId, e.Key)));
    }

    internal static async Task<Shop> OpenAsync(string store)
    {
        var shop = await Shop.OpenAsync(store, null, null, tasks => tasks.AddPlugin<TestGatewayPlugin>());
        await shop.PublishAsync(
            Shop.PlanOf("basic", Shop.Recurring("seat", Price.PerUnit(10m))),
            Shop.PlanOf("euro", Shop.Recurring("seat", Price.PerUnit(10m))) with { Currency = "EUR" },
            Shop.PlanOf("metered", Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("acme", "basic", quantity: 2m);
        await shop.SubscriberAsync("caller", "metered");
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "euro-customer", Currency = "EUR" });
        await shop.BillAsync(new LocalDate(2026, 1, 1));
        return shop;
    }

    private static Task Create(Shop shop, CreateCustomerRequest request) => shop.Engine.Customers.CreateAsync(Shop.Tenant, request);

    private static Task Subscribe(Shop shop, SubscribeRequest request) => shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, request);

    private static Task Configure(Shop shop, TaskEntry entry) => shop.Engine.Tenants.ConfigureTasksAsync(Shop.Tenant, [entry]);
}
