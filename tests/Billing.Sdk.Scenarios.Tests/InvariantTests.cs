using Billing.Invoicing;
using Billing.Ledger;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Lifecycle;
using NodaTime;
using static Billing.Scenarios.Documents;

namespace Billing.Scenarios;

/// <summary>The invariants on states made by hand.</summary>
public class InvariantTests
{
    private static readonly Instant _january = Day(2024, 1, 1);
    private static readonly Instant _middle = Day(2024, 1, 16);
    private static readonly Instant _february = Day(2024, 2, 1);
    private static readonly Instant _march = Day(2024, 3, 1);

    [Fact]
    public async Task Periods_that_follow_one_another_cover_no_time_twice() => Assert.Empty(await Covered(
        Recurring(10m, _january, _february), Recurring(10m, _february, _march)));

    [Fact]
    public async Task A_period_billed_again_is_found() => Assert.Contains("'base' of 's1'", Assert.Single(await Covered(
        Recurring(10m, _january, _february), Recurring(10m, _january, _february))), StringComparison.Ordinal);

    [Fact]
    public async Task A_part_of_a_period_billed_again_is_found() => Assert.Contains("billed 2 times", Assert.Single(await Covered(
        Recurring(10m, _january, _february), Recurring(10m, _middle, _march))), StringComparison.Ordinal);

    [Fact]
    public async Task Time_that_was_given_back_may_be_billed_again() => Assert.Empty(await Covered(
        Recurring(10m, _january, _february), Credit(-5m, _middle, _february), Recurring(8m, _middle, _february)));

    [Fact]
    public async Task Time_that_was_given_back_twice_is_found() => Assert.Contains("given back 2 times", Assert.Single(await Covered(
        Recurring(10m, _january, _february), Credit(-5m, _middle, _february), Credit(-5m, _middle, _february))), StringComparison.Ordinal);

    [Fact]
    public async Task Another_charge_or_subscription_may_cover_the_same_time() => Assert.Empty(await Covered(
        Recurring(10m, _january, _february),
        Line(InvoiceLineType.Recurring, "seats", 10m, _january, _february),
        Recurring(10m, _january, _february) with { SubscriptionId = "s2" }));

    [Fact]
    public async Task Layers_of_quantity_stand_beside_one_another() => Assert.Empty(await Covered(
        Recurring(50m, _january, _february) with { LayerFrom = 0m, LayerTo = 5m },
        Recurring(15m, _middle, _february) with { LayerFrom = 5m, LayerTo = 8m },
        Credit(-5m, _middle, _february) with { LayerFrom = 7m, LayerTo = 8m }));

    [Fact]
    public async Task Layers_that_overlap_are_found() => Assert.Single(await Covered(
        Recurring(50m, _january, _february) with { LayerFrom = 0m, LayerTo = 5m },
        Recurring(20m, _middle, _february) with { LayerFrom = 4m, LayerTo = 8m }));

