using Billing.Catalog;
using Billing.Invoicing;
using Billing.Rating;
using Billing.Storage;
using Billing.Tasks;
using Billing.Tax;

namespace Billing.Processing;

/// <summary>
/// Bills the payers of a page side by side, so that each stage is asked once for all of them: the store for usage, and each task with one batch. A payer's own code stays a straight line; where it asks a stage
/// it waits until all others of the page wait or are done. One at a time goes on, so nothing here or in a payer's work needs a lock.
/// </summary>
internal sealed class PageStages
{
    private readonly EngineCore _core;
    private readonly TenantContext _tenant;
    private readonly IReadOnlyList<IStageQueue> _inOrder;
    private readonly Dictionary<CatalogVersion, PriceCalculator> _prices = new(ReferenceEqualityComparer.Instance);

    public PageStages(EngineCore core, TenantContext tenant)
    {
        _core = core;
        _tenant = tenant;
        Usage = new StageQueue<IReadOnlyList<UsageQuery>, IReadOnlyList<UsageData>>(ReadUsageAsync);
        Pricing = new StageQueue<PricingBatch, IReadOnlyList<PricingResult>>(PriceAsync);
        Composition = new StageQueue<InvoiceComposition, IReadOnlyList<InvoiceLine>>(ComposeAsync);
        Tax = new StageQueue<TaxRequest, IReadOnlyList<TaxResult>>(TaxAsync);
        Numbering = new StageQueue<InvoiceSeriesRequest, InvoiceSeries>(ChooseSeriesAsync);
        _inOrder = [Usage, Pricing, Composition, Tax, Numbering];
    }

    /// <summary>Usage from the store.</summary>
    public StageQueue<IReadOnlyList<UsageQuery>, IReadOnlyList<UsageData>> Usage { get; }

    /// <summary>Prices of pricing tasks; built-in models answer without waiting.</summary>
    public StageQueue<PricingBatch, IReadOnlyList<PricingResult>> Pricing { get; }

    /// <summary>Lines that composers add.</summary>
    public StageQueue<InvoiceComposition, IReadOnlyList<InvoiceLine>> Composition { get; }

    /// <summary>Tax rates, by calculator in their order.</summary>
    public StageQueue<TaxRequest, IReadOnlyList<TaxResult>> Tax { get; }

    /// <summary>Number series.</summary>
    public StageQueue<InvoiceSeriesRequest, InvoiceSeries> Numbering { get; }

    /// <summary>Whether an error is one payer's: it goes to quarantine and the others are billed. All else (the store is away, the run is cancelled) ends the run.</summary>
    public static bool ConcernsPayer(Exception error) => error is BillingException or OverflowException or InvalidOperationException;

