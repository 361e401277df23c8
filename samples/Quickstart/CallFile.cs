using Billing;
using Billing.Processing;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using NodaTime.Text;

namespace Quickstart;

/// <summary>A file of call records, and the mediation that makes usage of it.</summary>
internal sealed class CallFile
{
    private const string Reader = "asterisk-cdr-csv";
    private static readonly LocalDateTimePattern Times = LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd HH:mm:ss");

    private readonly string _path;
    private readonly SortedDictionary<string, Caller> _callers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _seconds = [];
    private int _rows;

    private CallFile(string path) => _path = path;

    public IReadOnlyList<Caller> Callers => [.. _callers.Values];

    public LocalDate First { get; private set; } = LocalDate.MaxIsoValue;

    public LocalDate Last { get; private set; } = LocalDate.MinIsoValue;

    /// <summary>Tries the plugin's tasks on the file without storing anything: who calls, when, and how long.</summary>
    public static async Task<CallFile> LookAtAsync(IServiceProvider services, string path)
    {
        var tasks = new TaskResolver(services.GetRequiredService<TaskCatalog>())
            .Resolve(Company.Tenant, new TaskConfiguration { Entries = [.. Company.Tasks.Where(t => t.Stage == "mediation")] });
        var reader = tasks.RequiredByName<IUsageReader>(Reader).Instance;
        var mediator = tasks.Chain<IUsageMediator>()[0].Instance;
        var file = new CallFile(path);
        await using var stream = File.OpenRead(path);
        await foreach (var record in reader.ReadAsync(stream, path, CancellationToken.None))
        {
            file._rows++;
            if (record.Error is null)
            {
                file.Note(record, (await mediator.MediateAsync([record], CancellationToken.None))[0]);
            }
        }

        if (file._callers.Count == 0)
        {
            throw new BillingException(BillingErrorCodes.Validation, $"'{path}' holds no call record that can be read.");
        }

        Screen.Line($"  {file._rows:N0} rows, {file._seconds.Count:N0} answered, {file._seconds.Values.Sum():N0} billed seconds, {file._callers.Count:N0} callers");
        return file;
    }

    /// <summary>Makes usage of the file. A call that is known already counts once, whatever file it comes in.</summary>
    public async Task ImportAsync(BillingEngine billing)
    {
        await using var stream = File.OpenRead(_path);
        var feed = Path.GetFileName(_path);
        var progress = new Progress(sofar => Screen.Progress("records", (int)sofar.SoFar.Read, _rows));
        var result = await billing.Mediation.ImportAsync(Company.Tenant, new ImportRequest { Feed = feed, Reader = Reader, Stream = stream }, progress);
        Screen.Line($"  {result.Read:N0} records: {result.Accepted:N0} good, {result.Duplicate:N0} known already, {result.Discarded:N0} with nothing to bill, {result.Rejected:N0} rejected, {result.Unattributed:N0} of nobody");
        foreach (var rejected in (await billing.Mediation.ListRejectedAsync(Company.Tenant, feed)).OrderBy(r => r.Position))
        {
            Screen.Line($"    rejected {rejected.Position,4}  {rejected.Code}: {rejected.Reason}");
        }
    }

    private void Note(RawUsageRecord record, MediationResult result)
    {
        var number = record.Fields["src"];
        if (!Identifier.IsValid(number) || Times.Parse(record.Fields["start"]) is not { Success: true, Value: var start })
        {
            return;
        }

        // Asterisk shows callers as "Ada Reyes" <555-0101>.
        var name = record.Fields["clid"].Split('<')[0].Trim().Trim('"');
        _callers.TryAdd(number, new Caller(number, name.Length == 0 ? number : name));
        First = LocalDate.Min(First, start.Date);
        Last = LocalDate.Max(Last, start.Date);
        foreach (var entry in result.Entries)
        {
            _seconds.TryAdd(entry.Event.Id, long.Parse(entry.Event.Properties["seconds"], System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private sealed class Progress(Action<ImportProgress> show) : IProgress<ImportProgress>
    {
        public void Report(ImportProgress value) => show(value);
    }
}
