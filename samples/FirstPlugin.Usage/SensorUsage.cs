using System.Runtime.CompilerServices;
using Billing;
using Billing.Tasks;
using Billing.Usage;
using NodaTime.Text;

[assembly: BillingPlugin<FirstPlugin.Usage.UsagePlugin>("first-usage")]

namespace FirstPlugin.Usage;

public sealed class UsagePlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder)
    {
        builder.AddTask<IUsageReader>("first-usage/sensor-lines", _ => new SensorReader());
        builder.AddTask<IUsageMediator>("first-usage/sensors", _ => new SensorMediator());
    }
}

/// <summary>Reads lines <c>ID;CUSTOMER;TIME;KWH</c>.</summary>
public sealed class SensorReader : IUsageReader
{
    private static readonly string[] Names = ["id", "customer", "time", "kwh"];

    public async IAsyncEnumerable<RawUsageRecord> ReadAsync(Stream stream, string feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var text = new StreamReader(stream, leaveOpen: true);
        for (var line = 1; await text.ReadLineAsync(cancellationToken) is { } raw; line++)
        {
            var parts = raw.Split(';');
            yield return parts.Length == Names.Length
                ? new RawUsageRecord { Position = line, Raw = raw, Fields = Names.Zip(parts).ToDictionary(p => p.First, p => p.Second) }
                : new RawUsageRecord { Position = line, Raw = raw, Error = $"{parts.Length} fields in place of {Names.Length}." };
        }
    }
}

/// <summary>Makes one event of each reading; a reading of zero is nothing to bill.</summary>
public sealed class SensorMediator : IUsageMediator
{
    public ValueTask<IReadOnlyList<MediationResult>> MediateAsync(IReadOnlyList<RawUsageRecord> records, CancellationToken cancellationToken) =>
        new([.. records.Select(Mediate)]);

    private static MediationResult Mediate(RawUsageRecord record)
    {
        if (!record.Fields.TryGetValue("kwh", out var kwh))
        {
            return MediationResult.NotMine;
        }

        if (kwh == "0")
        {
            return MediationResult.Discarded("Nothing was used.");
        }

        var time = InstantPattern.General.Parse(record.Fields["time"]);
        return time.Success
            ? MediationResult.Of(new UsageEntry
            {
                CustomerId = record.Fields["customer"],
                Event = new UsageEvent
                {
                    Source = "sensors",
                    Id = record.Fields["id"],
                    At = time.Value,
                    Type = "energy",
                    Properties = new EquatableMap<string>([new("kwh", kwh)]),
                },
            })
            : MediationResult.Rejected("invalid-time", $"line {record.Position}: '{record.Fields["time"]}' is not a time as 2026-03-01T09:30:00Z.");
    }
}
