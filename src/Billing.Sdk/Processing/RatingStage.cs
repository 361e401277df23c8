using Billing.Catalog;
using Billing.Invoicing;
using Billing.Rating;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Processing;

/// <summary>Prices what a payer's subscriptions owe: asks for their usage, aggregates it, asks price models.</summary>
internal sealed class RatingStage(PageStages stages)
{
    // A run that comes late asks for the same closed periods at every moment that it bills.
    private readonly Dictionary<UsageQuery, UsageData?> _known = [];

    /// <param name="context">The payer's moment.</param>
    /// <param name="owed">What is owed, without amounts.</param>
    public async Task<IReadOnlyList<OwedResult>> RateAsync(TenantContext context, IReadOnlyList<OwedResult> owed)
    {
        var usage = await ReadUsageAsync(owed).ConfigureAwait(false);
        var requests = new List<PricingRequest>();
        var quantities = new List<Fraction>();
        var nextUsage = 0;
        foreach (var subscription in owed)
        {
            foreach (var stretch in subscription.Stretches)
            {
                if (stretch.Usage is null)
                {
                    AddQuantityRequests(requests, stretch);
                }
                else
                {
                    quantities.Add(AddUsageRequest(requests, stretch, usage[nextUsage++]));
                }
            }
        }

        var results = await PriceAsync(stages.PricesOf(context), requests).ConfigureAwait(false);
        return Rated(owed, results, quantities);
    }

    private static OwedResult[] Rated(IReadOnlyList<OwedResult> owed, IReadOnlyList<PricingResult> results, List<Fraction> quantities)
    {
        var rated = new OwedResult[owed.Count];
        var nextResult = 0;
        var nextQuantity = 0;
        for (var i = 0; i < rated.Length; i++)
        {
            var stretches = new OwedStretch[owed[i].Stretches.Count];
            for (var n = 0; n < stretches.Length; n++)
            {
                var stretch = owed[i].Stretches[n];
                var amount = AmountOf(stretch, results[nextResult++]);
                if (HasLowerEnd(stretch))
                {
                    amount -= AmountOf(stretch, results[nextResult++]);
                }

                var quantity = stretch.Usage is null ? stretch.Quantity : quantities[nextQuantity++].Value;
                stretches[n] = stretch with { FullPrice = Fraction.Of(amount), Quantity = quantity };
            }

            rated[i] = owed[i] with { Stretches = stretches };
        }

        return rated;
    }

    private static decimal AmountOf(OwedStretch stretch, PricingResult result) => result.Error is { } code
        ? throw BillingException.For(code, "charge", stretch.Charge.Code, $"subscription {stretch.SubscriptionId}", result.ErrorMessage ?? code)
        : result.Amount;

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
        foreach (var record in data.Events)
        {
            if (period.Contains(record.Event.At) && MeterCalculator.Summarize(meter, record.Event) is { } part)
            {
                summary = summary.Combine(part);
            }
        }

        return Fraction.Of(MeterCalculator.Quantity(meter, summary));
    }

    private static UsageSummary Combine(IReadOnlyList<UsageGroup> groups) =>
        groups.Count == 0 ? UsageSummary.None : groups.Aggregate(UsageSummary.None, static (sum, r) => sum.Combine(new UsageSummary(r.Count, r.Sum, r.Max, r.Min)));

    /// <summary>The usage of the stretches that price usage, in their order.</summary>
    private async Task<List<UsageData>> ReadUsageAsync(IReadOnlyList<OwedResult> owed)
    {
        var queries = new List<UsageQuery>();
        var missing = new List<UsageQuery>();
        foreach (var subscription in owed)
        {
            foreach (var stretch in subscription.Stretches)
            {
                if (stretch.Usage is null)
                {
                    continue;
                }

                var query = QueryOf(stretch);
                queries.Add(query);
                if (_known.TryAdd(query, null))
                {
                    missing.Add(query);
                }
            }
        }

        if (missing.Count > 0)
        {
            var data = await stages.Usage.AskAsync(missing).ConfigureAwait(false);
            for (var i = 0; i < missing.Count; i++)
            {
                _known[missing[i]] = data[i];
            }
        }

        return queries.ConvertAll(q => _known[q]!);
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
        if (HasLowerEnd(stretch))
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

    private static bool HasLowerEnd(OwedStretch stretch) => stretch.Usage is null && stretch.LayerFrom >= 0m;

    private async Task<IReadOnlyList<PricingResult>> PriceAsync(PriceCalculator prices, List<PricingRequest> requests) =>
        requests.TrueForAll(r => PriceCalculator.IsSynchronous(r.Price))
            ? requests.ConvertAll(prices.Price)
            : await stages.Pricing.AskAsync(new PricingBatch(prices, requests)).ConfigureAwait(false);
}
