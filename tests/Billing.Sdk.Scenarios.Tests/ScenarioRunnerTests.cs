using System.Text.Json;
using Billing.Storage;
using Billing.Testing.Scenarios;

namespace Billing.Scenarios;

/// <summary>The runner with the engine, on tiny scenarios.</summary>
public class ScenarioRunnerTests
{
    private const string Catalog = """
        "catalog": { "plans": [ { "code": "pro", "charges": [ { "code": "base", "type": "recurring", "timing": "inAdvance", "price": { "model": "flat", "amount": "20" } } ] } ] },
        """;

    private const string Start = """
        { "at": "2024-01-15", "createCustomer": { "id": "acme" } },
        { "at": "2024-01-15", "subscribe": { "id": "s1", "customer": "acme", "plan": "pro" } },
        """;

    [Fact]
    public async Task Right_figures_pass()
    {
        var result = await RunAsync("""
            { "at": "2024-01-15", "expect": { "customer": "acme", "invoiceCount": 1, "balance": "20.00", "invoices": [ { "total": "20.00", "date": "2024-01-15", "status": "open",
                "lines": [ { "type": "recurring", "charge": "base", "from": "2024-01-15", "to": "2024-02-15", "amount": "20" } ] } ],
                "subscriptions": { "s1": { "state": "active", "plan": "pro", "period": ["2024-01-15", "2024-02-15"], "quantity": 1 } },
                "ledger": { "receivable": "20" } } }
            """);

        Assert.Equal("PASS tiny.json#tiny", result.ToString());
    }

    [Fact]
    public async Task A_wrong_figure_fails_with_its_path()
    {
        var result = await RunAsync("""{ "at": "2024-01-15", "expect": { "customer": "acme", "invoices": [ { "total": "21.00" } ] } }""");

        Assert.Equal("FAIL tiny.json#tiny: timeline[2].expect.invoices[0].total: expected 21, was 20", Assert.Single(result.Failures).ToString());
    }

    [Fact]
    public async Task Lists_hold_what_is_new_since_they_were_named_last()
    {
        var result = await RunAsync("""
            { "at": "2024-02-15", "expect": { "customer": "acme", "invoiceCount": 2 } },
            { "at": "2024-02-15", "expect": { "customer": "acme", "invoices": [ { "date": "2024-01-15" }, { "date": "2024-02-15" } ] } },
            { "at": "2024-02-15", "expect": { "customer": "acme", "invoices": [] } },
            { "at": "2024-04-15", "expect": { "customer": "acme", "invoices": [ { "date": "2024-03-15" }, { "date": "2024-04-15" } ], "invoiceCount": 4 } }
            """);

        Assert.Empty(result.Failures);
    }

    [Fact]
    public async Task A_preview_is_compared_and_changes_nothing()
    {
        var result = await RunAsync("""
            { "at": "2024-01-20", "expect": { "customer": "acme", "preview": true, "invoices": [ { "date": "2024-02-15", "total": "20" } ] } },
            { "at": "2024-01-20", "expect": { "customer": "acme", "invoices": [ { "date": "2024-01-15" } ] } }
            """);

        Assert.Empty(result.Failures);
    }

    [Fact]
    public async Task A_step_that_is_refused_as_expected_passes()
    {
        var result = await RunAsync("""{ "at": "2024-01-16", "expectError": { "error": "unknown-plan", "step": { "changePlan": { "subscription": "s1", "plan": "max" } } } }""");

        Assert.Empty(result.Failures);
    }

    [Fact]
    public async Task A_step_that_is_refused_with_another_code_or_not_at_all_fails()
    {
        var result = await RunAsync("""
            { "at": "2024-01-16", "expectError": { "error": "conflict", "step": { "changePlan": { "subscription": "s1", "plan": "max" } } } },
            { "at": "2024-01-16", "expectError": { "error": "not-found", "step": { "createCustomer": { "id": "bee" } } } }
            """);

        Assert.Contains(result.Failures, f => f.Path == "timeline[2].expectError.error" && f.Expected == "'conflict'" && f.Actual.StartsWith("'unknown-plan'", StringComparison.Ordinal));
        Assert.Contains(result.Failures, f => f is { Path: "timeline[3].expectError.error", Actual: "no error" });
    }

    [Fact]
    public async Task A_step_that_is_refused_unexpectedly_ends_the_scenario_with_its_code()
    {
        var result = await RunAsync("""
            { "at": "2024-01-16", "cancel": { "subscription": "s2" } },
            { "at": "2024-01-16", "cancel": { "subscription": "s3" } }
            """);

        var failure = Assert.Single(result.Failures);
        Assert.Equal("timeline[2].cancel", failure.Path);
        Assert.StartsWith("not-found: ", failure.Actual, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_engine_or_a_store_cannot_do_is_a_failure_and_not_a_crash()
    {
        var notSupported = WrongStore.With(store => store.Change(nameof(IBillingStorage.CommitAsync), (_, _) => throw new NotSupportedException("no writing")));
        var broken = WrongStore.With(store => store.Change(nameof(IBillingStorage.InitializeAsync), (_, _) => throw new InvalidOperationException("no disk")));

        Assert.Contains("not supported: ", Assert.Single((await RunAsync("""{ "at": "2024-01-16", "expect": {} }""", new() { UseStore = notSupported })).Failures).Actual, StringComparison.Ordinal);
        Assert.Equal("InvalidOperationException: no disk", Assert.Single((await RunAsync("""{ "at": "2024-01-16", "expect": {} }""", new() { UseStore = broken })).Failures).Actual);
    }

    private static async Task<ScenarioCaseResult> RunAsync(string steps, ScenarioRunnerOptions? options = null)
    {
        using var json = JsonDocument.Parse($$"""{ "kind": "lifecycle", "name": "tiny", {{Catalog}} "timeline": [ {{Start}} {{steps}} ] }""");
        return Assert.Single(await new ScenarioRunner(options).RunAsync(json.RootElement, "tiny.json"));
    }
}
