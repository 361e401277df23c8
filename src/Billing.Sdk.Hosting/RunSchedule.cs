using NodaTime;

namespace Billing.Hosting;

/// <summary>When a run is due: at an interval, or at times of a calendar (cron) in the tenant's time zone.</summary>
/// <remarks>Immutable, thread-safe, compared by value.</remarks>
public sealed class RunSchedule : IEquatable<RunSchedule>
{
    private static readonly Duration Shortest = Duration.FromSeconds(1);

    private readonly CronFields? _fields;

    private RunSchedule(Duration? interval, string? expression, CronFields? fields, string? timeZone)
    {
        Interval = interval;
        Expression = expression;
        _fields = fields;
        TimeZone = timeZone;
    }

    /// <summary>The interval; <see langword="null"/>: the schedule goes by the calendar.</summary>
    public Duration? Interval { get; }

    /// <summary>The cron expression of five fields; <see langword="null"/>: the schedule goes by an interval.</summary>
    public string? Expression { get; }

    /// <summary>IANA zone of the calendar; <see langword="null"/>: the tenant's own.</summary>
    public string? TimeZone { get; }

    /// <summary>At every multiple of an interval since 1970-01-01T00:00Z, so that all processes mean the same moments.</summary>
    /// <param name="interval">At least one second.</param>
    /// <exception cref="ArgumentOutOfRangeException">The interval is shorter.</exception>
    public static RunSchedule Every(Duration interval)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(interval, Shortest);
        return new RunSchedule(interval, null, null, null);
    }

    /// <summary>At the times of a cron expression.</summary>
    /// <param name="expression">
    /// Five fields: minute (0–59), hour (0–23), day of the month (1–31, <c>L</c> for the last), month (1–12, JAN–DEC), day of the week (0–7, SUN–SAT; 0 and 7 are
    /// Sunday). A field is <c>*</c> or a list of numbers and ranges, with steps: <c>*/15</c>, <c>8-18/2</c>, <c>1,15</c>. At most one of the two day fields is not <c>*</c>.
    /// </param>
    /// <exception cref="FormatException">The expression cannot be read, or its date never comes.</exception>
    /// <remarks>
    /// A local time that a change of the clock leaves out is made up for at the change. One that comes twice counts once, the first time, unless the expression fires in
    /// every hour.
    /// </remarks>
    public static RunSchedule Cron(string expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        return new RunSchedule(null, expression, CronFields.Parse(expression), null);
    }

    /// <summary>Once a day at a local time (whole minutes).</summary>
    public static RunSchedule Daily(LocalTime at) => Cron($"{at.Minute} {at.Hour} * * *");

    /// <summary>The same schedule by the calendar of a zone instead of the tenant's.</summary>
    /// <param name="timeZone">An IANA zone.</param>
    /// <exception cref="BillingException"><c>validation</c>: there is no such zone.</exception>
    public RunSchedule In(string timeZone)
    {
        _ = Zone(timeZone);
        return new RunSchedule(Interval, Expression, _fields, timeZone);
    }

    /// <summary>The first moment after another at which the run is due.</summary>
    /// <param name="after">Later than this.</param>
    /// <param name="tenantTimeZone">The tenant's IANA zone.</param>
    public Instant NextAfter(Instant after, string tenantTimeZone)
    {
        ArgumentNullException.ThrowIfNull(tenantTimeZone);
        if (Interval is { } interval)
        {
            var length = interval.ToInt64Nanoseconds();
            var since = (after - NodaConstants.UnixEpoch).ToInt64Nanoseconds();
            var passed = since >= 0 ? since / length : ((since + 1) / length) - 1;
            return NodaConstants.UnixEpoch + Duration.FromNanoseconds((passed + 1) * length);
        }

        return NextByCalendar(after, Zone(TimeZone ?? tenantTimeZone));
    }

    /// <inheritdoc/>
    public bool Equals(RunSchedule? other) => other is not null && other.Interval == Interval && other.Expression == Expression && other.TimeZone == TimeZone;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RunSchedule);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Interval, Expression, TimeZone);

    /// <summary>The schedule in words, for logs.</summary>
    public override string ToString() => (Interval is { } interval ? $"every {interval.ToTimeSpan()}" : $"cron {Expression}") + (TimeZone is null ? "" : $" in {TimeZone}");

    private Instant NextByCalendar(Instant after, DateTimeZone zone)
    {
        // Within a zone interval local time runs like real time; what a change of the clock leaves out or repeats lies at its border.
        var interval = zone.GetZoneInterval(after);
        var from = after.WithOffset(interval.WallOffset).LocalDateTime.PlusNanoseconds(1);
        if (interval.HasStart && !_fields!.EveryHour)
        {
            from = LocalDateTime.Max(from, zone.GetZoneInterval(interval.Start - Duration.Epsilon).IsoLocalEnd);
        }

        while (true)
        {
            if (_fields!.NextLocal(from) is not { } local)
            {
                throw new InvalidOperationException($"The schedule '{Expression}' has no next time after {after}.");
            }

            if (!interval.HasEnd || local < interval.IsoLocalEnd)
            {
                return local.WithOffset(interval.WallOffset).ToInstant();
            }

            var next = zone.GetZoneInterval(interval.End);
            if (local < next.IsoLocalStart)
            {
                return next.Start;
            }

            from = next.IsoLocalStart < interval.IsoLocalEnd && !_fields.EveryHour ? interval.IsoLocalEnd : next.IsoLocalStart;
            interval = next;
        }
    }

    private static DateTimeZone Zone(string id) =>
        DateTimeZoneProviders.Tzdb.GetZoneOrNull(id) ?? throw BillingException.Validation("schedule", id, "timeZone", $"'{id}' is not an IANA time zone.");
}