    /// <summary>Bills one payer without others.</summary>
    public async Task RunAsync(Func<Task> payer, CancellationToken cancellationToken)
    {
        if (await RunAsync([payer], cancellationToken).ConfigureAwait(false) is [{ } error])
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        }
    }

    /// <summary>Bills payers side by side.</summary>
    /// <returns>For each payer the error for which it could not be billed, or <see langword="null"/>.</returns>
    public async Task<IReadOnlyList<Exception?>> RunAsync(IReadOnlyList<Func<Task>> payers, CancellationToken cancellationToken)
    {
        var running = new Task<Exception?>[payers.Count];
        for (var i = 0; i < running.Length; i++)
        {
            running[i] = CatchAsync(payers[i]);
        }

        // The earliest stage that anybody waits for comes first: those behind catch up, and the later stages get the larger batches.
        while (_inOrder.FirstOrDefault(s => !s.IsEmpty) is { } stage)
        {
            await stage.AnswerAsync(cancellationToken).ConfigureAwait(false);
        }

        return await Task.WhenAll(running).ConfigureAwait(false);
    }

    /// <summary>The prices that hold at a payer's moment: those of the catalog then in force.</summary>
    public PriceCalculator PricesOf(TenantContext moment)
    {
        var catalog = moment.CatalogAt(moment.Now);
        if (catalog is null)
        {
            return new PriceCalculator(new TaskRules(_tenant.Tasks, _core.Invoker));
        }

        if (!_prices.TryGetValue(catalog, out var prices))
        {
            prices = new PriceCalculator(new TaskRules(_tenant.Tasks, _core.Invoker), catalog.Definition.Decks.Select(d => new CallRater(d, _tenant.Zone)));
            _prices.Add(catalog, prices);
        }

        return prices;
    }

    private static async Task<Exception?> CatchAsync(Func<Task> payer)
    {
        try
        {
            await payer().ConfigureAwait(false);
            return null;
        }
        catch (Exception error) when (ConcernsPayer(error))
        {
            return error;
        }
    }

    private async Task<IReadOnlyList<IReadOnlyList<UsageData>>> ReadUsageAsync(IReadOnlyList<IReadOnlyList<UsageQuery>> queries, CancellationToken cancellationToken)
    {
        var all = await _core.Storage.ReadUsageAsync(_tenant.Id, [.. queries.SelectMany(q => q)], cancellationToken).ConfigureAwait(false);
        var answers = new IReadOnlyList<UsageData>[queries.Count];
        var next = 0;
        for (var i = 0; i < answers.Length; i++)
        {
            var own = new UsageData[queries[i].Count];
            for (var n = 0; n < own.Length; n++)
            {
                own[n] = all[next++];
            }

            answers[i] = own;
        }

        return answers;
    }

    private static async Task<IReadOnlyList<IReadOnlyList<PricingResult>>> PriceAsync(IReadOnlyList<PricingBatch> batches, CancellationToken cancellationToken)
    {
        var answers = new IReadOnlyList<PricingResult>[batches.Count];
        foreach (var group in Enumerable.Range(0, batches.Count).GroupBy(i => batches[i].Prices))
        {
            var results = await group.Key.PriceAsync([.. group.SelectMany(i => batches[i].Requests)], cancellationToken).ConfigureAwait(false);
            var next = 0;
            foreach (var i in group)
            {
                answers[i] = [.. results.Skip(next).Take(batches[i].Requests.Count)];
                next += batches[i].Requests.Count;
            }
        }

        return answers;
    }

    /// <summary>Each composer sees what those before it added.</summary>
    private async Task<IReadOnlyList<IReadOnlyList<InvoiceLine>>> ComposeAsync(IReadOnlyList<InvoiceComposition> invoices, CancellationToken cancellationToken)
    {
        var added = new List<InvoiceLine>[invoices.Count];
        var factories = new LineFactory?[invoices.Count];
        var requests = new CompositionRequest[invoices.Count];
        for (var i = 0; i < added.Length; i++)
        {
            added[i] = [];
            requests[i] = invoices[i].Request;
        }

        foreach (var composer in _tenant.Tasks.Chain<IInvoiceComposer>())
        {
            var outcome = await _core.Invoker.InvokeAsync(composer, requests, static (c, r, t) => c.ComposeAsync(r, t), cancellationToken).ConfigureAwait(false);
            var answers = outcome.Results;
            for (var i = 0; i < added.Length; i++)
            {
                if (answers[i].Count > 0)
                {
                    var factory = factories[i] ??= invoices[i].NewFactory();
                    added[i].AddRange(answers[i].Select(line => invoices[i].DifferenceOf(factory, composer.Name, line)).OfType<InvoiceLine>());
                    requests[i] = requests[i] with { Lines = [.. invoices[i].Request.Lines, .. added[i]] };
                }
            }
        }

        return added;
    }

    private async Task<IReadOnlyList<IReadOnlyList<TaxResult>>> TaxAsync(IReadOnlyList<TaxRequest> requests, CancellationToken cancellationToken)
    {
        var calculators = _tenant.Tasks.Chain<ITaxCalculator>();
        var answers = new TaxResult[requests.Count][];
        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = new TaxResult[calculators.Count];
        }

        for (var n = 0; n < calculators.Count; n++)
        {
            var outcome = await _core.Invoker.InvokeAsync(calculators[n], requests, static (c, r, t) => c.CalculateAsync(r, t), cancellationToken).ConfigureAwait(false);
            var results = outcome.Results;
            for (var i = 0; i < answers.Length; i++)
            {
                answers[i][n] = results[i].Lines.Count == requests[i].Lines.Count
                    ? results[i]
                    : throw BillingException.For(BillingErrorCodes.TaskFailed, "task", $"tax/{calculators[n].Name}", "lines", $"It answered {results[i].Lines.Count} lines for {requests[i].Lines.Count}.");
            }
        }

        return answers;
    }

    private async Task<IReadOnlyList<InvoiceSeries>> ChooseSeriesAsync(IReadOnlyList<InvoiceSeriesRequest> requests, CancellationToken cancellationToken)
    {
        var format = _tenant.Tasks.Chain<IInvoiceNumberFormat>()[0];
        var outcome = await _core.Invoker.InvokeAsync(format, requests, static (f, r, t) => f.ChooseAsync(r, t), cancellationToken).ConfigureAwait(false);
        return outcome.Results;
    }

    private sealed class TaskRules(TenantTasks tasks, TaskInvoker invoker) : IPricingRuleResolver
    {
        public IPricingRule? Find(string task) => tasks.ByName<IPricingRule>(task) is { } bound ? new GuardedRule(bound, invoker) : null;
    }

    /// <summary>A pricing task, called as every task is: whatever it throws becomes <c>task-failed</c> of the payer, not of the run.</summary>
    private sealed class GuardedRule(BoundTask<IPricingRule> task, TaskInvoker invoker) : IPricingRule
    {
        public async ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken)
        {
            var outcome = await invoker.InvokeAsync(task, requests, static (rule, batch, token) => rule.PriceAsync(batch, token), cancellationToken).ConfigureAwait(false);
            return outcome.Results;
        }
    }
}

/// <summary>Requests of one payer for prices of pricing tasks.</summary>
internal readonly record struct PricingBatch(PriceCalculator Prices, IReadOnlyList<PricingRequest> Requests);

/// <summary>An invoice that composers may add lines to.</summary>
/// <param name="Request">What they see.</param>
/// <param name="Booked">The payer's lines.</param>
/// <param name="NewFactory">Makes what makes lines: anew for each time that composers are asked, because a factory counts revisions.</param>
internal sealed record InvoiceComposition(CompositionRequest Request, IReadOnlyList<InvoiceLine> Booked, Func<LineFactory> NewFactory)
{
    /// <summary>The line of what a composer says is owed; <see langword="null"/>: it is booked already.</summary>
    public InvoiceLine? DifferenceOf(LineFactory factory, string composer, ComposedLine line)
    {
        var key = factory.ComposedKey(composer, line);
        return factory.Composed(composer, line, Booked.Where(l => l.Key == key).Sum(l => l.Amount), Request.Date);
    }
}
