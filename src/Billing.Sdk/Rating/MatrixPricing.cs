using Billing.Catalog;
using Billing.Usage;

namespace Billing.Rating;

/// <summary><c>matrix</c>: the events of each cell make a quantity of their own, which the cell's price prices.</summary>
internal static class MatrixPricing
{
    /// <summary>The requests of the cells that have events, in the order of the cells, the default last; or an error.</summary>
    public static (IReadOnlyList<PricingRequest> Cells, ModelPrice? Error) Split(PricingRequest request)
    {
        if (request.Events.Count == 0)
        {
            return WithoutEvents(request);
        }

        if (request.Meter is not { } meter)
        {
            throw BillingException.Validation("price", PriceModels.Matrix, "meter", "A matrix price needs the meter that makes quantities of the events.");
        }

        var price = request.Price;
        var byCell = new List<UsageEvent>?[price.Cells.Count + 1];
        foreach (var usage in MeterCalculator.EventsThatCount(meter, request.Events, request.Period))
        {
            var cell = CellOf(price, usage);
            if (cell == price.Cells.Count && price.Default is null)
            {
                return ([], ModelPrice.Failed(
                    BillingErrorCodes.NoMatchingPrice, $"No cell fits event '{usage.Id}' ({Describe(price, usage)}), and the price has no default."));
            }

            (byCell[cell] ??= []).Add(usage);
        }

        var cells = new List<PricingRequest>();
        for (var i = 0; i < byCell.Length; i++)
        {
            if (byCell[i] is { } events)
            {
                var quantity = MeterCalculator.Quantity(meter, events, request.Period);
                cells.Add(Nested(request, i < price.Cells.Count ? price.Cells[i].Price : price.Default!, quantity) with { Events = events });
            }
        }

        return (cells, null);
    }

    // A quantity that no events explain has no properties: only the default price can take it.
    private static (IReadOnlyList<PricingRequest> Cells, ModelPrice? Error) WithoutEvents(PricingRequest request)
    {
        var quantity = request.ExactQuantity ?? Fraction.Of(request.Quantity);
        if (quantity.Sign == 0)
        {
            return ([], null);
        }

        return request.Price.Default is { } fallback
            ? ([Nested(request, fallback, quantity)], null)
            : ([], ModelPrice.Failed(BillingErrorCodes.NoMatchingPrice, "A quantity without events fits no cell, and the price has no default."));
    }

    private static PricingRequest Nested(PricingRequest request, Price price, Fraction quantity) =>
        request with { Price = price, Quantity = quantity.Value, ExactQuantity = quantity, Transactions = [] };

    private static int CellOf(Price price, UsageEvent usage)
    {
        for (var i = 0; i < price.Cells.Count; i++)
        {
            if (price.Cells[i].Match.All(m => usage.Properties.TryGetValue(m.Key, out var value) && value == m.Value))
            {
                return i;
            }
        }

        return price.Cells.Count;
    }

    private static string Describe(Price price, UsageEvent usage) =>
        string.Join(", ", price.Dimensions.Select(d => $"{d} {(usage.Properties.TryGetValue(d, out var value) ? $"'{value}'" : "absent")}"));
}
