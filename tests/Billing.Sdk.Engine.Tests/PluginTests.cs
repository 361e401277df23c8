using System.Collections.Concurrent;
using Billing.Catalog;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Rating;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Tax;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>Tasks of plugins are called and have effect, each where its stage stands in the life of a subscription.</summary>
public sealed class PluginTests
{
    private static readonly LocalDate January = new(2026, 1, 1);

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_pricing_task_prices_usage_and_recurring_charges(string store)
    {
        var rule = new SquareRule();
        await using var shop = await OpenAsync<IPricingRule>(store, rule, "pricing", "tests.square");
        var price = new Price { Model = PriceModels.Custom, Task = "tests.square", Parameters = """{ "factor": 2 }""", IncludedQuantity = 1m };
        await shop.PublishAsync(Shop.PlanOf("square", Shop.Recurring("seats", price), Shop.Metered("calls", price)));
        await shop.SubscriberAsync("acme", "square", quantity: 4m);
        await shop.CallAsync("acme", "c1", new LocalDate(2026, 1, 7), "6");

        await shop.BillAsync(new LocalDate(2026, 2, 1));

        var sums = await shop.SumsByChargeAsync("acme");
        Assert.Equal(25m, sums["calls"]);
        Assert.Equal(9m + 9m, sums["seats"]);
        Assert.Contains(rule.Asked, r => r is { Quantity: 5m, Meter.Code: "minutes", Currency: "USD" } && r.Price.Parameters == price.Parameters && r.Events.Count == 1);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_composer_adds_its_line_once(string store)
    {
        var composer = new Surcharge();
        await using var shop = await OpenAsync<IInvoiceComposer>(store, composer, "composition", "tests.surcharge");
        await WithPlanAsync(shop);
        await shop.SubscriberAsync("acme", "basic");

        await shop.BillAsync(January);
        await shop.BillAsync(January);

        var document = Assert.Single(await shop.InvoicesAsync("acme"));
        Assert.Equal(10.50m, document.Invoice.Total);
        Assert.Equal([("Paper", 0.50m), ("seat", 10m)], document.Lines.Select(l => (l.Description, l.Amount)).Order());
        Assert.Equal(("acme", "USD", January), (composer.Asked.First().PayerId, composer.Asked.First().Currency, composer.Asked.First().Date));
        Assert.Equal("seat", Assert.Single(composer.Asked.First().Lines).Charge);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Tasks_are_asked_once_for_a_page_and_only_the_payer_that_cannot_be_answered_waits(string store)
    {
        var composer = new Surcharge();
        var tax = new PickyTax();
        await using var shop = await Shop.OpenAsync(store, null, null, Plugins.Task<IInvoiceComposer>("tests.surcharge", composer), Plugins.Task<ITaxCalculator>("tests.picky", tax));
        await shop.Engine.Tenants.ConfigureTasksAsync(Shop.Tenant, [new TaskEntry { Stage = "composition", Task = "tests.surcharge" }, new TaskEntry { Stage = "tax", Task = "tests.picky" }]);
        await WithPlanAsync(shop);
        string[] payers = ["p0", "p1", "p2", "p3", "p4", "p5", "p6"];
        foreach (var payer in payers)
        {
            await shop.SubscriberAsync(payer, "basic");
        }

        var run = await shop.BillAsync(January);

        Assert.Equal(payers.Except(["p3"]), run.Invoices.Select(i => i.PayerId).Order(StringComparer.Ordinal));
        Assert.All(run.Invoices, i => Assert.Equal(11.55m, i.Total));
        Assert.Equal("p3", Assert.Single(run.Quarantined).PayerId);
        Assert.Equal(payers.Length, tax.Batches.First());
        Assert.Equal(payers.Length, composer.Asked.Count);

        tax.Refused = null;
        var later = await shop.BillAsync(January.PlusDays(1));
        Assert.Equal(("p3", 11.55m), Assert.Single(later.Invoices.Select(i => (i.PayerId, i.Total))));
        Assert.All(await shop.InvoicesAsync("p3"), d => Assert.Equal([1, 1], d.Lines.Select(l => l.Revision)));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_numbering_format_chooses_series_and_print(string store)
    {
        await using var shop = await OpenAsync<IInvoiceNumberFormat>(store, new SeriesByLetter(), "numbering", "tests.series");
        await WithPlanAsync(shop);
        foreach (var customer in new[] { "a1", "a2", "b1" })
        {
            await shop.SubscriberAsync(customer, "basic");
        }

        var run = await shop.BillAsync(January);

        Assert.Equal(["A/2026-001", "A/2026-002", "B/2026-001"], run.Invoices.Select(i => i.Number).Order(StringComparer.Ordinal));
        Assert.Equal("B/2026-001", (await shop.InvoicesAsync("b1"))[0].Invoice.Number);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_billing_filter_holds_a_payer_back_until_it_lets_go(string store)
    {
        var filter = new Blocklist();
        filter.Blocked["blocked"] = "A dispute is under way.";
        await using var shop = await OpenAsync<IBillingFilter>(store, filter, "billing-selection", "tests.blocklist");
        await WithPlanAsync(shop);
        await shop.SubscriberAsync("blocked", "basic");
        await shop.SubscriberAsync("free", "basic");

        var run = await shop.BillAsync(January);

        Assert.Equal("free", Assert.Single(run.Invoices).PayerId);
        var held = Assert.Single(run.Quarantined);
        Assert.Equal(("blocked", "billing-selection", "A dispute is under way."), (held.PayerId, held.Stage, held.Message));
        filter.Blocked.Clear();
        Assert.Equal("blocked", Assert.Single((await shop.BillAsync(January.PlusDays(2))).Invoices).PayerId);
        Assert.Equal(January, Assert.Single(await shop.InvoicesAsync("blocked")).Lines[0].FromDate);
        Assert.Empty(await shop.Engine.Runs.ListQuarantineAsync(Shop.Tenant));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_subscription_validator_refuses_what_it_does_not_want(string store)
    {
        await using var shop = await OpenAsync<ISubscriptionValidator>(store, new CreditCheck(), "subscription-check", "tests.credit-check");
        await WithPlanAsync(shop);
        await shop.SubscriberAsync("acme", "basic", quantity: 5m);
        var before = await shop.DigestAsync();

        var error = await Assert.ThrowsAsync<BillingException>(() =>
            shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, new SubscribeRequest { Id = "big", CustomerId = "acme", Plan = "basic", Quantity = 6m }));

        Assert.Equal((BillingErrorCodes.Validation, "subscription", "big", "subscription-check/tests.credit-check"), (error.Code, error.Subject, error.SubjectId, error.Key));
        Assert.Contains("At most five.", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await shop.DigestAsync());
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task An_event_handler_sees_every_event_in_order_and_once_more_only_after_a_failure(string store)
    {
        var handler = new Listener { Fails = 1 };
        await using var shop = await OpenAsync<IBillingEventHandler>(store, handler, "events", "tests.listener");
        await WithPlanAsync(shop);
        await shop.SubscriberAsync("acme", "basic");
        await shop.BillAsync(January);

        var first = await shop.Engine.Runs.DispatchAsync(Shop.Tenant);
        Assert.True(first.Failed > 0);
        shop.Clock.Advance(Duration.FromHours(1));
        await shop.Engine.Runs.DispatchAsync(Shop.Tenant);
        await shop.Engine.Runs.DispatchAsync(Shop.Tenant);

        Assert.Equal(["customer.created", "subscription.created", EventNames.InvoiceIssued], handler.Handled.Select(m => m.Name));
        Assert.All(await shop.Engine.Messages.ListAsync(Shop.Tenant), m => Assert.Equal(OutboxState.Done, m.State));
    }

    private static async Task<Shop> OpenAsync<TStage>(string store, TStage task, string stage, string name)
        where TStage : class
    {
        var shop = await Shop.OpenAsync(store, null, null, Plugins.Task(name, task));
        await shop.Engine.Tenants.ConfigureTasksAsync(Shop.Tenant, [new TaskEntry { Stage = stage, Task = name }]);
        return shop;
    }

    private static Task<CatalogVersion> WithPlanAsync(Shop shop) => shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("seat", Price.Flat(10m))));

    private sealed class SquareRule : PricingRule
    {
        public ConcurrentQueue<PricingRequest> Asked { get; } = new();

        protected override ValueTask<PricingResult> PriceAsync(PricingRequest request, CancellationToken cancellationToken)
        {
            Asked.Enqueue(request);
            return ValueTask.FromResult(PricingResult.Of(request.Quantity * request.Quantity));
        }
    }

    private sealed class Surcharge : IInvoiceComposer
    {
        public ConcurrentQueue<CompositionRequest> Asked { get; } = new();

        public ValueTask<IReadOnlyList<IReadOnlyList<ComposedLine>>> ComposeAsync(IReadOnlyList<CompositionRequest> requests, CancellationToken cancellationToken)
        {
            foreach (var request in requests)
            {
                Asked.Enqueue(request);
            }

            return ValueTask.FromResult<IReadOnlyList<IReadOnlyList<ComposedLine>>>([.. requests.Select(r => (IReadOnlyList<ComposedLine>)[new ComposedLine { Key = $"paper/{r.Date:R}", Description = "Paper", Amount = 0.50m }])]);
        }
    }

    private sealed class PickyTax : ITaxCalculator
    {
        public ConcurrentQueue<int> Batches { get; } = new();

        public string? Refused { get; set; } = "p3";

        public ValueTask<IReadOnlyList<TaxResult>> CalculateAsync(IReadOnlyList<TaxRequest> requests, CancellationToken cancellationToken)
        {
            Batches.Enqueue(requests.Count);
            return requests.Any(r => r.CustomerId == Refused)
                ? throw new FormatException("The tax number cannot be read.")
                : ValueTask.FromResult<IReadOnlyList<TaxResult>>([.. requests.Select(r => new TaxResult([.. r.Lines.Select(_ => new[] { new TaxRate { Code = "vat", Percent = 10m } })]))]);
        }
    }

    private sealed class SeriesByLetter : IInvoiceNumberFormat
    {
        public ValueTask<IReadOnlyList<InvoiceSeries>> ChooseAsync(IReadOnlyList<InvoiceSeriesRequest> requests, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<InvoiceSeries>>([.. requests.Select(r => new InvoiceSeries(Letter(r), $"{Letter(r)}/{r.Date.Year}-{{n:3}}"))]);

        private static string Letter(InvoiceSeriesRequest request) => request.PayerId[..1].ToUpperInvariant();
    }

    private sealed class Blocklist : IBillingFilter
    {
        public ConcurrentDictionary<string, string> Blocked { get; } = new();

        public ValueTask<IReadOnlyList<string?>> HoldBackAsync(IReadOnlyList<string> payerIds, Instant asOf, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<string?>>([.. payerIds.Select(p => Blocked.GetValueOrDefault(p))]);
    }

    private sealed class CreditCheck : ISubscriptionValidator
    {
        public ValueTask<IReadOnlyList<string?>> ValidateAsync(IReadOnlyList<SubscribeRequest> requests, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<string?>>([.. requests.Select(r => r.Quantity > 5m ? "At most five." : null)]);
    }

    private sealed class Listener : IBillingEventHandler
    {
        private readonly ConcurrentQueue<OutboxMessage> _handled = new();

        public IReadOnlyCollection<OutboxMessage> Handled => _handled;

        public int Fails { get; set; }

        public ValueTask<IReadOnlyList<NotificationResult>> HandleAsync(IReadOnlyList<OutboxMessage> events, CancellationToken cancellationToken)
        {
            if (Fails-- > 0)
            {
                return ValueTask.FromResult<IReadOnlyList<NotificationResult>>([.. events.Select(_ => new NotificationResult(NotificationOutcome.Failed, "The line is busy."))]);
            }

            foreach (var message in events)
            {
                _handled.Enqueue(message);
            }

            return ValueTask.FromResult<IReadOnlyList<NotificationResult>>([.. events.Select(_ => NotificationResult.Delivered)]);
        }
    }
}
