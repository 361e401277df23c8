using Billing.Catalog;
using Billing.Credits;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class IdempotencyTests
{
    /// <summary>Each command, with a first request and another one; the answer is what the facade returns.</summary>
    private static readonly Dictionary<string, Func<Shop, CommandContext, bool, Task<object>>> Commands = new(StringComparer.Ordinal)
    {
        ["subscribe"] = async (s, c, other) => await s.Engine.Subscriptions.SubscribeAsync(c, new SubscribeRequest { Id = other ? "two" : "one", CustomerId = "acme", Plan = "basic", Quantities = new EquatableMap<decimal>([new("seat", 3m)]) }),
        ["change plan"] = async (s, c, other) => await s.Engine.Subscriptions.ChangePlanAsync(c, new ChangePlanRequest { SubscriptionId = "acme", Plan = "basic", Quantity = other ? 4m : 3m }),
        ["change quantity"] = async (s, c, other) => await s.Engine.Subscriptions.ChangeQuantityAsync(c, new ChangeQuantityRequest { SubscriptionId = "acme", Quantity = other ? 4m : 3m }),
        ["cancel"] = async (s, c, other) => await s.Engine.Subscriptions.CancelAsync(c, new CancelRequest { SubscriptionId = "acme", When = other ? ChangeTime.EndOfPeriod : ChangeTime.Immediately }),
        ["pause"] = async (s, c, other) => await s.Engine.Subscriptions.PauseAsync(c, new PauseRequest { SubscriptionId = "acme", Credit = !other }),
        ["create customer"] = async (s, c, other) => await s.Engine.Customers.CreateAsync(c, new CreateCustomerRequest { Id = other ? "two" : "one", Name = "One" }),
        ["create child"] = async (s, c, other) => await s.Engine.Customers.CreateAsync(c, new CreateCustomerRequest { Id = other ? "two" : "one", ParentId = "acme" }),
        ["change time zone"] = async (s, c, other) => await s.Engine.Customers.ChangeTimeZoneAsync(c, "acme", other ? "Asia/Tokyo" : "Europe/Berlin"),
        ["publish catalog"] = async (s, c, other) => await s.Engine.Catalog.PublishAsync(c, CatalogOf(other ? 12m : 11m)),
        ["configure tasks"] = async (s, c, other) => await s.Engine.Tenants.ConfigureTasksAsync(c, [new TaskEntry { Stage = "gateway", Task = "test-gateway", Order = other ? 2 : 1 }]),
        ["update settings"] = async (s, c, other) => await s.Engine.Tenants.UpdateSettingsAsync(c, new TenantSettings { PaymentTermDays = other ? 10 : 14 }),
        ["add charge"] = async (s, c, other) => await s.Engine.Charges.AddAsync(c, new AddChargeRequest { CustomerId = "acme", Amount = other ? 6m : 5m }),
        ["pay"] = async (s, c, other) => await s.Engine.Payments.PayAsync(c, new PayRequest { InvoiceId = await InvoiceAsync(s), Amount = other ? 6m : 5m }),
        ["grant credit"] = async (s, c, other) => await s.Engine.Credits.GrantAsync(c, new GrantCreditRequest { CustomerId = "acme", Id = other ? "two" : "one", Amount = 5m }),
        ["adjust balance"] = async (s, c, other) => await s.Engine.Credits.AdjustBalanceAsync(c, "acme", other ? 6m : 5m),
        ["credit note"] = async (s, c, other) => await s.Engine.Credits.IssueNoteAsync(c, new CreditNoteRequest { InvoiceId = await InvoiceAsync(s), Amount = other ? 6m : 5m }),
        ["add payment method"] = async (s, c, other) => await s.Engine.Payments.AddMethodAsync(c, new AddPaymentMethodRequest { Id = other ? "two" : "one", CustomerId = "acme", Type = "manual", Token = "" }),
        ["correct usage"] = async (s, c, other) => await CorrectAsync(s, c, new CorrectUsageRequest { Id = "noted", Properties = new EquatableMap<string>([new("minutes", other ? "4" : "3")]) }),
        ["remove usage"] = async (s, c, other) => await CorrectAsync(s, c, new CorrectUsageRequest { Id = other ? "other" : "noted", Remove = true }),
        ["void"] = async (s, c, other) => await s.Engine.Invoices.VoidAsync(c, other ? (await s.InvoicesAsync("caller"))[0].Invoice.Id : await InvoiceAsync(s)),
    };

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var command in Commands.Keys)
        {
            data.Add(Stores.Memory, command);
            data.Add(Stores.Sqlite, command);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_same_request_under_one_key_has_one_answer_and_another_request_is_a_conflict(string store, string command)
    {
        await using var shop = await OpenAsync(store);
        var context = new CommandContext(Shop.Tenant) { IdempotencyKey = "key-1" };
        var answer = await Commands[command](shop, context, false);
        var after = await shop.DigestAsync();
        shop.Clock.Advance(Duration.FromHours(1));

        var again = await Commands[command](shop, context, false);

        Assert.Equal(answer, again);
        Assert.Equal(after, await shop.DigestAsync());
        var error = await Assert.ThrowsAsync<BillingException>(() => Commands[command](shop, context, true));
        Assert.Equal(("conflict", "command", "idempotencyKey"), (error.Code, error.Subject, error.Key));
        Assert.Equal(after, await shop.DigestAsync());
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task One_key_serves_two_kinds_of_commands(string store)
    {
        await using var shop = await OpenAsync(store);
        var context = new CommandContext(Shop.Tenant) { IdempotencyKey = "key-1" };
        await Commands["add charge"](shop, context, false);
        await Commands["grant credit"](shop, context, false);
        Assert.Single(await shop.Engine.Credits.ListGrantsAsync(Shop.Tenant, "acme"));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Usage_that_is_removed_can_be_removed_again_without_a_key(string store)
    {
        await using var shop = await OpenAsync(store);
        var removal = new CorrectUsageRequest { Id = "noted", Remove = true };
        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, removal);
        var after = await shop.DigestAsync();

        await shop.Engine.Usage.CorrectAsync(Shop.Tenant, removal);

        Assert.Equal(after, await shop.DigestAsync());
        Assert.Equal(0m, (await shop.Engine.Usage.GetCurrentAsync(Shop.Tenant, "caller"))["minutes"]);
        var changed = new CorrectUsageRequest { Id = "noted", Properties = new EquatableMap<string>([new("minutes", "5")]) };
        var error = await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Usage.CorrectAsync(Shop.Tenant, changed));
        Assert.Equal("not-found", error.Code);
    }

    private static async Task<object> CorrectAsync(Shop shop, CommandContext context, CorrectUsageRequest request)
    {
        await shop.Engine.Usage.CorrectAsync(context, request);
        return (await shop.Engine.Usage.GetCurrentAsync(Shop.Tenant, "caller"))["minutes"];
    }

    private static async Task<Shop> OpenAsync(string store)
    {
        var shop = await BadInputTests.OpenAsync(store);
        await shop.Engine.Charges.AddAsync(Shop.Tenant, new AddChargeRequest { CustomerId = "caller", Amount = 7m, InvoiceNow = true });
        shop.Clock.Advance(Duration.FromHours(1));
        await shop.BillAsync(shop.Clock.Now);
        await shop.CallAsync("caller", "noted", shop.Clock.Now.InUtc().Date, "8");
        return shop;
    }

    private static CatalogDefinition CatalogOf(decimal price) => new()
    {
        Plans = [Shop.PlanOf("extra", Shop.Recurring("seat", Price.Graduated(new PriceTier { UpTo = 5m, UnitAmount = price }, new PriceTier { UnitAmount = 1m })))],
    };

    private static async Task<Guid> InvoiceAsync(Shop shop) => (await shop.InvoicesAsync("acme"))[0].Invoice.Id;
}
