using System.Globalization;
using Billing.Benchmarks.Plain;
using Billing.Catalog;
using Billing.Rating;
using Billing.Usage;
using NodaTime;

namespace Billing.Benchmarks.Rows;

/// <summary>Rating without a store on one thread, against loops that a programmer writes for one price.</summary>
internal sealed class RatingRows(Settings settings, Report report)
{
    /// <summary>A batch of events, each priced by itself at graduated tiers.</summary>
    public const string Each = "rating";

    /// <summary>The same with a request and an answer for each event, as tasks see them.</summary>
    public const string Requests = "rating-requests";

    /// <summary>Events with text properties are summed up by account, then the sum is priced.</summary>
    public const string Accounts = "rating-accounts";

    private const int EventsOfAccount = 100;
    private const int NumberOfAccounts = 200;

    public static string[] Names { get; } = [Each, Accounts];

    public void Measure()
    {
        var events = World.UsageOf(0, NumberOfAccounts, EventsOfAccount).Select(e => e.Event).ToArray();
        var quantities = Array.ConvertAll(events, e => decimal.Parse(e.Properties["minutes"], NumberStyles.Number, CultureInfo.InvariantCulture));
        if (settings.Wants(Each))
        {
            var amounts = new decimal[quantities.Length];
            report.Row(Each, Samples(events.Length, () => PriceBatch(quantities, amounts), () => PlainRating.PriceEach(quantities, World.Tiers)), Bar.AtMost(2), "ns/event");
            var requests = Array.ConvertAll(quantities, q => new PricingRequest { Price = World.Tiers, Quantity = q, Currency = "USD" });
            report.Row(Requests, Samples(events.Length, () => PriceEach(requests), () => PlainRating.PriceEach(quantities, World.Tiers)), null, "ns/event");
        }

        if (settings.Wants(Accounts))
        {
            var accounts = events.GroupBy(e => Array.IndexOf(events, e) % NumberOfAccounts).Select(g => g.ToArray()).ToArray();
            var period = new Interval(World.Month(0), World.Month(1));
            report.Row(Accounts, Samples(events.Length, () => PriceAccounts(accounts, period), () => PlainRating.PriceAccounts(accounts, World.Tiers)), null, "ns/event");
        }
    }

    private IEnumerable<Sample> Samples(int events, Func<decimal> engine, Func<decimal> plain)
    {
        if (engine() != plain())
        {
            throw new InvalidOperationException($"The engine comes to {engine()}, the plain loop to {plain()}.");
        }

        _ = (Pure.Nanoseconds(engine, settings.PureSeconds), Pure.Nanoseconds(plain, settings.PureSeconds));
        for (var i = 0; i < Math.Max(settings.Repetitions, 5); i++)
        {
            yield return new Sample(Pure.Nanoseconds(engine, settings.PureSeconds) / events, Pure.Nanoseconds(plain, settings.PureSeconds) / events);
        }
    }

    private static decimal PriceBatch(decimal[] quantities, decimal[] amounts)
    {
        new PriceCalculator().Amounts(World.Tiers, quantities, amounts);
        var sum = 0m;
        foreach (var amount in amounts)
        {
            sum += amount;
        }

        return sum;
    }

    private static decimal PriceEach(PricingRequest[] requests)
    {
        var calculator = new PriceCalculator();
        var sum = 0m;
        foreach (var request in requests)
        {
            sum += calculator.Price(request).Amount;
        }

        return sum;
    }

    private static decimal PriceAccounts(UsageEvent[][] accounts, Interval period)
    {
        var calculator = new PriceCalculator();
        var sum = 0m;
        foreach (var events in accounts)
        {
            var quantity = MeterCalculator.Quantity(World.Minutes, events, period);
            sum += calculator.Price(new PricingRequest { Price = World.Tiers, Quantity = quantity.Value, ExactQuantity = quantity, Meter = World.Minutes, Period = period, Currency = "USD" }).Amount;
        }

        return sum;
    }
}
