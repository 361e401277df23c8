using Billing.Catalog;
using NodaTime;
using NodaTime.Text;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>A moment that a file expects: an instant, or a date that stands for any time of that day where the format says so.</summary>
internal sealed record ExpectedMoment(string Text, LocalDate? Date, Instant At, DateTimeZone Zone)
{
    public static ExpectedMoment? Read(JsonFields fields, string key, DateTimeZone zone)
    {
        if (fields.Optional(key) is not { } value)
        {
            return null;
        }

        var at = ScenarioJson.MomentOf(value, fields.PathOf(key), zone);
        var text = JsonFields.TextOf(value, fields.PathOf(key));
        return new ExpectedMoment(text, LocalDatePattern.Iso.Parse(text) is { Success: true } date ? date.Value : null, at, zone);
    }

    /// <summary>Whether it is exactly this moment; a date is its start.</summary>
    public bool IsAt(Instant? moment) => moment == At;

    /// <summary>Whether it is this moment or, as a date, the day of it.</summary>
    public bool IsOn(Instant moment) => Date is { } date ? moment.InZone(Zone).Date == date : moment == At;

    /// <summary>A moment as files write it.</summary>
    public string Show(Instant? moment)
    {
        if (moment is not { } at)
        {
            return "nothing";
        }

        var local = at.InZone(Zone).LocalDateTime;
        return local.TimeOfDay == LocalTime.Midnight ? LocalDatePattern.Iso.Format(local.Date) : LocalDateTimePattern.ExtendedIso.Format(local);
    }
}
