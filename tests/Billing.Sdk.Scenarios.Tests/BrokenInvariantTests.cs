using Billing.Invoicing;
using Billing.Ledger;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Tax;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Lifecycle;
using NodaTime;

namespace Billing.Scenarios;

/// <summary>A right engine over a wrong store, or with a wrong task: the runner names the very invariant that it breaks.</summary>
public class BrokenInvariantTests
{
    private const string Scenario = """
        { "kind": "lifecycle", "name": "three months", {0}
          "catalog": { "plans": [ { "code": "pro", "charges": [ { "code": "base", "type": "recurring", "timing": "inAdvance", "price": { "model": "flat", "amount": "31" } } ] } ] },
          "timeline": [
            { "at": "2024-01-15", "createCustomer": { "id": "acme" } },
            { "at": "2024-01-15", "subscribe": { "id": "s1", "customer": "acme", "plan": "pro" } },
            { "at": "2024-03-20", "expect": { "customer": "acme", "invoiceCount": 3 } } ] }
        """;

    [Fact]
    public async Task Nothing_is_wrong_with_a_right_store() => Assert.Empty((await RunAsync(new ScenarioRunnerOptions())).Failures);

    [Fact]
    public async Task A_posting_that_is_a_cent_short_breaks_the_balance_of_debits_and_credits() => await AssertBrokenAsync<DebitsEqualCredits>(
        WrongStore.With(store => store.ChangeRows(row =>
            row is LedgerEntry { Account: LedgerAccounts.Revenue or LedgerAccounts.DeferredRevenue } entry ? entry with { Amount = entry.Amount + 0.01m } : row)));

    [Fact]
    public async Task A_posting_to_another_account_breaks_the_receivable() => await AssertBrokenAsync<ReceivableEqualsOpenInvoices>(
        WrongStore.With(store => store.ChangeRows(row =>
            row is LedgerEntry { Account: LedgerAccounts.Receivable } entry ? entry with { Account = LedgerAccounts.BadDebt } : row)));

    [Fact]
    public async Task Lines_that_are_lost_let_a_repeated_run_bill_again() => await AssertBrokenAsync<RepeatedRunProducesNothing>(
        WrongStore.With(store =>
        {
            store.ChangeRows(row => row is InvoiceLine ? null : row);
            store.Change(nameof(IBillingStorage.SplitDueAsync), (_, _) => Task.FromResult(new DueRanges(1, [])));
            store.Change(nameof(IBillingStorage.ReadDueRangeAsync), (right, arguments) => WithAcme(right(arguments), arguments));
            store.Change(nameof(IBillingStorage.ReadPayersAsync), (right, arguments) => DueFromTheStart(right(arguments)));
        }));

    [Fact]
    public async Task A_line_written_with_an_earlier_start_covers_time_twice() => await AssertBrokenAsync<NoTimeIsBilledTwice>(
        WrongStore.With(store => store.ChangeRows(row =>
            row is InvoiceLine { From: { } from } line && from > Documents.Day(2024, 2, 1) ? line with { From = from - Duration.FromDays(10) } : row)));

    [Fact]
    public async Task A_tax_that_changes_from_call_to_call_makes_the_run_differ_from_its_preview()
    {
        var options = new ScenarioRunnerOptions { Plugins = [tasks => tasks.AddPlugin("test", new MoodyTaxPlugin())] };
        var result = await RunAsync(options, """ "tasks": [ { "stage": "tax", "task": "moody" } ], """);

        AssertReported<PreviewEqualsRun>(result);
    }

    [Fact]
    public async Task Work_that_stays_due_is_reported_instead_of_awaited_for_ever()
    {
        var result = await RunAsync(new ScenarioRunnerOptions
        {
            UseStore = WrongStore.With(store => store.Change(nameof(IBillingStorage.ReadNextDueAsync), (_, arguments) => Task.FromResult<DueItem?>(Due(arguments[1])))),
        });

        Assert.Contains(result.Failures, f => f.Actual.Contains("runs do not settle", StringComparison.Ordinal));
    }

    private static async Task AssertBrokenAsync<T>(Func<BillingBuilder, IDisposable?> store)
        where T : IScenarioInvariant, new() => AssertReported<T>(await RunAsync(new ScenarioRunnerOptions { UseStore = store }));

    private static void AssertReported<T>(ScenarioCaseResult result)
        where T : IScenarioInvariant, new() =>
        Assert.Contains(result.Failures, f => f.Expected == $"invariant '{new T().Name}'");

    private static async Task<ScenarioCaseResult> RunAsync(ScenarioRunnerOptions options, string tasks = "")
    {
        using var json = System.Text.Json.JsonDocument.Parse(Scenario.Replace("{0}", tasks, StringComparison.Ordinal));
        return Assert.Single(await new ScenarioRunner(options).RunAsync(json.RootElement, "memory.json"));
    }

    private static async Task<IReadOnlyList<DueItem>> WithAcme(object? right, object?[] arguments)
    {
        var due = await (Task<IReadOnlyList<DueItem>>)right!;
        return arguments[1] is DueKind.Billing && due.Count == 0 ? [Due(arguments[1])] : due;
    }

    private static async Task<IReadOnlyList<PayerSnapshot>> DueFromTheStart(object? right) =>
        [.. (await (Task<IReadOnlyList<PayerSnapshot>>)right!).Select(s => s with { Due = [.. s.Due.Select(d => d.Kind == DueKind.Billing ? d with { DueAt = Documents.Day(2024, 1, 15) } : d)] })];

    private static DueItem Due(object? kind) => new() { Tenant = ScenarioHost.Tenant, Kind = (DueKind)kind!, PayerId = "acme", DueAt = Documents.Day(2024, 1, 15) };

    private sealed class MoodyTaxPlugin : IBillingPlugin
    {
        public void Configure(IPluginBuilder builder) => builder.AddTask<ITaxCalculator>("moody", _ => new MoodyTax());
    }

    private sealed class MoodyTax : TaxCalculator
    {
        private int _calls;

        protected override ValueTask<TaxResult> CalculateAsync(TaxRequest request, CancellationToken cancellationToken)
        {
            var rate = new TaxRate { Code = "mood", Percent = Interlocked.Increment(ref _calls) };
            return ValueTask.FromResult(new TaxResult([.. request.Lines.Select(_ => (IReadOnlyList<TaxRate>)[rate])]));
        }
    }
}
