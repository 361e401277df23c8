using System.Diagnostics;
using System.Globalization;
using Billing.Benchmarks.Stores;

namespace Billing.Benchmarks.Rows;

/// <summary>The same run over a tenth of the customers and over all of them, each in a fresh process on a database that another process has prepared.</summary>
internal sealed class ScaleRows(Settings settings, Report report)
{
    public const string Time = "customers-x10-time";
    public const string Memory = "customers-x10-memory";

    private const int WarmUpCustomers = 100;

    public static string[] Names { get; } = [Time, Memory];

    public async Task MeasureAsync()
    {
        var sizes = new[] { Math.Max(1, settings.Customers / 10), settings.Customers };
        var stores = sizes.Select(s => Store.Create(settings, $"scale{s}")).ToArray();
        if (!stores[0].HasLimit)
        {
            return;
        }

        var (time, memory) = (new List<Sample>(), new List<Sample>());
        for (var i = 0; i < sizes.Length; i++)
        {
            await PrepareAsync(settings, stores[i], sizes[i]);
        }

        for (var repetition = 0; repetition < settings.Repetitions; repetition++)
        {
            var small = await RunAsync(stores[0], sizes[0]);
            var large = await RunAsync(stores[1], sizes[1]);
            time.Add(new Sample(large.Seconds, small.Seconds));
            memory.Add(new Sample(large.Megabytes, small.Megabytes));
        }

        foreach (var store in stores)
        {
            await store.DisposeAsync();
        }

        report.Note(string.Create(CultureInfo.InvariantCulture, $"customers-x10: {sizes[0]} and {sizes[1]} customers"));
        if (settings.Wants(Time))
        {
            report.Row(Time, time, Bar.AtMost(11), "s");
        }

        if (settings.Wants(Memory))
        {
            report.Row(Memory, memory, Bar.AtMost(1.2), "MB-VmHWM");
        }
    }

    /// <summary>The process that is measured: warms up on a small database, bills the prepared one, prints seconds and the peak of its memory in MB.</summary>
    public static async Task<int> RunMeasuredAsync(Settings settings, string location)
    {
        await WarmUpAsync(settings);
        await using var store = Store.Open(settings, location);
        await using var world = await World.OpenAsync(store);
        var started = Stopwatch.GetTimestamp();
        var result = await world.BillAsync(1);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (result.Payers != settings.Customers)
        {
            throw new InvalidOperationException($"{result.Payers} of {settings.Customers} customers were billed.");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds} {Child.PeakMegabytes()}"));
        return 0;
    }

    /// <summary>Customers whose first month has been billed in advance and whose usage of that month is there.</summary>
    public static async Task PrepareAsync(Settings settings, Store store, int customers)
    {
        await using var world = await World.OpenAsync(store);
        await world.CreateTenantAsync();
        await world.SubscribeAsync(customers, 0);
        await world.BillAsync(0);
        await world.RecordAsync(World.UsageOf(0, customers, settings.EventsEach), settings.BatchSize);
    }

    private async Task<(double Seconds, double Megabytes)> RunAsync(Store store, int customers)
    {
        // A run changes the database, so each repetition has a copy.
        await using var copy = await store.CopyAsync();
        var output = await Child.RunAsync(["billing", copy.Location, "--store", settings.Store, "--customers", customers.ToString(CultureInfo.InvariantCulture), "--warm-up", settings.WarmUpMonths.ToString(CultureInfo.InvariantCulture)]);
        var figures = output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(t => double.Parse(t, CultureInfo.InvariantCulture)).ToArray();
        return (figures[0], figures[1]);
    }

    /// <summary>Bills a few months on a small database of its own, so that the runtime has compiled what is then timed.</summary>
    public static async Task WarmUpAsync(Settings settings)
    {
        var folder = Directory.CreateTempSubdirectory("billing-warm-");
        try
        {
            await using var store = Store.Create(settings with { Folder = folder.FullName }, "warm");
            await using var world = await World.OpenAsync(store);
            await world.CreateTenantAsync();
            await world.SubscribeAsync(WarmUpCustomers, 0);
            for (var month = 0; month < settings.WarmUpMonths; month++)
            {
                await world.BillAsync(month);
                await world.RecordAsync(World.UsageOf(month, WarmUpCustomers, 10), 1000);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
