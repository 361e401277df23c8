using System.Runtime.CompilerServices;
using System.Text;
using Billing.Usage;

namespace Billing.Plugins.AsteriskCdr;

/// <summary>Reads Asterisk's Master.csv: 18 columns, quoted fields, UTF-8 with or without a byte order mark, any line ends.</summary>
/// <remarks>
/// A broken line is a record with its error; the next line is read on its own again, so that a lost quote costs one record and not the rest of the
/// file. A record spans at most <see cref="LinesPerRecord"/> lines and 64 KiB. Thread-safe.
/// </remarks>
public sealed class AsteriskCdrReader : IUsageReader
{
    /// <summary>The most lines that one record may span.</summary>
    public const int LinesPerRecord = 16;

    /// <inheritdoc/>
    public async IAsyncEnumerable<RawUsageRecord> ReadAsync(Stream stream, string feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var lines = new BoundedLineReader(stream);
        var ahead = new LinkedList<Line>();
        while (await NextAsync().ConfigureAwait(false) is { } first)
        {
            if (first.Text.Length > 0 || first.Error is not null)
            {
                yield return await RecordAsync(first).ConfigureAwait(false);
            }
        }

        async ValueTask<Line?> NextAsync()
        {
            if (ahead.First is { } known)
            {
                ahead.RemoveFirst();
                return known.Value;
            }

            return await lines.ReadAsync(cancellationToken).ConfigureAwait(false);
        }

        async ValueTask<RawUsageRecord> RecordAsync(Line first)
        {
            if (first.Error is { } bad)
            {
                return Broken(first, bad);
            }

            var fields = new List<string>(CdrColumns.All.Length);
            var text = new StringBuilder(first.Text);
            var taken = new List<Line>();
            while (true)
            {
                var raw = text.ToString();
                switch (CsvFields.Split(raw, fields, out var error))
                {
                    case CsvState.Complete:
                        return Make(first.Number, raw, fields);
                    case CsvState.Broken:
                        return GiveBack(first, taken, taken.Count == 0 ? error! : "A quote is opened and not closed before text that cannot belong to the record.");
                    case CsvState.Open when taken.Count + 1 == LinesPerRecord:
                        return GiveBack(first, taken, $"A quote is opened and not closed within {LinesPerRecord} lines.");
                    default:
                        break;
                }

                if (await NextAsync().ConfigureAwait(false) is not { } next)
                {
                    return GiveBack(first, taken, "A quote is opened and not closed.");
                }

                taken.Add(next);
                if (next.Error is not null || text.Length + next.Text.Length >= BoundedLineReader.LineLimit)
                {
                    return GiveBack(first, taken, "A quote is opened and not closed before text that cannot belong to the record.");
                }

                text.Append('\n').Append(next.Text);
            }
        }

        RawUsageRecord GiveBack(Line first, List<Line> taken, string error)
        {
            for (var i = taken.Count - 1; i >= 0; i--)
            {
                ahead.AddFirst(taken[i]);
            }

            return Broken(first, error);
        }
    }

    private static RawUsageRecord Broken(Line line, string error) => new() { Position = line.Number, Raw = line.Text, Error = error };

    private static RawUsageRecord Make(long position, string raw, List<string> values)
    {
        if (values.Count != CdrColumns.All.Length)
        {
            var hint = values.Count is 16 or 17 ? " Asterisk leaves the last ones out unless cdr.conf says loguniqueid=yes and loguserfield=yes." : "";
            return new RawUsageRecord { Position = position, Raw = raw, Error = $"The record has {values.Count} columns in place of {CdrColumns.All.Length}.{hint}" };
        }

        var fields = new Dictionary<string, string>(values.Count, StringComparer.Ordinal);
        for (var i = 0; i < values.Count; i++)
        {
            fields.Add(CdrColumns.All[i], values[i]);
        }

        return new RawUsageRecord { Position = position, Raw = raw, Fields = fields };
    }
}
