using System.Globalization;
using Billing.Usage;
using NodaTime;
using NodaTime.Text;

namespace Billing.Plugins.AsteriskCdr;

/// <summary>Makes one usage event of each call that was answered. Pure and thread-safe.</summary>
/// <remarks>
/// The disposition is looked at first: Asterisk writes a row per channel tried, and rows of one call share its <c>uniqueid</c>. The event's id is
/// that <c>uniqueid</c>, so that a file which is read again, or overlaps another, bills nothing twice.
/// </remarks>
public sealed class AsteriskCdrMediator : IUsageMediator
{
    private static readonly string[] Known = ["ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "UNKNOWN"];
    private static readonly string[] OwnProperties = ["seconds", "destination", "source"];
    private static readonly LocalDateTimePattern Times = LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd HH:mm:ss");

    private readonly AsteriskCdrParameters _parameters;
    private readonly DateTimeZone _zone;

    /// <summary>Creates a mediator.</summary>
    /// <exception cref="BillingException"><c>validation</c>, naming the parameter.</exception>
    public AsteriskCdrMediator(AsteriskCdrParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _parameters = parameters;
        _zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(parameters.TimeZone) ?? throw Wrong("timeZone", $"'{parameters.TimeZone}' is not an IANA time zone.");
        Require(parameters.CustomerField is CdrColumns.Source or CdrColumns.AccountCode, "customerField", $"It is '{CdrColumns.Source}' or '{CdrColumns.AccountCode}', not '{parameters.CustomerField}'.");
        Require(parameters.Round is >= 1 and <= 86_400, "round", "A billed unit has 1 to 86400 seconds.");
        Require(Identifier.IsValid(parameters.EventType), "eventType", "It has 1 to 128 characters.");
        Require(Identifier.IsValid(parameters.Source), "source", "It has 1 to 128 characters.");
        Require(Identifier.IsValid(parameters.Property) && !OwnProperties.Contains(parameters.Property), "property", "It has 1 to 128 characters and is none of: seconds, destination, source.");
        Require(parameters.Dispositions.Count > 0 && parameters.Dispositions.All(Known.Contains), "dispositions", $"Asterisk writes: {string.Join(", ", Known)}.");
        Require(parameters.Customers.Values.All(id => Identifier.IsValid(id)), "customers", "A customer id has 1 to 128 characters.");
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<MediationResult>> MediateAsync(IReadOnlyList<RawUsageRecord> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        var results = new MediationResult[records.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = Mediate(records[i]);
        }

        return new ValueTask<IReadOnlyList<MediationResult>>(results);
    }

    private MediationResult Mediate(RawUsageRecord record)
    {
        if (!CdrColumns.All.All(record.Fields.ContainsKey))
        {
            return MediationResult.NotMine;
        }

        var disposition = record.Fields[CdrColumns.Disposition];
        if (!_parameters.Dispositions.Contains(disposition))
        {
            return Known.Contains(disposition)
                ? MediationResult.Discarded($"Disposition {disposition}.")
                : Rejected(record, "unknown-disposition", CdrColumns.Disposition, "is none that Asterisk writes");
        }

        var id = record.Fields[CdrColumns.UniqueId];
        if (!Identifier.IsValid(id))
        {
            return Rejected(record, "invalid-id", CdrColumns.UniqueId, "is not 1 to 128 characters");
        }

        var caller = record.Fields[_parameters.CustomerField];
        if (!Identifier.IsValid(caller))
        {
            return Rejected(record, "missing-customer", _parameters.CustomerField, "names no customer");
        }

        if (!int.TryParse(record.Fields[CdrColumns.BilledSeconds], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return Rejected(record, "invalid-duration", CdrColumns.BilledSeconds, "is not a whole number of seconds, 0 or more");
        }

        var column = record.Fields[CdrColumns.Answer].Length > 0 ? CdrColumns.Answer : CdrColumns.Start;
        var time = Times.Parse(record.Fields[column]);
        return time.Success
            ? MediationResult.Of(Entry(record, id, caller, seconds, time.Value))
            : Rejected(record, "invalid-time", column, "is not a time as 2026-03-01 09:30:00");
    }

    private UsageEntry Entry(RawUsageRecord record, string id, string caller, int seconds, LocalDateTime time) => new()
    {
        CustomerId = _parameters.Customers.GetValueOrDefault(caller, caller),
        Event = new UsageEvent
        {
            Id = id,
            Source = _parameters.Source,
            // A time that the clock skipped moves forward; of one that it showed twice it is the first.
            At = _zone.AtLeniently(time).ToInstant(),
            Type = _parameters.EventType,
            Properties = new EquatableMap<string>(
            [
                new("seconds", Text(seconds)),
                new(_parameters.Property, Text((seconds / _parameters.Round) + (seconds % _parameters.Round == 0 ? 0 : 1))),
                new("destination", record.Fields[CdrColumns.Destination]),
                new("source", record.Fields[CdrColumns.Source]),
            ]),
        },
    };

    private static MediationResult Rejected(RawUsageRecord record, string code, string column, string problem) =>
        MediationResult.Rejected(code, FormattableString.Invariant($"line {record.Position}, column {column}: '{Short(record.Fields[column])}' {problem}."));

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void Require(bool holds, string key, string message)
    {
        if (!holds)
        {
            throw Wrong(key, message);
        }
    }

    private static BillingException Wrong(string key, string message) => BillingException.Validation("task", "mediation/asterisk-cdr", key, message);
}
