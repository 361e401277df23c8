using Billing.Collections;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Payments;
using Billing.Rating;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Tax;
using Billing.Usage;
using NodaTime;

namespace Billing.Benchmarks;

/// <summary>Registers twenty tasks for every stage, each of which has nothing to say.</summary>
internal sealed class IdlePlugins : IBillingPlugin
{
    public const int PerStage = 20;

    private static readonly Idle Task = new();

    /// <summary>How each stage's tasks are registered. A stage that is missing here is an error of <see cref="Configuration"/>.</summary>
    private static readonly Dictionary<Type, Action<IPluginBuilder, string>> Stages = new()
    {
        [typeof(IUsageReader)] = Register<IUsageReader>,
        [typeof(IUsageMediator)] = Register<IUsageMediator>,
        [typeof(IUsageAggregator)] = Register<IUsageAggregator>,
        [typeof(IPricingRule)] = Register<IPricingRule>,
        [typeof(ISubscriptionValidator)] = Register<ISubscriptionValidator>,
        [typeof(IBillingFilter)] = Register<IBillingFilter>,
        [typeof(IInvoiceComposer)] = Register<IInvoiceComposer>,
        [typeof(ITaxCalculator)] = Register<ITaxCalculator>,
        [typeof(IInvoiceNumberFormat)] = Register<IInvoiceNumberFormat>,
        [typeof(IPaymentGateway)] = Register<IPaymentGateway>,
        [typeof(IPaymentRetryPolicy)] = Register<IPaymentRetryPolicy>,
        [typeof(IAgingPolicy)] = Register<IAgingPolicy>,
        [typeof(INotifier)] = Register<INotifier>,
        [typeof(IBillingEventHandler)] = Register<IBillingEventHandler>,
    };

    /// <summary>The entries that put the tasks into the tenant's chains. Where a stage takes exactly one task, one is entered.</summary>
    public static IReadOnlyList<TaskEntry> Configuration()
    {
        var entries = new List<TaskEntry>();
        foreach (var contract in typeof(BillingEngine).Assembly.GetExportedTypes().Where(t => t.IsDefined(typeof(TaskStageAttribute), inherit: false)))
        {
            if (!Stages.ContainsKey(contract))
            {
                throw new InvalidOperationException($"Stage {contract.Name} has no idle task here.");
            }

            var stage = TaskStage.Of(contract);
            entries.AddRange(Enumerable.Range(0, stage.Chain == TaskChainKind.One ? 1 : PerStage).Select(i => new TaskEntry { Stage = stage.Name, Task = Name(stage, i), Order = i }));
        }

        return entries;
    }

    public void Configure(IPluginBuilder builder)
    {
        foreach (var (contract, register) in Stages)
        {
            for (var i = 0; i < PerStage; i++)
            {
                register(builder, Name(TaskStage.Of(contract), i));
            }
        }
    }

    private static string Name(TaskStage stage, int number) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"idle/{stage.Name}-{number:00}");

    private static void Register<TStage>(IPluginBuilder builder, string name)
        where TStage : class => builder.AddTask(name, static _ => (TStage)(object)Task);

    /// <summary>Every stage at once: neutral answers.</summary>
    private sealed class Idle : IUsageReader, IUsageMediator, IUsageAggregator, IPricingRule, ISubscriptionValidator, IBillingFilter, IInvoiceComposer, ITaxCalculator,
        IInvoiceNumberFormat, IPaymentGateway, IPaymentRetryPolicy, IAgingPolicy, INotifier, IBillingEventHandler
    {
        public async IAsyncEnumerable<RawUsageRecord> ReadAsync(Stream stream, string feed, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await System.Threading.Tasks.Task.CompletedTask;
            yield break;
        }

        public ValueTask<IReadOnlyList<MediationResult>> MediateAsync(IReadOnlyList<RawUsageRecord> records, CancellationToken cancellationToken) => All(records, MediationResult.NotMine);

        public ValueTask<IReadOnlyList<AggregationResult>> AggregateAsync(IReadOnlyList<AggregationRequest> requests, CancellationToken cancellationToken) => All(requests, AggregationResult.Of(0m));

        public ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken) => All(requests, PricingResult.Of(0m));

        public ValueTask<IReadOnlyList<string?>> ValidateAsync(IReadOnlyList<SubscribeRequest> requests, CancellationToken cancellationToken) => All<SubscribeRequest, string?>(requests, null);

        public ValueTask<IReadOnlyList<string?>> HoldBackAsync(IReadOnlyList<string> payerIds, Instant asOf, CancellationToken cancellationToken) => All<string, string?>(payerIds, null);

        public ValueTask<IReadOnlyList<IReadOnlyList<ComposedLine>>> ComposeAsync(IReadOnlyList<CompositionRequest> requests, CancellationToken cancellationToken) => All<CompositionRequest, IReadOnlyList<ComposedLine>>(requests, []);

        public ValueTask<IReadOnlyList<TaxResult>> CalculateAsync(IReadOnlyList<TaxRequest> requests, CancellationToken cancellationToken)
        {
            var results = new TaxResult[requests.Count];
            for (var i = 0; i < results.Length; i++)
            {
                var lines = new IReadOnlyList<TaxRate>[requests[i].Lines.Count];
                Array.Fill(lines, []);
                results[i] = new TaxResult(lines);
            }

            return ValueTask.FromResult<IReadOnlyList<TaxResult>>(results);
        }

        public ValueTask<IReadOnlyList<InvoiceSeries>> ChooseAsync(IReadOnlyList<InvoiceSeriesRequest> requests, CancellationToken cancellationToken) => All(requests, InvoiceSeries.Default);

        public ValueTask<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken) => All(charges, new GatewayOutcome { Kind = GatewayOutcomeKind.NotCharged });

        public ValueTask<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<GatewayQuery> queries, CancellationToken cancellationToken) => All(queries, new GatewayOutcome { Kind = GatewayOutcomeKind.NotCharged });

        public ValueTask<IReadOnlyList<RetryDecision?>> DecideAsync(IReadOnlyList<RetryRequest> requests, CancellationToken cancellationToken) => All<RetryRequest, RetryDecision?>(requests, null);

        public ValueTask<IReadOnlyList<AgingStep?>> NextStepAsync(IReadOnlyList<AgingRequest> requests, CancellationToken cancellationToken) => All<AgingRequest, AgingStep?>(requests, null);

        public ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken) => All(notifications, NotificationResult.NotMine);

        public ValueTask<IReadOnlyList<NotificationResult>> HandleAsync(IReadOnlyList<OutboxMessage> events, CancellationToken cancellationToken) => All(events, NotificationResult.Delivered);

        private static ValueTask<IReadOnlyList<TResult>> All<TRequest, TResult>(IReadOnlyList<TRequest> requests, TResult result)
        {
            var results = new TResult[requests.Count];
            Array.Fill(results, result);
            return ValueTask.FromResult<IReadOnlyList<TResult>>(results);
        }
    }
}
