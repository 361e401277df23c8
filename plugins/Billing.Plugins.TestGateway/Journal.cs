using System.Globalization;
using System.Text.Json;
using NodaTime;
using NodaTime.Text;

namespace Billing.Plugins.TestGateway;

/// <summary>What the gateway did, one entry per call with a new key. Never changed.</summary>
internal sealed record JournalEntry
{
    /// <summary><c>charge</c> or <c>refund</c>.</summary>
    public required string Kind { get; init; }

    public required string Tenant { get; init; }

    public required string Key { get; init; }

    /// <summary>Charge: the payment method's token.</summary>
    public string? Token { get; init; }

    /// <summary>Refund: key of the charge.</summary>
    public string? ChargeKey { get; init; }

    /// <summary>Decimal as text.</summary>
    public required string Amount { get; init; }

    /// <summary>Charge: the behaviour that it met.</summary>
    public string? Behavior { get; init; }

    /// <summary>Charge: when a pending one is decided, ISO 8601.</summary>
    public string? SettlesAt { get; init; }

    public decimal Value() => decimal.Parse(Amount, NumberStyles.Number, CultureInfo.InvariantCulture);

    public Instant? Settles() => SettlesAt is null ? null : InstantPattern.ExtendedIso.Parse(SettlesAt).GetValueOrThrow();
}

/// <summary>The journals of a host, by file.</summary>
internal sealed class JournalShelf
{
    private readonly Dictionary<string, Journal> _journals = new(StringComparer.Ordinal);

    public Journal Take(string? file)
    {
        var path = string.IsNullOrEmpty(file) ? "" : Path.GetFullPath(file);
        lock (_journals)
        {
            if (!_journals.TryGetValue(path, out var journal))
            {
                _journals.Add(path, journal = new Journal(path));
            }

            return journal;
        }
    }
}

/// <summary>An append-only list of entries, in memory or in a file that several processes share. Thread-safe.</summary>
internal sealed class Journal(string path)
{
    private const int LockTries = 500;

    private readonly Lock _gate = new();
    private readonly List<JournalEntry> _entries = [];
    private long _read;

    /// <summary>Looks at all entries, and adds what the function answers, as one step that nobody else comes into.</summary>
    public T Use<T>(Func<IReadOnlyList<JournalEntry>, (T Answer, JournalEntry? Added)> step)
    {
        lock (_gate)
        {
            if (path.Length == 0)
            {
                var (answer, added) = step(_entries);
                if (added is not null)
                {
                    _entries.Add(added);
                }

                return answer;
            }

            using var file = Open();
            Read(file);
            var (result, entry) = step(_entries);
            if (entry is not null)
            {
                Append(file, entry);
            }

            return result;
        }
    }

    private FileStream Open()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (tries < LockTries && File.Exists(path))
            {
                // Another process has it for a moment.
                Thread.Sleep(10);
            }
        }
    }

    private void Read(FileStream file)
    {
        file.Position = _read;
        using var reader = new StreamReader(file, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0)
            {
                _entries.Add(JsonSerializer.Deserialize(line, TestGatewayJson.Default.JournalEntry) ?? throw new InvalidDataException($"'{path}' holds a line that is no entry."));
            }
        }

        _read = file.Length;
    }

    private void Append(FileStream file, JournalEntry entry)
    {
        file.Position = file.Length;
        file.Write(JsonSerializer.SerializeToUtf8Bytes(entry, TestGatewayJson.Default.JournalEntry));
        file.WriteByte((byte)'\n');
        file.Flush(flushToDisk: true);
        _entries.Add(entry);
        _read = file.Length;
    }
}
