using System.Globalization;
using Billing.Catalog;
using NodaTime;

namespace Billing.Usage;

/// <summary>Makes quantities of usage events by a meter's rules. Pure and thread-safe.</summary>
/// <remarks>
/// <para><b>Which events.</b> Of several events with one (source, id) the first in the list given wins; then those of the meter's type that pass its
/// filter and lie in the half-open period count. With <see cref="Meter.CarryOver"/> those before the period count towards the value that it starts with.</para>
/// <para><b>Order.</b> Otherwise the order of the list does not matter: events are taken in order of time; at the same moment <c>add</c> comes before
/// <c>remove</c>, then the ordinal order of source and id decides.</para>
/// <para><b>Carry-over.</b> Counts, sums, sets and running sums go on from where they were. <c>max</c>, <c>min</c>, <c>average</c> and <c>percentile</c>
/// take the last value before the period as one more observation at its start; <c>latest</c> answers it when the period has no event.</para>
/// <para>No events give 0. The meter's rounding is applied to the aggregate, never to single events.</para>
/// </remarks>
public static class MeterCalculator
{
    private static readonly Comparer<UsageEvent> ByTime = Comparer<UsageEvent>.Create(Compare);

    /// <summary>The quantity of a period, exact: averages and weighted sums are not divided yet, unless the meter rounds.</summary>
    /// <param name="meter">The meter; its aggregation must not be <c>custom</c>.</param>
    /// <param name="events">The events, in any order.</param>
    /// <param name="period">The period; <see langword="null"/>: all events (not for <c>weightedSum</c>).</param>
    /// <exception cref="BillingException">With code <c>validation</c>: an event's field is missing or no decimal, or a period is needed; with
    /// <c>not-supported</c>: a custom aggregation, which only its task can do.</exception>
    public static Fraction Quantity(Meter meter, IEnumerable<UsageEvent> events, Interval? period)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return Rounded(meter, Aggregate(meter, EventsThatCount(meter, events, period), period));
    }

    /// <summary>The quantity of combined summaries of an additive meter (<see cref="Meter.IsAdditive"/>).</summary>
    /// <exception cref="BillingException">With code <c>not-supported</c>: the meter's quantities do not add up; it needs the events.</exception>
    public static decimal Quantity(Meter meter, UsageSummary summary)
    {
        ArgumentNullException.ThrowIfNull(meter);
        var quantity = meter.Aggregation switch
        {
            _ when !meter.IsAdditive => throw BillingException.For(
                BillingErrorCodes.NotSupported, "meter", meter.Code, "aggregation", "Its quantity cannot be put together from summaries; give its events."),
            MeterAggregation.Count => summary.Count,
            MeterAggregation.Sum => summary.Sum,
            MeterAggregation.Max => summary.Max ?? 0m,
            _ => summary.Min ?? 0m,
        };
        return Rounded(meter, Fraction.Of(quantity)).Numerator;
    }

    /// <summary>The quantities of a period by the values of the meter's <see cref="Meter.GroupBy"/> properties, in ordinal order of those values; an absent property is the empty string.</summary>
    /// <inheritdoc cref="Quantity(Meter, IEnumerable{UsageEvent}, Interval?)" path="/exception"/>
    public static IReadOnlyList<MeterGroup> QuantitiesByGroup(Meter meter, IEnumerable<UsageEvent> events, Interval? period)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return
        [
            .. EventsThatCount(meter, events, period)
                .GroupBy(e => GroupOf(meter, e))
                .OrderBy(g => string.Join('\0', g.Key.Values), StringComparer.Ordinal)
                .Select(g => new MeterGroup(g.Key, Rounded(meter, Aggregate(meter, [.. g], period)))),
        ];
    }

    /// <summary>The values of the meter's <see cref="Meter.GroupBy"/> properties that an event has.</summary>
    public static EquatableMap<string> GroupOf(Meter meter, UsageEvent usage)
    {
        ArgumentNullException.ThrowIfNull(meter);
        ArgumentNullException.ThrowIfNull(usage);
        return meter.GroupBy.Count == 0
            ? EquatableMap<string>.Empty
            : new EquatableMap<string>(meter.GroupBy.Select(p => KeyValuePair.Create(p, usage.Properties.TryGetValue(p, out var value) ? value : "")));
    }

    /// <summary>The events that count, without duplicates, in the order in which they are taken (see the remarks of the class).</summary>
    public static IReadOnlyList<UsageEvent> EventsThatCount(Meter meter, IEnumerable<UsageEvent> events, Interval? period)
    {
        ArgumentNullException.ThrowIfNull(meter);
        ArgumentNullException.ThrowIfNull(events);
        var seen = new HashSet<(string Source, string Id)>();
        var result = new List<UsageEvent>();
        foreach (var usage in events)
        {
            if (seen.Add((usage.Source, usage.Id)) && Counts(meter, usage) && Within(meter, usage, period))
            {
                result.Add(usage);
            }
        }

        result.Sort(ByTime);
        return result;
    }

    /// <summary>Whether an event is of the meter's type and passes its filter.</summary>
    public static bool Counts(Meter meter, UsageEvent usage)
    {
        ArgumentNullException.ThrowIfNull(meter);
        ArgumentNullException.ThrowIfNull(usage);
        return usage.Type == meter.EventType
            && (meter.Filter.Count == 0 || meter.Filter.All(f => usage.Properties.TryGetValue(f.Key, out var value) && f.Value.Contains(value)));
    }

    /// <summary>What one event adds to an additive meter; <see langword="null"/> when the meter does not count it.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>: the field is missing or no decimal.</exception>
    public static UsageSummary? Summarize(Meter meter, UsageEvent usage)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return !Counts(meter, usage) ? null
            : meter.Aggregation == MeterAggregation.Count ? UsageSummary.OfOccurrence()
            : UsageSummary.OfValue(FieldValue(meter, usage));
    }

    /// <summary>
    /// Checks that a meter can use an event: that its field is there and, unless the meter counts distinct values, a decimal. Events that the meter does
    /// not count are not looked at. For use before an event is stored.
    /// </summary>
    /// <exception cref="BillingException">With code <c>validation</c>, naming event and field.</exception>
    public static void Check(Meter meter, UsageEvent usage)
    {
        ArgumentNullException.ThrowIfNull(meter);
        if (!Counts(meter, usage) || meter.Aggregation is MeterAggregation.Count or MeterAggregation.Custom)
        {
            return;
        }

        if (meter.Aggregation == MeterAggregation.UniqueCount)
        {
            FieldText(meter, usage);
        }
        else
        {
            FieldValue(meter, usage);
        }
    }

    /// <summary>The value of the meter's field in an event.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>: missing or no decimal; exponents are refused.</exception>
    public static decimal FieldValue(Meter meter, UsageEvent usage)
    {
        ArgumentNullException.ThrowIfNull(meter);
        ArgumentNullException.ThrowIfNull(usage);
        var text = FieldText(meter, usage);
        return decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw FieldNoDecimal(meter, usage, Field(meter), text);
    }

    /// <summary>The values of events as transactions of their own: the field of each, or 1 for a meter that counts events.</summary>
    internal static IEnumerable<decimal> Values(Meter meter, IEnumerable<UsageEvent> counted) =>
        meter.Aggregation == MeterAggregation.Count ? counted.Select(_ => 1m) : counted.Select(e => FieldValue(meter, e));

    /// <summary>A quantity, rounded as the meter says.</summary>
    public static Fraction Rounded(Meter meter, Fraction quantity)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return meter.Rounding is { } r ? Fraction.Of(Rounding.Round(quantity.Value, r.Scale, r.Mode)) : quantity;
    }

    private static Fraction Aggregate(Meter meter, IReadOnlyList<UsageEvent> events, Interval? period) => meter.Aggregation switch
    {
        MeterAggregation.Count => Fraction.Of(events.Count),
        MeterAggregation.Sum => Fraction.Of(Values(meter, events).Sum()),
        MeterAggregation.UniqueCount => Fraction.Of(DistinctValues(meter, events)),
        MeterAggregation.Latest => events.Count == 0 ? default : Fraction.Of(FieldValue(meter, events[^1])),
        MeterAggregation.WeightedSum => WeightedSum(meter, events, period),
        MeterAggregation.Custom => throw BillingException.For(
            BillingErrorCodes.NotSupported, "meter", meter.Code, "aggregation", $"Only the aggregation task '{meter.Task}' can make its quantity."),
        _ => OfObservations(meter, Observations(meter, events, period)),
    };

    private static Fraction OfObservations(Meter meter, List<decimal> values) => meter.Aggregation switch
    {
        _ when values.Count == 0 => default,
        MeterAggregation.Max => Fraction.Of(values.Max()),
        MeterAggregation.Min => Fraction.Of(values.Min()),
        MeterAggregation.Average => new Fraction(values.Sum(), values.Count),
        MeterAggregation.Percentile => Fraction.Of(NearestRank(meter, values)),
        _ => throw new InvalidOperationException($"Unknown aggregation {meter.Aggregation}."),
    };

    // The values in the period; a value carried over is the last one before it, seen once more at its start.
    private static List<decimal> Observations(Meter meter, IReadOnlyList<UsageEvent> events, Interval? period)
    {
        var before = 0;
        while (period is { HasStart: true } p && before < events.Count && events[before].At < p.Start)
        {
            before++;
        }

        return [.. Values(meter, events.Skip(Math.Max(0, before - 1)))];
    }

    private static decimal NearestRank(Meter meter, List<decimal> values)
    {
        var percentile = meter.Percentile
            ?? throw BillingException.Validation("meter", meter.Code, "percentile", "A percentile meter needs the percentile.");
        values.Sort();
        var rank = (int)Math.Ceiling(percentile * values.Count / 100m);
        return values[Math.Clamp(rank, 1, values.Count) - 1];
    }

    private static int DistinctValues(Meter meter, IReadOnlyList<UsageEvent> events)
    {
        var values = new HashSet<string>(StringComparer.Ordinal);
        foreach (var usage in events)
        {
            var value = FieldText(meter, usage);
            if (usage.Operation == UsageOperation.Remove)
            {
                values.Remove(value);
            }
            else
            {
                values.Add(value);
            }
        }

        return values.Count;
    }

    private static Fraction WeightedSum(Meter meter, IReadOnlyList<UsageEvent> events, Interval? period)
    {
        if (period is not { HasStart: true, HasEnd: true } p || p.End <= p.Start)
        {
            throw BillingException.Validation("meter", meter.Code, "aggregation", "A weighted sum needs a period with a start and an end.");
        }

        var start = p.Start.ToUnixTimeSeconds();
        var end = p.End.ToUnixTimeSeconds();
        if (end == start)
        {
            throw BillingException.Validation("meter", meter.Code, "aggregation", "A weighted sum needs a period of at least one second.");
        }

        // Each change counts for the time from it to the end, so no running sum is needed.
        var integral = 0m;
        foreach (var usage in events)
        {
            integral += FieldValue(meter, usage) * (end - Math.Max(start, usage.At.ToUnixTimeSeconds()));
        }

        return new Fraction(integral, end - start);
    }

    private static bool Within(Meter meter, UsageEvent usage, Interval? period) =>
        period is not { } p || ((!p.HasEnd || usage.At < p.End) && (meter.CarryOver || !p.HasStart || usage.At >= p.Start));

    private static string FieldText(Meter meter, UsageEvent usage) =>
        usage.Properties.TryGetValue(Field(meter), out var text)
            ? text
            : throw FieldMissing(meter, usage, Field(meter));

    /// <summary>Says that the property which a meter aggregates is not there.</summary>
    internal static BillingException FieldMissing(Meter meter, UsageEvent usage, string field) =>
        BillingException.Validation("event", usage.Id, field, $"The property is missing; meter '{meter.Code}' needs it.");

    /// <summary>Says that the property which a meter aggregates is no number.</summary>
    internal static BillingException FieldNoDecimal(Meter meter, UsageEvent usage, string field, string text) =>
        BillingException.Validation("event", usage.Id, field, $"'{text}' is not a decimal number (meter '{meter.Code}').");

    private static string Field(Meter meter) =>
        meter.Field ?? throw BillingException.Validation("meter", meter.Code, "field", "The aggregation needs a field.");

    private static int Compare(UsageEvent left, UsageEvent right)
    {
        var order = left.At.CompareTo(right.At);
        order = order != 0 ? order : left.Operation.CompareTo(right.Operation);
        order = order != 0 ? order : string.CompareOrdinal(left.Source, right.Source);
        return order != 0 ? order : string.CompareOrdinal(left.Id, right.Id);
    }
}

/// <summary>The quantity of one group of events.</summary>
/// <param name="Group">Property → value, for the meter's <see cref="Meter.GroupBy"/> properties.</param>
/// <param name="Quantity">The quantity.</param>
public sealed record MeterGroup(EquatableMap<string> Group, Fraction Quantity);