    [Fact]
    public async Task Usage_is_billed_again_only_as_a_revision_of_its_key()
    {
        var first = Line(InvoiceLineType.Usage, "calls", 5m, _january, _february);

        Assert.Empty(await Covered(first, first with { Id = Guid.Empty, Revision = 2, Amount = 1m }));
        Assert.Contains("usage 'calls'", Assert.Single(await Covered(first, Line(InvoiceLineType.Usage, "calls", 5m, _middle, _february))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_credit_note_or_a_void_took_back_is_no_fault()
    {
        var plan = Recurring(20m, _middle, _february) with { Plan = "max", RecordedAt = _middle };

        Assert.Empty(await Covered(Recurring(10m, _january, _february) with { CreditedAmount = 5m }, plan));
        Assert.Empty(await Covered(Recurring(10m, _january, _february) with { Voided = true }, plan));
        Assert.Empty(await Covered(Recurring(0.01m, _january, _february), plan));
    }

    [Fact]
    public async Task Where_unused_time_is_not_given_back_a_new_plan_may_cover_it_and_the_same_may_not()
    {
        const string settings = """{ "unusedTimeCredit": "none" }""";
        var old = Recurring(10m, _january, _february);

        Assert.Empty(await Covered(settings, old, Recurring(20m, _middle, _february) with { Plan = "max" }));
        Assert.Single(await Covered(settings, old, Recurring(10m, _middle, _february)));
    }

    [Fact]
    public async Task A_preview_with_the_figures_of_the_run_is_equal_whatever_the_ids()
    {
        var document = Invoice(Recurring(10m, _january, _february) with { Key = "k" });
        var other = document with { Invoice = document.Invoice with { Id = Guid.Empty, Number = "INV-1", SeriesNumber = 1 }, Lines = [.. document.Lines.Select(l => l with { Id = Guid.Empty })] };

        Assert.Empty(await Previewed(document, other));
    }

    [Fact]
    public async Task A_preview_that_differs_in_a_line_or_an_invoice_is_found()
    {
        var document = Invoice(Recurring(10m, _january, _february) with { Key = "k" });
        var other = document with { Lines = [.. document.Lines.Select(l => l with { Tax = 1m })] };

        Assert.Contains("previewed invoice 1, line 1", Assert.Single(await Previewed(document, other)), StringComparison.Ordinal);
        Assert.Contains("previewed invoice 1: ", Assert.Single(await Previewed(document, null)), StringComparison.Ordinal);
        Assert.Contains("produced invoice 1: ", Assert.Single(await Previewed(null, document)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receivable_account_that_is_not_the_sum_of_open_invoices_is_found()
    {
        var document = Invoice(Recurring(10m, _january, _february));
        LedgerEntry[] right = [Entry(LedgerAccounts.Receivable, 10m), Entry(LedgerAccounts.Revenue, -10m)];
        LedgerEntry[] wrong = [Entry(LedgerAccounts.Receivable, 9m), Entry(LedgerAccounts.Revenue, -9m)];

        Assert.Empty(await Find(new ReceivableEqualsOpenInvoices(), "{}", [document], [], right));
        Assert.Equal("'acme': receivable 9.00, open 10.00 USD", Assert.Single(await Find(new ReceivableEqualsOpenInvoices(), "{}", [document], [], wrong)));
        Assert.Equal("'acme': receivable 10.00, open 0.00 USD", Assert.Single(await Find(new ReceivableEqualsOpenInvoices(), "{}", [], [], right)));
    }

    private static InvoiceLine Recurring(decimal amount, Instant from, Instant to) => Line(InvoiceLineType.Recurring, "base", amount, from, to);

    private static InvoiceLine Credit(decimal amount, Instant from, Instant to) => Line(InvoiceLineType.Credit, "base", amount, from, to);

    private static LedgerEntry Entry(string account, decimal amount) => new()
    {
        Tenant = ScenarioHost.Tenant,
        Id = Guid.Empty,
        PayerId = "acme",
        TransactionId = Guid.Empty,
        Account = account,
        Currency = "USD",
        Amount = amount,
        AccountingDate = new LocalDate(2024, 1, 15),
    };

    private static Task<IReadOnlyList<string>> Covered(params InvoiceLine[] lines) => Covered("{}", lines);

    private static Task<IReadOnlyList<string>> Covered(string settings, params InvoiceLine[] lines) =>
        Find(new NoTimeIsBilledTwice(), settings, [.. lines.Select(l => Invoice(l))], []);

    private static Task<IReadOnlyList<string>> Previewed(InvoiceDocument? previewed, InvoiceDocument? produced) =>
        Find(new PreviewEqualsRun(), "{}", [], [new ObservedRun("acme", _january, previewed is null ? [] : [previewed], produced is null ? [] : [produced])]);

    private static async Task<IReadOnlyList<string>> Find(
        IScenarioInvariant invariant, string settings, InvoiceDocument[] invoices, ObservedRun[] runs, params LedgerEntry[] ledger)
    {
        using var json = System.Text.Json.JsonDocument.Parse($$"""{ "kind": "lifecycle", "settings": {{settings}}, "timeline": [] }""");
        await using var host = await ScenarioHost.StartAsync(new ScenarioRunnerOptions { UseStore = WrongStore.With(store => store.AnswerLedger(ledger)) }, _january);
        var moment = new ScenarioMoment
        {
            Host = host,
            Scenario = LifecycleScenario.Read(json.RootElement, "memory.json"),
            Payers = ["acme"],
            Invoices = invoices,
            Runs = runs,
        };
        return await invariant.FindViolationsAsync(moment, CancellationToken.None);
    }
}
