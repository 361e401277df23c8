using Billing.Catalog;
using Billing.Usage;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <content>Usage.</content>
internal static partial class LifecycleSteps
{
    private static StepAction Usage(StepReading reading)
    {
        var fields = reading.Fields;
        var customer = fields.OptionalText("customer");
        var subscription = fields.OptionalText("subscription");
        if (customer is null == subscription is null)
        {
            throw JsonFields.Error(reading.Path, "It names a customer or a subscription, one of the two.");
        }

        var source = fields.OptionalText("source") ?? "";
        var events = ReadEvents(reading, source);
        return async (run, stop) =>
        {
            var entries = events(run).Select(e => new UsageEntry { Event = e, CustomerId = customer, SubscriptionId = subscription }).ToList();
            var results = await run.Engine.Usage.RecordAsync(run.Context, entries, stop).ConfigureAwait(false);
            if (results.FirstOrDefault(r => r.Status == UsageStatus.Rejected) is { } rejected)
            {
                throw new BillingException(rejected.Code ?? BillingErrorCodes.Validation, rejected.Message ?? "The event was rejected.");
            }
        };
    }

    /// <summary>The events: written out, or one made of <c>meter</c> and <c>quantity</c> by what the meter looks at when the step's time has come.</summary>
    private static Func<LifecycleRun, IEnumerable<UsageEvent>> ReadEvents(StepReading reading, string source)
    {
        var fields = reading.Fields;
        if (fields.Has("events"))
        {
            var events = fields.RequiredItems("events").Select(i => ScenarioJson.EventOf(i.Value, i.Path, reading.Zone)).ToList();
            return _ => events.Select(e => e.Source.Length == 0 ? e with { Source = source } : e);
        }

        var meter = fields.Text("meter");
        var quantity = fields.Number("quantity");
        return run => [EventFor(run.Catalog.Meter(meter), quantity, source, reading)];
    }

    private static UsageEvent EventFor(Meter meter, decimal quantity, string source, StepReading reading)
    {
        var properties = meter.Filter.Where(f => f.Value.Count > 0).ToDictionary(f => f.Key, f => f.Value[0], StringComparer.Ordinal);
        if (meter.Field is { } field)
        {
            properties[field] = Rounding.Format(quantity, 0);
        }

        return new UsageEvent
        {
            Id = reading.Path,
            Source = source,
            At = reading.At,
            Type = meter.EventType,
            Properties = new EquatableMap<string>(properties),
        };
    }

    private static StepAction CorrectUsage(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new CorrectUsageRequest
        {
            Source = fields.OptionalText("source") ?? "",
            Id = fields.Text("id"),
            Properties = fields.OptionalFields("properties") is { } properties ? ScenarioJson.PropertiesOf(properties) : null,
            Remove = fields.Flag("remove", false),
        };
        return request.Properties is null != request.Remove
            ? throw JsonFields.Error(reading.Path, "It has new properties or remove: true, one of the two.")
            : (run, stop) => run.Engine.Usage.CorrectAsync(run.Context, request, stop);
    }
}
