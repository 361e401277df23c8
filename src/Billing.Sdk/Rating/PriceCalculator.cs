using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Billing.Catalog;
using Billing.Usage;

namespace Billing.Rating;

/// <summary>Prices quantities: the model of the price, with its modifiers around it.</summary>
/// <remarks>
/// <para>The modifiers come in this order: unit conversion, included quantity, the model, discount, maximum, minimum; the last two are prorated by the
/// request's part of the period. Amounts are exact and not rounded: all is summed first and divided once, last.</para>
/// <para>A quantity below zero is refused with <c>negative-quantity</c>, unless the meter allows it. On a <c>matrix</c> price conversion works on the
/// quantity of each cell, and the included quantity is used up in the order of the cells.</para>
/// <para>Thread-safe. One belongs to one tenant's configuration and catalog; all it keeps is what it has made ready of prices.</para>
/// </remarks>
public sealed class PriceCalculator
{
    private readonly FrozenDictionary<string, BuiltInPricingRule> _builtIn;
    private readonly ConditionalWeakTable<Price, CompiledTiers> _tiers = [];
    private readonly IPricingRuleResolver? _customRules;

    /// <summary>Creates a calculator.</summary>
    /// <param name="customRules">Finds the tasks of <c>custom</c> prices. Default: there are none.</param>
    /// <param name="decks">The decks of <c>rateDeck</c> prices, by code. Default: none.</param>
    public PriceCalculator(IPricingRuleResolver? customRules = null, IEnumerable<CallRater>? decks = null)
    {
        _customRules = customRules;
        var tiersByVolume = new VolumePricing();
        _builtIn = new Dictionary<string, BuiltInPricingRule>(StringComparer.Ordinal)
        {
            [PriceModels.Flat] = new FlatPricing(),
            [PriceModels.PerUnit] = new PerUnitPricing(),
            [PriceModels.Graduated] = new GraduatedPricing(percentage: false),
            [PriceModels.Volume] = tiersByVolume,
            [PriceModels.Stairstep] = tiersByVolume,
            [PriceModels.Package] = new PackagePricing(),
            [PriceModels.Percentage] = new PercentagePricing(),
            [PriceModels.GraduatedPercentage] = new GraduatedPricing(percentage: true),
            [PriceModels.Dynamic] = new DynamicPricing(),
            [PriceModels.RateDeck] = new RateDeckPricing((decks ?? []).ToFrozenDictionary(d => d.Code, StringComparer.Ordinal)),
        }.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Whether the price can be asked without awaiting: neither it nor a price nested in it is <c>custom</c>.</summary>
    public static bool IsSynchronous(Price price)
    {
        ArgumentNullException.ThrowIfNull(price);
        return price.Model != PriceModels.Custom
            && price.Cells.All(c => IsSynchronous(c.Price))
            && (price.Default is null || IsSynchronous(price.Default));
    }

    /// <summary>Whether the amount follows from the quantity alone, without events or transactions, so that <see cref="Amount"/> can answer.</summary>
    public static bool NeedsQuantityOnly(Price price)
    {
        ArgumentNullException.ThrowIfNull(price);
        return price.Model is not (PriceModels.Matrix or PriceModels.RateDeck or PriceModels.Custom or PriceModels.Percentage);
    }

    /// <summary>Prices one quantity at a built-in model.</summary>
    /// <returns>The amount, or the error <c>negative-quantity</c>, <c>no-matching-price</c> or <c>no-matching-rate</c>; <c>not-supported</c> for a <c>custom</c> price,
    /// <c>validation</c> for a price or event that misses something or figures beyond what decimals hold, <c>not-found</c> for a deck that is not there.</returns>
    public PricingResult Price(PricingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Evaluate(request, NotSynchronous);
    }

    /// <summary>The unrounded amount of a quantity for a full period, for prices that need nothing else.</summary>
    /// <exception cref="BillingException">With the codes that <see cref="Price"/> answers.</exception>
    public decimal Amount(Price price, decimal quantity)
    {
        ArgumentNullException.ThrowIfNull(price);
        if (quantity >= 0m && HasNoModifiers(price))
        {
            if (price is { Model: PriceModels.Flat, Amount: { } amount })
            {
                return amount;
            }

            if (price is { Model: PriceModels.PerUnit, UnitAmount: { } unitAmount })
            {
                return Product(price, quantity, unitAmount);
            }

            if (price.Model == PriceModels.Graduated && quantity > 0m)
            {
                return Graduated(price, _tiers.GetValue(price, static p => new CompiledTiers(p)), quantity);
            }
        }

        return Evaluated(price, quantity);
    }

    /// <summary>The unrounded amounts of many quantities at one price, each for a full period, for prices that need nothing else: as <see cref="Amount"/>, with the price looked at once.</summary>
    /// <param name="price">The price.</param>
    /// <param name="quantities">The quantities.</param>
    /// <param name="amounts">Gets the amounts, in their order; at least as long.</param>
    /// <exception cref="ArgumentException"><paramref name="amounts"/> is shorter than <paramref name="quantities"/>.</exception>
    /// <exception cref="BillingException">With the codes that <see cref="Price"/> answers.</exception>
    public void Amounts(Price price, ReadOnlySpan<decimal> quantities, Span<decimal> amounts)
    {
        ArgumentNullException.ThrowIfNull(price);
        if (amounts.Length < quantities.Length)
        {
            throw new ArgumentException($"There is room for {amounts.Length} amounts of {quantities.Length} quantities.", nameof(amounts));
        }

        var tiers = price.Model == PriceModels.Graduated && HasNoModifiers(price) ? _tiers.GetValue(price, static p => new CompiledTiers(p)) : null;
        for (var i = 0; i < quantities.Length; i++)
        {
            amounts[i] = tiers is not null && quantities[i] > 0m ? Graduated(price, tiers, quantities[i]) : Amount(price, quantities[i]);
        }
    }

    /// <summary>Prices a batch, custom prices included; answers in the same order, each an amount or an error.</summary>
    /// <remarks>Each pricing task is called once with all its requests. A task that the tenant has not is <c>task-missing</c>, one that breaks its contract <c>task-failed</c>; its exceptions go through.</remarks>
    public async ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);

