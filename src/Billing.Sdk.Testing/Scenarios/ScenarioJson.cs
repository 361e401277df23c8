using System.Text.Json;
using Billing.Catalog;
using Billing.Usage;
using NodaTime;
using NodaTime.Text;

namespace Billing.Testing.Scenarios;

/// <summary>What all kinds of scenario files share: strict reading, moments in a zone, events.</summary>
/// <remarks>Objects are read with <see cref="JsonFields"/>: unknown keys are errors that name the path, decimals are read from their text. All errors are
/// <see cref="BillingException"/> with code <c>validation</c> and the path as key. Thread-safe.</remarks>
public static class ScenarioJson
{
    private static readonly IPattern<LocalDateTime>[] DateTimePatterns =
    [
        LocalDateTimePattern.ExtendedIso,
        LocalDateTimePattern.CreateWithInvariantCulture("uuuu'-'MM'-'dd'T'HH':'mm"),
    ];

    private static readonly IPattern<OffsetDateTime>[] OffsetPatterns =
    [
        OffsetDateTimePattern.ExtendedIso,
        OffsetDateTimePattern.CreateWithInvariantCulture("uuuu'-'MM'-'dd'T'HH':'mmo<G>"),
    ];

    /// <summary>Reads a file whole.</summary>
    /// <returns>The root, detached from the document.</returns>
    /// <exception cref="BillingException">With code <c>validation</c>: the file is no JSON.</exception>
    public static JsonElement ReadFile(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            return document.RootElement.Clone();
        }
        catch (JsonException unreadable)
        {
            throw new BillingException(BillingErrorCodes.Validation, $"{path} is no JSON: {unreadable.Message}", unreadable) { Subject = "scenario", SubjectId = path };
        }
    }

    /// <summary>The kind of a file: <c>pricing</c>, <c>rating</c> or <c>lifecycle</c>.</summary>
    public static string KindOf(JsonElement root) => new JsonFields(root, "").Text("kind");

    /// <summary>Reads the keys that every file and case may carry and that nothing is computed of: <c>source</c>, <c>note</c>, <c>tags</c>; answers <c>name</c>.</summary>
    public static string? ReadDescription(JsonFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        fields.OptionalText("source");
        fields.OptionalText("note");
        fields.Texts("tags");
        return fields.OptionalText("name");
    }

    /// <summary>Reads an IANA time zone; UTC when the key is absent.</summary>
    public static DateTimeZone ReadZone(JsonFields fields, string key)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return fields.OptionalText(key) is not { } id
            ? DateTimeZone.Utc
            : DateTimeZoneProviders.Tzdb.GetZoneOrNull(id) ?? throw JsonFields.Error(fields.PathOf(key), $"'{id}' is no IANA time zone.");
    }

    /// <summary>Reads a moment: a date is its start of day in the zone, a date-time without offset is local to the zone, one with offset or <c>Z</c> an instant.</summary>
    /// <remarks>A local time that the clock skips moves forward by the gap; one that comes twice is the first.</remarks>
    public static Instant MomentOf(JsonElement value, string path, DateTimeZone zone)
    {
        ArgumentNullException.ThrowIfNull(zone);
        var text = JsonFields.TextOf(value, path);
        if (LocalDatePattern.Iso.Parse(text) is { Success: true } date)
        {
            return zone.AtStartOfDay(date.Value).ToInstant();
        }

        foreach (var pattern in DateTimePatterns)
        {
            if (pattern.Parse(text) is { Success: true } local)
            {
                return zone.AtLeniently(local.Value).ToInstant();
            }
        }

        foreach (var pattern in OffsetPatterns)
        {
            if (pattern.Parse(text) is { Success: true } moment)
            {
                return moment.Value.ToInstant();
            }
        }

        throw JsonFields.Error(path, $"'{text}' is no date, date-time or date-time with offset in ISO 8601.");
    }

    /// <summary>Reads a half-open interval: a list of its start and its end.</summary>
    public static Interval IntervalOf(JsonElement value, string path, DateTimeZone zone)
    {
        var borders = JsonFields.ItemsOf(value, path).Select(i => MomentOf(i.Value, i.Path, zone)).ToArray();
        return borders is [var start, var end] && start < end
            ? new Interval(start, end)
            : throw JsonFields.Error(path, "A list of a start and a later end is needed.");
    }

    /// <summary>Reads a usage event.</summary>
    /// <param name="value">The event.</param>
    /// <param name="path">Its path in the file.</param>
    /// <param name="zone">The zone of moments without offset.</param>
    /// <param name="defaultType">The type of an event that names none. Default: it must name one.</param>
    public static UsageEvent EventOf(JsonElement value, string path, DateTimeZone zone, string? defaultType = null)
    {
        var fields = new JsonFields(value, path);
        var usage = new UsageEvent
        {
            Id = fields.Text("id"),
            Source = fields.OptionalText("source") ?? "",
            At = MomentOf(fields.Required("at"), fields.PathOf("at"), zone),
            Type = defaultType is null ? fields.Text("type") : fields.OptionalText("type") ?? defaultType,
            Operation = fields.OptionalWord<UsageOperation>("operation") ?? UsageOperation.Add,
            Properties = fields.OptionalFields("properties") is { } properties ? PropertiesOf(properties) : EquatableMap<string>.Empty,
        };
        fields.End();
        return usage;
    }

    /// <summary>Reads an object of scalar values as texts: numbers as they are written, flags as <c>true</c> and <c>false</c>.</summary>
    public static EquatableMap<string> PropertiesOf(JsonFields properties)
    {
        ArgumentNullException.ThrowIfNull(properties);
        return new EquatableMap<string>(properties.Keys.Select(k => KeyValuePair.Create(k, ScalarText(properties.Required(k), properties.PathOf(k)))));
    }

    private static string ScalarText(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.Number => Rounding.Format(JsonFields.NumberOf(value, path), 0),
        JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => JsonFields.TextOf(value, path),
    };
}
