using Billing.Catalog;
using Billing.Invoicing;
using Billing.Rating;
using Billing.Storage;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Processing;

/// <summary>Prices what subscriptions owe: reads usage with a constant number of queries, aggregates it, asks price models in one batch.</summary>
internal sealed class RatingStage(EngineCore core, TenantContext context, PageUsage pageUsage)
{
    private readonly PriceCalculator _prices = new(new TaskRules(context.Tasks, core.Invoker), Decks(context));

    public async Task<IReadOnlyList<OwedResult>> RateAsync(IReadOnlyList<OwedResult> owed, CancellationToken cancellationToken)
    {
        var stretches = owed.SelectMany(o => o.Stretches).ToList();
        var usage = await ReadUsageAsync(stretches, cancellationToken).ConfigureAwait(false);
        var requests = new List<PricingRequest>();
        var uses = new List<(int First, int Count, Fraction Quantity)>();
        foreach (var stretch in stretches)
        {
            var first = requests.Count;
            var quantity = Fraction.Of(stretch.Quantity);
            if (stretch.Usage is not null)
            {
                quantity = AddUsageRequest(requests, stretch, usage[stretch]);
            }
            else
            {
                AddQuantityRequests(requests, stretch);
            }

            uses.Add((first, requests.Count - first, quantity));
        }

        var results = await PriceAsync(requests, cancellationToken).ConfigureAwait(false);
        var rated = new Dictionary<OwedStretch, OwedStretch>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < stretches.Count; i++)
        {
            var (first, count, quantity) = uses[i];
            var amount = 0m;
            for (var n = 0; n < count; n++)
            {
                var result = results[first + n];
                if (result.Error is { } code)
                {
                    throw BillingException.For(code, "charge", stretches[i].Charge.Code, $"subscription {stretches[i].SubscriptionId}", result.ErrorMessage ?? code);
                }

                amount += n == 0 ? result.Amount : -result.Amount;
            }

            rated[stretches[i]] = stretches[i] with { FullPrice = Fraction.Of(amount), Quantity = stretches[i].Usage is null ? stretches[i].Quantity : quantity.Value };
        }

        return [.. owed.Select(o => o with { Stretches = [.. o.Stretches.Select(s => rated[s])] })];
    }

    /// <summary>Quantity of one meter in a time, from what the store gave.</summary>
    public static Fraction QuantityOf(Meter meter, UsageData data, bool fromEvents, Interval period)
    {
        if (fromEvents)
        {
            return MeterCalculator.Quantity(meter, data.Events.Select(e => e.Event), period);
        }

        if (data.RollupsMissing)
        {
            throw BillingException.For(BillingErrorCodes.RollupMissing, "meter", meter.Code, "rollups", "Usage is stored for which there is no rollup; billing without it would lose money. Restore the rollups.");
        }

        var summary = Combine(data.Groups);
        foreach (var record in data.Events.Where(e => period.Contains(e.Event.At)))
        {
            if (MeterCalculator.Summarize(meter, record.Event) is { } part)
            {
                summary = summary.Combine(part);
            }
        }

        return Fraction.Of(MeterCalculator.Quantity(meter, summary));
    }

    private static IEnumerable<CallRater> Decks(TenantContext context) =>
        context.CatalogAt(context.Now) is { } catalog ? catalog.Definition.Decks.Select(d => new CallRater(d, context.Zone)) : [];

    private static UsageSummary Combine(IReadOnlyList<UsageGroup> groups) =>
        groups.Aggregate(UsageSummary.None, static (sum, r) => sum.Combine(new UsageSummary(r.Count, r.Sum, r.Max, r.Min)));

    private async Task<Dictionary<OwedStretch, UsageData>> ReadUsageAsync(IReadOnlyList<OwedStretch> stretches, CancellationToken cancellationToken)
    {
        var wanted = stretches.Where(s => s.Usage is not null).ToList();
        var result = new Dictionary<OwedStretch, UsageData>(ReferenceEqualityComparer.Instance);
        if (wanted.Count == 0)
        {
            return result;
        }

        var data = await pageUsage.ReadAsync(context.Id, [.. wanted.Select(QueryOf)], cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < wanted.Count; i++)
        {
            result[wanted[i]] = data[i];
        }

        return result;
    }

    /// <summary>What a usage stretch asks the store.</summary>
    public static UsageQuery QueryOf(OwedStretch stretch) => new()
    {
        SubscriptionId = stretch.SubscriptionId,
        Meter = stretch.Usage!.Meter.Code,
        EventType = stretch.Usage.Meter.EventType,
        From = stretch.Usage.From,
        To = stretch.Usage.To,
        NeedsEvents = stretch.Usage.NeedsEvents,
    };

    private static Fraction AddUsageRequest(List<PricingRequest> requests, OwedStretch stretch, UsageData data)
    {
        var wanted = stretch.Usage!;
        var period = new Interval(stretch.From, stretch.To);
        var quantity = QuantityOf(wanted.Meter, data, wanted.NeedsEvents, period);
        var price = wanted.WithoutMinimum ? stretch.Charge.Price with { MinimumAmount = null } : stretch.Charge.Price;
        var events = PriceCalculator.NeedsQuantityOnly(price)
            ? []
            : MeterCalculator.EventsThatCount(wanted.Meter, data.Events.Select(e => e.Event), period);
        requests.Add(new PricingRequest
        {
            Price = price,
            Quantity = quantity.Value,
            ExactQuantity = quantity,
            Events = events,
            Meter = wanted.Meter,
            Period = period,
            PeriodPart = stretch.Part.Value,
            ExactPeriodPart = stretch.Part,
            Currency = stretch.Timeline.Subscription.Currency,
        });
        return quantity;
    }

    /// <summary>The price of a layer of quantity: price at its upper end less price at its lower end.</summary>
    private static void AddQuantityRequests(List<PricingRequest> requests, OwedStretch stretch)
    {
        requests.Add(Request(stretch, stretch.LayerTo));
        if (stretch.LayerFrom >= 0m)
        {
            requests.Add(Request(stretch, stretch.LayerFrom));
        }
    }

    private static PricingRequest Request(OwedStretch stretch, decimal quantity) => new()
    {
        Price = stretch.Charge.Price,
        Quantity = quantity,
        Currency = stretch.Timeline.Subscription.Currency,
    };

    private async Task<IReadOnlyList<PricingResult>> PriceAsync(List<PricingRequest> requests, CancellationToken cancellationToken)
    {
        if (requests.TrueForAll(r => PriceCalculator.IsSynchronous(r.Price)))
        {
            return [.. requests.Select(_prices.Price)];
        }

        return await _prices.PriceAsync(requests, cancellationToken).ConfigureAwait(false);
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
            return outcome.Failure is { } failure ? throw failure : outcome.Results;
        }
    }
}
