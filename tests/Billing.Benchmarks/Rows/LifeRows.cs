using System.Diagnostics;
using System.Globalization;
using Billing.Benchmarks.Stores;
using Billing.Usage;

namespace Billing.Benchmarks.Rows;

/// <summary>
/// Months in the life of a company: usage comes in, is sent again, is billed, and a second run finds nothing. After each measured part the limit writes the same rows
/// into a copy of the database as it was before.
/// </summary>
internal sealed class LifeRows(Settings settings, Report report)
{
    public const string IngestNew = "ingest-new";
    public const string IngestResent = "ingest-resent";
    public const string Bill = "bill";
    public const string SecondRun = "bill-second";
    public const string Loop = "bill-loop";

    private readonly List<Sample> _ingest = [];
    private readonly List<Sample> _resent = [];
    private readonly List<Sample> _bill = [];
    private readonly List<Sample> _ingestWork = [];
    private readonly List<Sample> _billWork = [];
    private readonly List<Sample> _second = [];
    private readonly List<Sample> _loop = [];
    private readonly bool _needsIngest = settings.Wants(IngestNew, IngestResent);
    private readonly bool _needsBill = settings.Wants(Bill, SecondRun, Loop);

    public static string[] Names { get; } = [IngestNew, IngestResent, Bill, SecondRun, Loop];

    /// <summary>Measures; the store is left as it is after the last month.</summary>
    public async Task MeasureAsync()
    {
        await using var store = Store.Create(settings, "life");
        await using var world = await World.OpenAsync(store);
        await world.CreateTenantAsync();
        await world.SubscribeAsync(settings.Customers, 0);
        report.Note(await store.DescribeAsync());

        // The first run bills the first month in advance; it compiles what the later ones are timed by.
        await world.BillAsync(0);
        for (var month = 0; month < settings.Repetitions; month++)
        {
            await MonthAsync(store, world, month);
        }

        Print(store.HasLimit);
    }

    private async Task MonthAsync(Store store, World world, int month)
    {
        world.Clock.Now = World.Month(month + 1) - NodaTime.Duration.FromHours(1);
        var events = World.UsageOf(month, settings.Customers, settings.EventsEach);
        var total = (long)settings.Customers * settings.EventsEach;
        var timed = _needsIngest ? Math.Min(total / 2, (long)settings.BatchSize * settings.Batches) / settings.BatchSize * settings.BatchSize : 0;
        await world.RecordAsync(events.Take((int)(total - timed)), settings.BatchSize);
        if (timed > 0)
        {
            await IngestAsync(store, world, [.. events.Skip((int)(total - timed)).Chunk(settings.BatchSize)]);
        }

        if (_needsBill)
        {
            await BillAsync(store, world, month + 1);
        }
    }

    private async Task IngestAsync(Store store, World world, UsageEntry[][] batches)
    {
        var before = await CopyAsync(store, world);
        var count = batches.Sum(b => b.Length);
        var work = store.ProcessorSeconds();
        var seconds = await TimeAsync(world, batches, UsageStatus.Accepted);
        work = store.ProcessorSeconds() - work;
        var commits = world.Watch.Commits;
        var totals = before is null ? default : await store.TotalsAsync();
        var resent = await TimeAsync(world, batches, UsageStatus.Duplicate);
        if (before is null)
        {
            var plain = Plain.PlainMemory.Deduplicate(batches);
            _ingest.Add(new Sample(count / seconds, count / plain));
            _resent.Add(new Sample(count / resent, count / plain));
            return;
        }

        if (await store.TotalsAsync() != totals)
        {
            throw new InvalidOperationException("Events that were sent again changed the database.");
        }

        await using var copy = before;
        var limit = await LimitAsync(IngestNew, store, before, commits);
        _ingest.Add(new Sample(count / seconds, count / limit.Seconds));
        _ingestWork.Add(new Sample(count / work, count / limit.Work));
        _resent.Add(new Sample(count / resent, count / limit.Seconds));
    }

    /// <summary>The database as it is, with nothing left to be written; the engine's connections are open again.</summary>
    private static async Task<Store?> CopyAsync(Store store, World world)
    {
        var copy = store.HasLimit ? await store.CopyAsync() : null;
        await store.SettleAsync();
        _ = await world.Engine.Tenants.GetAsync(world.Tenant);
        world.Watch.Reset();
        return copy;
    }