        // Pricing is pure, so it can run twice: first to learn what the tasks are to be asked, then with their answers.
        var asked = new List<PricingRequest>();
        var first = new PricingResult[requests.Count];
        var firstAnswer = new int[requests.Count + 1];
        for (var i = 0; i < first.Length; i++)
        {
            first[i] = Evaluate(requests[i], r =>
            {
                asked.Add(r);
                return ModelPrice.Of(default);
            });
            firstAnswer[i + 1] = asked.Count;
        }

        if (asked.Count == 0)
        {
            return first;
        }

        var answers = await AskAsync(asked, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < first.Length; i++)
        {
            var next = firstAnswer[i];
            if (next < firstAnswer[i + 1])
            {
                first[i] = Evaluate(requests[i], _ => FromTask(answers[next++]));
            }
        }

        return first;
    }

    /// <summary>The request for the part of a quantity that was billed before: its quantity, and the transactions that make it.</summary>
    /// <param name="request">The whole quantity.</param>
    /// <param name="billedQuantity">The part billed; it may be more than the whole.</param>
    /// <remarks>A quantity alone has no events: for <c>matrix</c> and <c>rateDeck</c> prices make the request of the events that were billed, and use <see cref="Difference"/>.</remarks>
    public static PricingRequest BilledPart(PricingRequest request, decimal billedQuantity)
    {
        ArgumentNullException.ThrowIfNull(request);
        var transactions = request.Price.Model == PriceModels.Percentage && billedQuantity <= request.Quantity
            ? Transactions.First(Transactions.Of(request, request.ExactQuantity ?? Fraction.Of(request.Quantity)).Select(t => t.Value), billedQuantity)
            : [];
        return request with { Quantity = billedQuantity, ExactQuantity = null, Transactions = transactions, Events = [] };
    }

    /// <summary>What is due for a quantity of which a part was billed before: price(quantity) − price(billed), each rounded first when rounding is given.</summary>
    /// <remarks>So tiers, packages and minimums go on where they stopped, and the invoices of a period add up to the rounded price of its whole quantity.</remarks>
    public PricingResult PriceDifference(PricingRequest request, decimal billedQuantity, QuantityRounding? rounding = null) =>
        Difference(Price(request), Price(BilledPart(request, billedQuantity)), request, rounding);

    /// <inheritdoc cref="PriceDifference"/>
    /// <param name="whole">The price of the whole quantity.</param>
    /// <param name="billed">The price of the part billed before.</param>
    /// <param name="request">The request for the whole.</param>
    /// <param name="rounding">Rounding of each of the two. Default: none.</param>
    public static PricingResult Difference(PricingResult whole, PricingResult billed, PricingRequest request, QuantityRounding? rounding)
    {
        ArgumentNullException.ThrowIfNull(whole);
        ArgumentNullException.ThrowIfNull(billed);
        ArgumentNullException.ThrowIfNull(request);
        if (whole.Error is not null || billed.Error is not null)
        {
            return whole.Error is not null ? whole : billed;
        }

        var amount = Round(whole.Amount) - Round(billed.Amount);
        return whole with { Amount = amount, UnitAmount = UnitAmount(Fraction.Of(amount), request) };

        decimal Round(decimal value) => rounding is null ? value : Rounding.Round(value, rounding.Scale, rounding.Mode);
    }

    private PricingResult Evaluate(PricingRequest request, Func<PricingRequest, ModelPrice> custom)
    {
        try
        {
            var price = WithModifiers(request, custom);
            return price.Error is null
                ? price.ToResult() with { UnitAmount = UnitAmount(price.Amount, request) }
                : price.ToResult();
        }
        catch (BillingException refused)
        {
            // A result among others of its batch: one price that cannot be computed must not fail the rest.
            return PricingResult.Failed(refused.Code, refused.Message);
        }
        catch (OverflowException)
        {
            var refused = TooManyDigits(request.Price, request.Quantity);
            return PricingResult.Failed(refused.Code, refused.Message);
        }
    }

    private decimal Graduated(Price price, CompiledTiers tiers, decimal quantity)
    {
        try
        {
            return tiers.TryPrice(quantity, out var amount) ? amount : Evaluated(price, quantity);
        }
        catch (OverflowException)
        {
            throw TooManyDigits(price, quantity);
        }
    }

    private decimal Evaluated(Price price, decimal quantity)
    {
        var result = Price(new PricingRequest { Price = price, Quantity = quantity, Currency = "" });
        return result.Error is null ? result.Amount : throw new BillingException(result.Error, result.ErrorMessage!);
    }

    private static decimal Product(Price price, decimal quantity, decimal unitAmount)
    {
        try
        {
            return quantity * unitAmount;
        }
        catch (OverflowException)
        {
            throw TooManyDigits(price, quantity);
        }
    }

    private static BillingException TooManyDigits(Price price, decimal quantity) =>
        BillingException.Validation("price", price.Model, "quantity", $"Quantity {Rounding.Format(quantity, 0)} gives figures of more digits than decimals hold.");

    private ModelPrice WithModifiers(PricingRequest request, Func<PricingRequest, ModelPrice> custom)
    {
        var asked = WithDynamicSum(request);
        var quantity = asked.ExactQuantity ?? Fraction.Of(asked.Quantity);
        if (quantity.Sign < 0 && asked.Meter is not { AllowNegative: true })
        {
            return ModelPrice.Failed(
                BillingErrorCodes.NegativeQuantity, $"The quantity {quantity} is below zero{(asked.Meter is { } m ? $" and meter '{m.Code}' does not allow it" : "")}.");
        }

        var price = asked.Price.Model == PriceModels.Matrix ? Matrix(asked, custom) : Model(QuantityModifiers.Apply(asked, out _), custom);
        return price.Error is null ? price with { Amount = WithAmountModifiers(asked, price.Amount) } : price;
    }

    private ModelPrice Model(PricingRequest request, Func<PricingRequest, ModelPrice> custom)
    {
        if (request.Price.Model == PriceModels.Custom)
        {
            return custom(request with { ExactQuantity = null });
        }

        return _builtIn.TryGetValue(request.Price.Model, out var rule)
            ? rule.Compute(request, request.ExactQuantity ?? Fraction.Of(request.Quantity))
            : throw BillingException.Validation("price", request.Price.Model, "model", "There is no such price model.");
    }

    private ModelPrice Matrix(PricingRequest request, Func<PricingRequest, ModelPrice> custom)
    {
        var (cells, error) = MatrixPricing.Split(request);
        if (error is { } failed)
        {
            return failed;
        }

        var sum = default(Fraction);
        var tiers = new List<PricedTier>();
        var included = request.Price.IncludedQuantity;
        foreach (var cell in cells)
        {
            var outer = QuantityModifiers.Apply(cell with { Price = request.Price with { IncludedQuantity = included } }, out included);
            var price = WithModifiers(outer with { Price = cell.Price }, custom);
            if (price.Error is not null)
            {
                return price;
            }

            sum = sum.Plus(price.Amount);
            tiers.AddRange(price.Tiers);
        }

        return new ModelPrice(sum, tiers);
    }

    // A dynamic price sums the meter's field whatever the meter itself does with it.
    private static PricingRequest WithDynamicSum(PricingRequest request)
    {
        if (request is not { Price.Model: PriceModels.Dynamic, Events.Count: > 0, Meter: { Field: not null, Aggregation: not MeterAggregation.Sum } meter })
        {
            return request;
        }

        var sum = MeterCalculator.Quantity(meter with { Aggregation = MeterAggregation.Sum }, request.Events, request.Period);
        return request with { Quantity = sum.Value, ExactQuantity = sum };
    }

    private static Fraction WithAmountModifiers(PricingRequest request, Fraction amount)
    {
        var price = request.Price;
        if (price.DiscountPercent is { } percent)
        {
            amount = amount.Times(100m - percent).DividedBy(100m);
        }

        var part = request.ExactPeriodPart ?? Fraction.Of(request.PeriodPart);
        if (price.MaximumAmount is { } maximum)
        {
            amount = Fraction.Min(amount, part.Times(maximum));
        }

        return price.MinimumAmount is { } minimum ? Fraction.Max(amount, part.Times(minimum)) : amount;
    }

    private async ValueTask<PricingResult[]> AskAsync(List<PricingRequest> asked, CancellationToken cancellationToken)
    {
        var answers = new PricingResult[asked.Count];
        foreach (var group in asked.Select((request, index) => (request, index)).GroupBy(a => a.request.Price.Task ?? "", StringComparer.Ordinal))
        {
            var batch = group.ToArray();
            if (_customRules?.Find(group.Key) is not { } rule)
            {
                Fill(PricingResult.Failed(BillingErrorCodes.TaskMissing, $"There is no pricing task '{group.Key}'."));
                continue;
            }

            var results = await rule.PriceAsync([.. batch.Select(b => b.request)], cancellationToken).ConfigureAwait(false);
            if (results.Count != batch.Length)
            {
                Fill(PricingResult.Failed(
                    BillingErrorCodes.TaskFailed, $"Pricing task '{group.Key}' gave {results.Count} answers to {batch.Length} requests."));
                continue;
            }

            for (var i = 0; i < batch.Length; i++)
            {
                answers[batch[i].index] = results[i];
            }

            void Fill(PricingResult result)
            {
                foreach (var (_, index) in batch)
                {
                    answers[index] = result;
                }
            }
        }

        return answers;
    }

    private static ModelPrice FromTask(PricingResult result) =>
        result.Error is null
            ? new ModelPrice(Fraction.Of(result.Amount), result.Tiers)
            : ModelPrice.Failed(result.Error, result.ErrorMessage ?? "");

    private static ModelPrice NotSynchronous(PricingRequest request) =>
        ModelPrice.Failed(BillingErrorCodes.NotSupported, $"Pricing task '{request.Price.Task}' answers asynchronously only: price the batch with PriceAsync.");

    private static decimal UnitAmount(Fraction amount, PricingRequest request)
    {
        var quantity = request.ExactQuantity ?? Fraction.Of(request.Quantity);
        return quantity.Sign == 0 ? 0m : amount.Numerator * quantity.Divisor / (quantity.Numerator * amount.Divisor);
    }

    private static bool HasNoModifiers(Price price) => price is
    {
        UnitConversion: null, IncludedQuantity: null, DiscountPercent: null, MaximumAmount: null, MinimumAmount: null
    };
}
