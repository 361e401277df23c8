using Billing.Catalog;

namespace Billing.Rating;

/// <summary>A price model of the SDK itself: pure arithmetic, so it can be asked without awaiting.</summary>
/// <remarks>Like a plugin's rule it sees the quantity after conversion and included quantity, and answers before discount, maximum and minimum.</remarks>
internal abstract class BuiltInPricingRule : IPricingRule
{
    public PricingResult Price(PricingRequest request) =>
        Compute(request, request.ExactQuantity ?? Fraction.Of(request.Quantity)).ToResult();

    public ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<PricingResult>>([.. requests.Select(Price)]);

    /// <summary>Prices a quantity that is not divided yet; the answer is not divided either.</summary>
    public abstract ModelPrice Compute(PricingRequest request, Fraction quantity);

    protected static BillingException Missing(Price price, string key) =>
        BillingException.Validation("price", price.Model, key, "The key is missing.");
}

/// <summary>What a model answers: an exact amount, or an error.</summary>
internal readonly record struct ModelPrice(Fraction Amount, IReadOnlyList<PricedTier> Tiers, string? Error = null, string? Message = null)
{
    public static ModelPrice Of(Fraction amount) => new(amount, []);

    public static ModelPrice Failed(string code, string message) => new(default, [], code, message);

    public PricingResult ToResult() =>
        Error is null
            ? new PricingResult { Amount = Amount.Value, Tiers = Tiers }
            : PricingResult.Failed(Error, Message!);
}
