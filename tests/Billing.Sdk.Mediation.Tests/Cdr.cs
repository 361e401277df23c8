using System.Text;
using Billing.Plugins.AsteriskCdr;
using Billing.Usage;

namespace Billing.Mediation.Tests;

/// <summary>Call records as Asterisk writes them, and shortcuts to read them.</summary>
internal static class Cdr
{
    public static string Line(
        string id = "1740822000.1",
        string src = "555-0101",
        string billsec = "61",
        string disposition = "ANSWERED",
        string answer = "2026-03-01 10:00:05",
        string start = "2026-03-01 10:00:00",
        string account = "") =>
        $"\"{account}\",\"{src}\",\"555-0199\",\"out\",\"\"\"Jane\"\" <{src}>\",\"SIP/1\",\"SIP/2\",\"Dial\",\"SIP/2,30\",\"{start}\",\"{answer}\",\"2026-03-01 10:01:06\",66,{billsec},\"{disposition}\",\"DOCUMENTATION\",\"{id}\",\"\"";

    public static async Task<List<RawUsageRecord>> ReadAsync(Stream stream)
    {
        var records = new List<RawUsageRecord>();
        await foreach (var record in new AsteriskCdrReader().ReadAsync(stream, "test.csv", CancellationToken.None))
        {
            records.Add(record);
        }

        return records;
    }

    public static Task<List<RawUsageRecord>> ReadAsync(byte[] bytes) => ReadAsync(new MemoryStream(bytes));

    public static Task<List<RawUsageRecord>> ReadAsync(string text) => ReadAsync(Encoding.UTF8.GetBytes(text));

    public static async Task<IReadOnlyList<MediationResult>> MediateAsync(IReadOnlyList<RawUsageRecord> records, AsteriskCdrParameters? parameters = null) =>
        await new AsteriskCdrMediator(parameters ?? new AsteriskCdrParameters()).MediateAsync(records, CancellationToken.None);

    public static async Task<MediationResult> MediateAsync(string line, AsteriskCdrParameters? parameters = null) =>
        Assert.Single(await MediateAsync(await ReadAsync(line), parameters));

    /// <summary>What a file comes to when events count once by their id: (answered, seconds, discarded, rejected, repeated).</summary>
    public static async Task<(int Rows, int Answered, int Seconds, int Discarded, int Rejected, int Repeated)> TotalAsync(Stream file)
    {
        var records = await ReadAsync(file);
        var results = await MediateAsync([.. records.Where(r => r.Error is null)]);
        var events = results.SelectMany(r => r.Entries).Select(e => e.Event).ToList();
        var once = events.DistinctBy(e => (e.Source, e.Id)).ToList();
        return (
            records.Count,
            once.Count,
            once.Sum(e => int.Parse(e.Properties["seconds"], System.Globalization.CultureInfo.InvariantCulture)),
            results.Count(r => r.Kind == MediationKind.Discarded),
            results.Count(r => r.Kind == MediationKind.Rejected) + records.Count(r => r.Error is not null),
            events.Count - once.Count);
    }
}
