using System.Collections.Frozen;
using System.Globalization;
using Billing.Usage;

namespace Billing.Rating;

/// <summary><c>rateDeck</c>: each event is a call, priced by the deck; the amount is the sum.</summary>
/// <remarks>The event's <c>destination</c> is the number called; its seconds are in the meter's field, <c>seconds</c> by default.</remarks>
internal sealed class RateDeckPricing(FrozenDictionary<string, CallRater> decks) : BuiltInPricingRule
{
    public override ModelPrice Compute(PricingRequest request, Fraction quantity)
    {
        var code = request.Price.Deck ?? throw Missing(request.Price, "deck");
        if (!decks.TryGetValue(code, out var rater))
        {
            throw BillingException.NotFound("deck", code);
        }

        if (request.Events.Count == 0 && quantity.Sign != 0)
        {
            return ModelPrice.Failed(BillingErrorCodes.NoMatchingRate, $"Deck '{code}' prices calls; a quantity without events has no destination.");
        }

        var meter = request.Meter;
        var events = meter is null ? request.Events : MeterCalculator.EventsThatCount(meter, request.Events, request.Period);
        var sum = 0m;
        foreach (var usage in events)
        {
            var result = rater.Rate(Call(usage, meter?.Field ?? "seconds"));
            if (result.Error is not null)
            {
                return ModelPrice.Failed(result.Error, $"Event '{usage.Id}': {result.ErrorMessage}");
            }

            sum += result.Amount;
        }

        return ModelPrice.Of(Fraction.Of(sum));
    }

    private static CallRecord Call(UsageEvent usage, string field)
    {
        const NumberStyles Decimal = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        return new CallRecord
        {
            At = usage.At,
            Destination = usage.Properties.TryGetValue("destination", out var destination)
                ? destination
                : throw BillingException.Validation("event", usage.Id, "destination", "The property is missing; a rate deck needs it."),
            Seconds = usage.Properties.TryGetValue(field, out var text) && decimal.TryParse(text, Decimal, CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : throw BillingException.Validation("event", usage.Id, field, "The property is missing or no decimal number; a rate deck needs the seconds."),
        };
    }
}
