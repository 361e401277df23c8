using System.Runtime.CompilerServices;
using Billing.Processing;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Mediation.Tests;

/// <summary>One record per line; a line <c>!…</c> is broken, a line <c>THROW</c> makes the reader throw.</summary>
internal sealed class LineReader : IUsageReader
{
    public async IAsyncEnumerable<RawUsageRecord> ReadAsync(Stream stream, string feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var text = new StreamReader(stream, leaveOpen: true);
        for (var number = 1; await text.ReadLineAsync(cancellationToken) is { } line; number++)
        {
            if (line == "THROW")
            {
                throw new InvalidDataException("The disk is gone.");
            }

            yield return new RawUsageRecord
            {
                Position = number,
                Raw = line,
                Fields = new Dictionary<string, string> { ["text"] = line },
                Error = line.StartsWith('!') ? "It begins with '!'." : null,
            };
        }
    }
}

/// <summary>
/// Answers by the text: <c>prefix:events:ID,ID</c>, <c>prefix:discard</c>, <c>prefix:reject</c>; another prefix is not its own; <c>POISON</c> makes it throw for the
/// whole batch. An event <c>nobody</c> names a customer without a subscription.
/// </summary>
internal sealed class PrefixMediator(string prefix, List<int> batches) : IUsageMediator
{
    public ValueTask<IReadOnlyList<MediationResult>> MediateAsync(IReadOnlyList<RawUsageRecord> records, CancellationToken cancellationToken)
    {
        lock (batches)
        {
            batches.Add(records.Count);
        }

        return new([.. records.Select(Mediate)]);
    }

    private MediationResult Mediate(RawUsageRecord record)
    {
        var text = record.Fields["text"];
        if (text == "POISON")
        {
            throw new InvalidOperationException("This record is poison.");
        }

        var parts = text.Split(':');
        return parts[0] != prefix
            ? MediationResult.NotMine
            : parts[1] switch
            {
                "discard" => MediationResult.Discarded("nothing to bill"),
                "reject" => MediationResult.Rejected("wrong", "It is wrong."),
                "nothing" => MediationResult.Of(),
                _ => MediationResult.Of([.. parts[2].Split(',').Select(Entry)]),
            };
    }

    private static UsageEntry Entry(string id) => new()
    {
        CustomerId = id.StartsWith("nobody", StringComparison.Ordinal) ? "nobody" : "jane",
        Event = new UsageEvent
        {
            Id = id,
            At = Instant.FromUtc(2026, 3, 10, 12, 0),
            Type = "call",
            Properties = new EquatableMap<string>([new("minutes", id.StartsWith("bad", StringComparison.Ordinal) ? "many" : "2")]),
        },
    };
}

/// <summary>A plugin with one reader and two mediators, <c>a</c> and <c>b</c>.</summary>
internal sealed class FakePlugin : IBillingPlugin
{
    public List<int> BatchesOfA { get; } = [];

    public List<int> BatchesOfB { get; } = [];

    public void Configure(IPluginBuilder builder)
    {
        builder.AddTask<IUsageReader>("lines", _ => new LineReader());
        builder.AddTask<IUsageMediator>("a", _ => new PrefixMediator("a", BatchesOfA));
        builder.AddTask<IUsageMediator>("b", _ => new PrefixMediator("b", BatchesOfB));
    }
}

/// <summary>Keeps what was reported.</summary>
internal sealed class Reports : IProgress<ImportProgress>
{
    public List<ImportProgress> All { get; } = [];

    public void Report(ImportProgress value) => All.Add(value);
}
