using System.Text.Json;
using Billing.Testing.Scenarios.Lifecycle;

namespace Billing.Scenarios;

public class LifecycleReadingTests
{
    [Theory]
    [InlineData("""{ "kind": "lifecycle", "timeline": [], "timelines": [] }""", "timelines")]
    [InlineData("""{ "kind": "lifecycle" }""", "timeline")]
    [InlineData("""{ "kind": "pricing", "timeline": [] }""", "kind")]
    [InlineData("""{ "kind": "lifecycle", "settings": { "timezone": "UTC" }, "timeline": [] }""", "settings.timezone")]
    [InlineData("""{ "kind": "lifecycle", "settings": { "timeZone": "Mars/Base" }, "timeline": [] }""", "settings.timeZone")]
    [InlineData("""{ "kind": "lifecycle", "settings": { "zeroInvoices": "hide" }, "timeline": [] }""", "settings.zeroInvoices")]
    [InlineData("""{ "kind": "lifecycle", "tasks": [ { "stage": "tax", "name": "x" } ], "timeline": [] }""", "tasks[0].task")]
    [InlineData("""{ "kind": "lifecycle", "catalog": { "plans": [ { "code": "p", "intervall": "month" } ] }, "timeline": [] }""", "catalog.plans[0].intervall")]
    public void A_key_that_is_wrong_outside_of_the_timeline_is_an_error_with_its_path(string json, string path) => AssertRefused(json, path);

    [Theory]
    [InlineData("""{ "at": "2024-01-01" }""", "timeline[0]")]
    [InlineData("""{ "createCustomer": { "id": "acme" } }""", "timeline[0].at")]
    [InlineData("""{ "at": "2024-01-01", "createCostumer": { "id": "acme" } }""", "timeline[0].createCostumer")]
    [InlineData("""{ "at": "2024-01-01", "createCustomer": { "id": "acme" }, "expect": {} }""", "timeline[0].expect")]
    [InlineData("""{ "at": "2024-01-01", "createCustomer": { "id": "acme" }, "remark": "x" }""", "timeline[0].remark")]
    [InlineData("""{ "at": "2024-13-01", "createCustomer": { "id": "acme" } }""", "timeline[0].at")]
    [InlineData("""{ "at": "2024-01-01", "createCustomer": { "id": "acme", "billingday": 1 } }""", "timeline[0].createCustomer.billingday")]
    [InlineData("""{ "at": "2024-01-01", "subscribe": { "id": "s", "customer": "acme", "plan": "p", "overrides": { "base": { "model": "flat", "amount": "1", "amont": "1" } } } }""", "timeline[0].subscribe.overrides.base.amont")]
    [InlineData("""{ "at": "2024-01-01", "cancel": { "subscription": "s", "when": "soon" } }""", "timeline[0].cancel.when")]
    [InlineData("""{ "at": "2024-01-01", "addPaymentMethod": { "id": "c", "customer": "acme", "type": "card", "behavior": ["succed"] } }""", "timeline[0].addPaymentMethod.behavior[0]")]
    [InlineData("""{ "at": "2024-01-01", "addPaymentMethod": { "id": "c", "customer": "acme", "type": "cart" } }""", "timeline[0].addPaymentMethod.type")]
    [InlineData("""{ "at": "2024-01-01", "pay": { "invoice": "acme" } }""", "timeline[0].pay.invoice")]
    [InlineData("""{ "at": "2024-01-01", "pay": { "invoice": "acme#1", "amount": "1e2" } }""", "timeline[0].pay.amount")]
    [InlineData("""{ "at": "2024-01-01", "usage": { "events": [] } }""", "timeline[0].usage")]
    [InlineData("""{ "at": "2024-01-01", "usage": { "customer": "acme", "events": [ { "id": "1", "at": "2024-01-01", "type": "t", "value": 1 } ] } }""", "timeline[0].usage.events[0].value")]
    [InlineData("""{ "at": "2024-01-01", "correctUsage": { "id": "1" } }""", "timeline[0].correctUsage")]
    [InlineData("""{ "at": "2024-01-01", "changeBillingDay": { "billingDay": 3 } }""", "timeline[0].changeBillingDay")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "customer": "acme", "invoises": [] } }""", "timeline[0].expect.invoises")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "invoices": [] } }""", "timeline[0].expect.customer")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "customer": "acme", "invoices": [ { "sum": "1" } ] } }""", "timeline[0].expect.invoices[0].sum")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "customer": "acme", "invoices": [ { "lines": [ {}, { "kind": "usage" } ] } ] } }""", "timeline[0].expect.invoices[0].lines[1].kind")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "customer": "acme", "payments": [ { "status": "failed" } ] } }""", "timeline[0].expect.payments[0].status")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "customer": "acme", "subscriptions": { "s": { "status": "active" } } } }""", "timeline[0].expect.subscriptions.s.status")]
    [InlineData("""{ "at": "2024-01-01", "expect": { "customer": "acme", "preview": true, "invoices": [], "balance": "1" } }""", "timeline[0].expect.balance")]
    [InlineData("""{ "at": "2024-01-01", "expectError": { "error": "validation", "step": { "expect": {} } } }""", "timeline[0].expectError.step.expect")]
    [InlineData("""{ "at": "2024-01-01", "expectError": { "error": "validation", "step": { "pay": { "invoice": "acme#1", "sum": 1 } } } }""", "timeline[0].expectError.step.pay.sum")]
    [InlineData("""{ "at": "2024-01-01", "expectError": { "step": { "pay": { "invoice": "acme#1" } } } }""", "timeline[0].expectError.error")]
    public void A_key_that_is_wrong_in_a_step_is_an_error_with_its_path(string step, string path) =>
        AssertRefused($$"""{ "kind": "lifecycle", "timeline": [ {{step}} ] }""", path);

    [Fact]
    public void Time_never_goes_back() => AssertRefused(
        """{ "kind": "lifecycle", "timeline": [ { "at": "2024-02-01", "expect": {} }, { "at": "2024-01-31T23:59:59", "expect": {} } ] }""", "timeline[1].at");

    [Fact]
    public void Settings_that_are_not_written_have_the_defaults_of_the_SDK()
    {
        var scenario = LifecycleScenario.Read(Parse("""{ "kind": "lifecycle", "settings": { "prorationBasis": "thirtyDayMonth", "autoCollect": false }, "timeline": [] }"""), "x/y.json");

        Assert.Equal(new TenantSettings { ProrationBasis = ProrationBasis.ThirtyDayMonth, AutoCollect = false }, scenario.Settings);
        Assert.Equal("y", scenario.Name);
    }

    [Fact]
    public void Parameters_of_tasks_are_kept_as_they_are_written()
    {
        var scenario = LifecycleScenario.Read(Parse("""{ "kind": "lifecycle", "tasks": [ { "stage": "tax", "task": "flat-rate-tax", "order": 10, "parameters": { "rates": [ 1.50 ] } } ], "timeline": [] }"""), "y.json");

        var task = Assert.Single(scenario.Tasks);
        Assert.Equal(("tax", "flat-rate-tax", 10), (task.Stage, task.Task, task.Order));
        Assert.Equal("""{ "rates": [ 1.50 ] }""", task.Parameters);
    }

    private static void AssertRefused(string json, string path)
    {
        var error = Assert.Throws<BillingException>(() => LifecycleScenario.Read(Parse(json), "memory.json"));

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Equal(path, error.Key);
    }

    private static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
