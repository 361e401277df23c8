using System.Diagnostics;
using System.Globalization;
using Billing.Benchmarks.Stores;

namespace Billing.Benchmarks.Rows;

/// <summary>A billing run without a store, in a process of its own: what the engine itself takes of a core and of memory.</summary>
internal sealed class ComposeRows(Settings settings, Report report)
{
    public const string Rate = "compose";
    public const string Memory = "compose-memory";

    private const double RateBar = 60_000;
    private const double MegabytesBar = 300;

    public static string[] Names { get; } = [Rate, Memory];

    public async Task MeasureAsync()
    {
        // The bar for memory is for 10,000 customers, however many the other rows have.
        var customers = Math.Min(settings.Customers, 10_000);
        var output = await Child.RunAsync(["composing", "--customers", Text(customers), "--repetitions", Text(settings.Repetitions), "--warm-up", Text(settings.WarmUpMonths)]);
        var figures = output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(t => double.Parse(t, CultureInfo.InvariantCulture)).ToArray();
        if (settings.Wants(Rate))
        {
            report.Row(Rate, figures[1..].Select(s => new Sample(customers / s, RateBar)), Bar.AtLeast(1), "invoices/s-of-a-core");
        }

        if (settings.Wants(Memory))
        {
            report.Row(Memory, figures[0], MegabytesBar, Bar.AtMost(1), "MB-VmHWM");
        }
    }

    /// <summary>The process that is measured: prints the peak of memory in MB and then the processor seconds of each repetition.</summary>
    public static async Task<int> RunMeasuredAsync(Settings settings)
    {
        var tenant = new TenantId("northline");
        var store = new NoStore(tenant, settings.Customers);
        await using var world = await World.OpenAsync(store.Open, tenant: tenant.Value, answer: store.Answer);
        await world.CreateTenantAsync();
        await world.SubscribeAsync(1, 0);
        await world.BillAsync(0);
        store.Answers = true;

        // The runtime compiles what it finds hot, in the background: the first runs are several times slower.
        for (var i = 0; i <= settings.WarmUpMonths; i++)
        {
            await BillAsync(world, store, settings.Customers);
        }

        var seconds = new List<double>();
        for (var i = 0; i < settings.Repetitions; i++)
        {
            seconds.Add(await BillAsync(world, store, settings.Customers));
        }

        Console.WriteLine(string.Join(' ', seconds.Prepend(Child.PeakMegabytes()).Select(f => f.ToString("0.####", CultureInfo.InvariantCulture))));
        return 0;
    }

    /// <summary>Seconds that all cores together worked, those of the collector and the compiler included: so nothing is gained by a second core, and nothing lost to other programs.</summary>
    private static async Task<double> BillAsync(World world, NoStore store, int customers)
    {
        store.StartAgain();
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        await world.BillAsync(1);
        process.Refresh();
        var seconds = (process.TotalProcessorTime - before).TotalSeconds;
        return store.Invoices == customers ? seconds : throw new InvalidOperationException($"{store.Invoices} invoices were made for {customers} customers.");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
