using System.Text.Json;
using Billing.Catalog;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>What a step of the timeline does when its time has come.</summary>
internal delegate Task StepAction(LifecycleRun run, CancellationToken cancellationToken);

/// <summary>One entry of the timeline, read.</summary>
/// <param name="At">When.</param>
/// <param name="Path">Where it stands: <c>timeline[5].subscribe</c>.</param>
/// <param name="Action">What it does.</param>
internal sealed record LifecycleStep(Instant At, string Path, StepAction Action)
{
    public static LifecycleStep Read(JsonElement element, string path, DateTimeZone zone)
    {
        var fields = new JsonFields(element, path);
        var at = ScenarioJson.MomentOf(fields.Required("at"), fields.PathOf("at"), zone);
        var kind = KindOf(fields);
        var reading = new StepReading(fields.Required(kind), fields.PathOf(kind), zone, at);
        var action = kind switch
        {
            "expect" => Expectation.Read(reading),
            "expectError" => ExpectedError.Read(reading),
            _ => LifecycleSteps.Read(kind, reading),
        };
        fields.End();
        return new LifecycleStep(at, reading.Path, action);
    }

    /// <summary>The one key of an entry that names a step.</summary>
    public static string KindOf(JsonFields fields)
    {
        var kinds = fields.Keys.Where(k => k is "expect" or "expectError" || LifecycleSteps.IsKnown(k)).ToList();
        return kinds switch
        {
            [var kind] => kind,
            [] => throw JsonFields.Error(fields.Keys.FirstOrDefault(k => k != "at") is { } other ? fields.PathOf(other) : fields.Path, "No step of the format."),
            [_, var second, ..] => throw JsonFields.Error(fields.PathOf(second), "An entry of the timeline has one step."),
        };
    }
}

/// <summary>The value of a step while it is read: its keys, and what its moments mean.</summary>
internal sealed class StepReading(JsonElement value, string path, DateTimeZone zone, Instant at)
{
    /// <summary>Path of the step.</summary>
    public string Path { get; } = path;

    /// <summary>The zone of moments without offset: the tenant's.</summary>
    public DateTimeZone Zone { get; } = zone;

    /// <summary>The time of the step.</summary>
    public Instant At { get; } = at;

    /// <summary>The step's keys.</summary>
    public JsonFields Fields { get; } = new(value, path);

    /// <summary>A moment, or nothing.</summary>
    public Instant? Moment(string key) => Fields.Optional(key) is { } moment ? ScenarioJson.MomentOf(moment, Fields.PathOf(key), Zone) : null;

    /// <summary>A moment as the time of a change, or nothing.</summary>
    public ChangeTime? ChangeAt(string key) => Moment(key) is { } moment ? ChangeTime.At(moment) : null;

    /// <summary>The key <c>when</c>: <c>immediately</c> (the default), <c>endOfPeriod</c> or a moment.</summary>
    public ChangeTime When() => Fields.Optional("when") is not { } given ? ChangeTime.Immediately : JsonFields.TextOf(given, Fields.PathOf("when")) switch
    {
        "immediately" => ChangeTime.Immediately,
        "endOfPeriod" => ChangeTime.EndOfPeriod,
        _ => ChangeTime.At(ScenarioJson.MomentOf(given, Fields.PathOf("when"), Zone)),
    };

    /// <summary>A map of decimals.</summary>
    public EquatableMap<decimal> Numbers(string key) => Map(key, (fields, name) => fields.Number(name));

    /// <summary>A map of prices.</summary>
    public EquatableMap<Price> Prices(string key) => Map(key, (fields, name) => CatalogJson.ReadPrice(fields.Required(name), fields.PathOf(name)));

    /// <summary>A reference to a document by order of creation: <c>acme#1</c>.</summary>
    public DocumentReference Document(string key) => DocumentReference.Read(Fields.Text(key), Fields.PathOf(key));

    private EquatableMap<T> Map<T>(string key, Func<JsonFields, string, T> read) =>
        Fields.OptionalFields(key) is { } map
            ? new EquatableMap<T>(map.Keys.Select(name => KeyValuePair.Create(name, read(map, name))))
            : EquatableMap<T>.Empty;
}

/// <summary>A document of a customer, by order of creation.</summary>
/// <param name="Customer">The customer.</param>
/// <param name="Ordinal">1, 2, 3, ….</param>
internal sealed record DocumentReference(string Customer, int Ordinal)
{
    public static DocumentReference Read(string text, string path)
    {
        var mark = text.LastIndexOf('#');
        return mark > 0 && int.TryParse(text.AsSpan(mark + 1), System.Globalization.NumberStyles.None, null, out var ordinal) && ordinal > 0
            ? new DocumentReference(text[..mark], ordinal)
            : throw JsonFields.Error(path, $"'{text}' does not name a document: customer#1 is the first of a customer.");
    }

    public override string ToString() => $"{Customer}#{Ordinal}";
}
