using System.Collections.Frozen;
using System.Globalization;
using Billing.Catalog;

namespace Billing.Usage;

/// <summary>The meters of one catalog version by the type of their events, made ready to take event after event. Immutable and thread-safe.</summary>
internal sealed class EventMeters
{
    private readonly FrozenDictionary<string, OfType> _types;

    public EventMeters(CatalogDefinition? catalog)
    {
        var meters = catalog?.Meters ?? [];
        _types = meters.GroupBy(m => m.EventType, StringComparer.Ordinal).ToFrozenDictionary(g => g.Key, g => new OfType([.. g]), StringComparer.Ordinal);
    }

    /// <summary>The meters of a type; none for a type that nobody counts.</summary>
    public OfType Of(string type) => _types.TryGetValue(type, out var meters) ? meters : OfType.Nothing;

    /// <summary>All meters of one type of event.</summary>
    internal sealed class OfType(List<Meter> meters)
    {
        public static OfType Nothing { get; } = new([]);

        /// <summary>The meters as the catalog has them. Nobody changes the list.</summary>
        public List<Meter> Meters { get; } = meters;

        /// <summary>The same, ready to take events.</summary>
        public EventMeter[] Ready { get; } = [.. meters.Select(m => new EventMeter(m))];
    }
}

/// <summary>One meter, ready to take event after event: what <see cref="MeterCalculator"/> answers, without looking its rules up again and without objects. Immutable and thread-safe.</summary>
internal sealed class EventMeter
{
    private const decimal Limit = 1_000_000_000_000_000m;
    private const int MaximumDecimals = 12;

    private readonly (string Property, FrozenSet<string> Values)[] _filter;
    private readonly string[] _groupBy;

    public EventMeter(Meter meter)
    {
        Meter = meter;
        _filter = [.. meter.Filter.Select(f => (f.Key, f.Value.ToFrozenSet(StringComparer.Ordinal)))];

        // The order in which MeterCalculator.GroupOf has them.
        _groupBy = [.. meter.GroupBy.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    public Meter Meter { get; }

    /// <summary>Takes an event of the meter's type.</summary>
    /// <param name="usage">The event.</param>
    /// <param name="summary">What it adds to an additive meter; <see cref="UsageSummary.None"/> when the filter leaves it out or the meter does not add up.</param>
    /// <param name="group">The group to which it adds.</param>
    /// <returns>Why the meter cannot use it, or <see langword="null"/>.</returns>
    public BillingException? Take(UsageEvent usage, out UsageSummary summary, out string group)
    {
        (summary, group) = (UsageSummary.None, "");
        if (!Counts(usage) || Meter.Aggregation == MeterAggregation.Custom)
        {
            return null;
        }

        if (Meter.Aggregation == MeterAggregation.Count)
        {
            (summary, group) = (UsageSummary.OfOccurrence(), GroupOf(usage));
            return null;
        }

        var field = Meter.Field ?? "";
        if (!usage.Properties.TryGetValue(field, out var text))
        {
            return MeterCalculator.FieldMissing(Meter, usage, field);
        }

        if (Meter.Aggregation == MeterAggregation.UniqueCount)
        {
            return null;
        }

        if (!decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
        {
            return MeterCalculator.FieldNoDecimal(Meter, usage, field, text);
        }

        if (value is <= -Limit or >= Limit || value.Scale > MaximumDecimals)
        {
            // No number of such values sums up to more than a decimal can hold: one event must not make the commit of others fail.
            return BillingException.Validation("event", usage.Id, field, $"'{text}' is not below 10^15 or has more than {MaximumDecimals} decimals (meter '{Meter.Code}').");
        }

        if (Meter.IsAdditive)
        {
            (summary, group) = (UsageSummary.OfValue(value), GroupOf(usage));
        }

        return null;
    }

    /// <summary>The values of the group-by properties, joined as rollups keep them.</summary>
    public string GroupOf(UsageEvent usage) => _groupBy.Length switch
    {
        0 => "",
        1 => ValueOf(usage, _groupBy[0]),
        _ => string.Join('\u001f', _groupBy.Select(p => ValueOf(usage, p))),
    };

    private bool Counts(UsageEvent usage)
    {
        foreach (var (property, values) in _filter)
        {
            if (!usage.Properties.TryGetValue(property, out var value) || !values.Contains(value))
            {
                return false;
            }
        }

        return true;
    }

    private static string ValueOf(UsageEvent usage, string property) => usage.Properties.TryGetValue(property, out var value) ? value : "";
}