    private static async Task<double> TimeAsync(World world, UsageEntry[][] batches, UsageStatus expected)
    {
        var started = Stopwatch.GetTimestamp();
        foreach (var batch in batches)
        {
            await world.RecordAsync(batch, batch.Length, expected);
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private async Task BillAsync(Store store, World world, int month)
    {
        var before = await CopyAsync(store, world);
        world.Watch.Keep = before is null;
        var work = store.ProcessorSeconds();
        var started = Stopwatch.GetTimestamp();
        var result = await world.BillAsync(month);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        work = store.ProcessorSeconds() - work;
        var commits = world.Watch.Commits;
        if (result.Payers != settings.Customers || result.QuarantinedCount > 0)
        {
            throw new InvalidOperationException($"{result.Payers} of {settings.Customers} customers were billed, {result.QuarantinedCount} are in quarantine.");
        }

        report.Note($"bill: {commits} commits; {string.Join(", ", world.Watch.Times.OrderByDescending(t => t.Value.Seconds).Take(5).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Key} {t.Value.Calls}x {t.Value.Seconds:0.000}s")))}; all {seconds.ToString("0.000", CultureInfo.InvariantCulture)}s");
        await SecondAsync(store, world, month, seconds);
        if (before is null)
        {
            _bill.Add(new Sample(settings.Customers / seconds, settings.Customers / Plain.PlainMemory.Write(world.Watch.Batches)));
            world.Watch.Keep = false;
            return;
        }

        await using var copy = before;
        var limit = await LimitAsync(Bill, store, before, commits);
        _bill.Add(new Sample(settings.Customers / seconds, settings.Customers / limit.Seconds));
        _billWork.Add(new Sample(settings.Customers / work, settings.Customers / limit.Work));
        if (settings.Wants(Loop))
        {
            var options = before.LoopDatabase();
            await Plain.OrdinaryLoop.PrepareAsync(options, settings.LoopAccounts, settings.EventsEach);
            _loop.Add(new Sample(settings.Customers / seconds, settings.LoopAccounts / await Plain.OrdinaryLoop.BillAsync(options)));
        }
    }

    private async Task SecondAsync(Store store, World world, int month, double first)
    {
        var totals = store.HasLimit ? await store.TotalsAsync() : default;
        var commits = world.Watch.Calls(nameof(Billing.Storage.IBillingStorage.CommitAsync));
        var started = Stopwatch.GetTimestamp();
        var result = await world.BillAsync(month);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var wrote = store.HasLimit ? (await store.TotalsAsync()).Rows - totals.Rows : world.Watch.Calls(nameof(Billing.Storage.IBillingStorage.CommitAsync)) - commits;
        if (result.InvoiceCount != 0 || wrote != 0)
        {
            throw new InvalidOperationException($"A run with nothing due made {result.InvoiceCount} invoices and wrote {wrote} rows.");
        }

        _second.Add(new Sample(seconds, first));
    }

    private async Task<(double Seconds, double Work)> LimitAsync(string row, Store store, Store copy, int commits)
    {
        await using var rewrite = await copy.PrepareAsync(store, commits);
        await store.SettleAsync();
        var work = store.ProcessorSeconds();
        var seconds = await rewrite.WriteAsync();
        work = store.ProcessorSeconds() - work;
        var (engine, limit, tables) = await rewrite.CompareAsync();
        report.Note(string.Create(CultureInfo.InvariantCulture, $"{row}: engine wrote {engine.Rows} rows {engine.Bytes} bytes, limit {limit.Rows} rows {limit.Bytes} bytes, each in {commits} commits; {tables}"));
        return (seconds, work);
    }

    private void Print(bool durable)
    {
        var postgreSql = settings.Store == "postgresql";
        Print(IngestNew, _ingest, !durable ? null : Bar.AtLeast(!postgreSql ? 0.5 : settings.RowSecurity ? 0.4 : 0.6), "events/s");
        Print(IngestNew, _ingestWork, null, "events/s-of-a-core", "-work");
        Print(IngestResent, _resent, postgreSql && !settings.RowSecurity ? Bar.AtLeast(0.5) : null, "events/s");
        Print(Bill, _bill, durable && !settings.RowSecurity ? Bar.AtLeast(0.5) : null, "invoices/s");
        Print(Bill, _billWork, null, "invoices/s-of-a-core", "-work");
        Print(SecondRun, _second, Bar.AtMost(0.3), "s");
        Print(Loop, _loop, postgreSql ? Bar.AtLeast(12) : null, "invoices/s");
    }

    private void Print(string name, List<Sample> samples, Bar? bar, string unit, string suffix = "")
    {
        if (samples.Count > 0 && settings.Wants(name))
        {
            report.Row(name + suffix + (settings is { Store: "postgresql", RowSecurity: true } ? "-rls" : ""), samples, bar, unit);
        }
    }
}
