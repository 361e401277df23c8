using System.Diagnostics;
using System.Globalization;
using Billing.Benchmarks.Stores;
using Billing.Processing;
using NodaTime;

namespace Billing.Benchmarks.Rows;

/// <summary>One run shared by two worker processes against one, and what two processes gain that only write the same rows.</summary>
/// <remarks>Each worker works on one shard at a time, as each plain writer has one connection.</remarks>
internal sealed class WorkerRows(Settings settings, Report report)
{
    public const string Name = "workers-two";

    private const int Shards = 8;
    private const string Ready = "ready";

    public async Task MeasureAsync()
    {
        await using var store = Store.Create(settings, "workers");
        if (!store.HasLimit)
        {
            return;
        }

        await ScaleRows.PrepareAsync(settings, store, settings.Customers);
        var samples = new List<Sample>();
        for (var i = 0; i < settings.Repetitions; i++)
        {
            samples.Add(await RepetitionAsync(store));
        }

        report.Row(Name, samples, Bar.AtLeast(0.9), "times-as-fast");
    }

    /// <summary>A worker process: says when it is ready, begins when it is told to, says how many invoices it made.</summary>
    public static async Task<int> RunWorkerAsync(Settings settings, string location, string run)
    {
        await ScaleRows.WarmUpAsync(settings);
        await using var store = Store.Open(settings, location);
        await using var world = await World.OpenAsync(store);
        world.Clock.Now = World.Month(1);
        await GoAsync();
        var result = await world.Engine.Runs.WorkAsync(world.Tenant, Guid.Parse(run), new WorkerOptions { Degree = 1 });
        Console.WriteLine(result.InvoiceCount.ToString(CultureInfo.InvariantCulture));
        return 0;
    }

    /// <summary>A process that only writes its part of the rows.</summary>
    public static async Task<int> RunWriterAsync(Settings settings, string engine, string copy, string commits, string part, string of)
    {
        await using var source = Store.Open(settings, engine);
        await using var target = Store.Open(settings, copy);
        await using var rewrite = await target.PrepareAsync(source, Number(commits), new Part(Number(part), Number(of)));
        await GoAsync();
        await rewrite.WriteAsync();
        Console.WriteLine("0");
        return 0;
    }

    private async Task<Sample> RepetitionAsync(Store store)
    {
        await using var one = await store.CopyAsync();
        var alone = await WorkAsync(one, 1);
        await using var two = await store.CopyAsync();
        var gain = alone / await WorkAsync(two, 2);
        var plain = await WriteAsync(store, one, 1) / await WriteAsync(store, one, 2);
        report.Note(string.Create(CultureInfo.InvariantCulture, $"workers-two: one worker {alone:0.000} s"));
        return new Sample(gain, plain);
    }

    private async Task<double> WorkAsync(Store store, int workers)
    {
        await using var world = await World.OpenAsync(store);
        world.Clock.Now = World.Month(1);
        var size = Math.Max(1, settings.Customers / Shards);
        var run = await world.Engine.Runs.StartAsync(world.Tenant, new StartRunRequest { AsOf = World.Month(1), ShardSize = size });
        await store.SettleAsync();
        var (seconds, invoices) = await RaceAsync(Enumerable.Range(0, workers).Select(_ => (string[])["working", store.Location, run.Id.ToString()]));
        return invoices == settings.Customers ? seconds : throw new InvalidOperationException($"{workers} workers made {invoices} invoices for {settings.Customers} customers.");
    }

    private async Task<double> WriteAsync(Store before, Store engine, int writers)
    {
        await using var copy = await before.CopyAsync();
        var commits = Math.Max(Shards, settings.Customers / new WorkerOptions().PageSize);
        await using var rewrite = await copy.PrepareAsync(engine, commits);
        await copy.SettleAsync();
        var (seconds, _) = await RaceAsync(Enumerable.Range(0, writers).Select(i => (string[])["writing", engine.Location, copy.Location, Text(commits), Text(i), Text(writers)]));
        await rewrite.CompareAsync();
        return seconds;
    }

    /// <summary>Starts processes, lets them go together when all are ready, and gives the seconds until the last is done, with the sum of what they print.</summary>
    private async Task<(double Seconds, int Sum)> RaceAsync(IEnumerable<string[]> commands)
    {
        var processes = commands.Select(c => Child.Start([.. c, "--store", settings.Store, "--warm-up", Text(settings.WarmUpMonths)])).ToList();
        try
        {
            var errors = processes.ConvertAll(p => p.StandardError.ReadToEndAsync());
            for (var i = 0; i < processes.Count; i++)
            {
                if (await processes[i].StandardOutput.ReadLineAsync() != Ready)
                {
                    throw new InvalidOperationException($"A process did not get ready: {await errors[i]}");
                }
            }

            var started = Stopwatch.GetTimestamp();
            processes.ForEach(p => p.StandardInput.WriteLine());
            var lines = await Task.WhenAll(processes.Select(p => p.StandardOutput.ReadLineAsync()));
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            await Task.WhenAll(processes.Select(p => p.WaitForExitAsync()));
            return Array.TrueForAll(lines, l => l is not null)
                ? (seconds, lines.Sum(l => Number(l!)))
                : throw new InvalidOperationException($"A process failed: {string.Join('\n', await Task.WhenAll(errors))}");
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited)
                {
                    process.Kill();
                }

                process.Dispose();
            }
        }
    }

    private static async Task GoAsync()
    {
        Console.WriteLine(Ready);
        await Console.In.ReadLineAsync();
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
