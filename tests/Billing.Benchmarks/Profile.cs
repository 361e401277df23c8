using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Billing.Benchmarks.Stores;
using Microsoft.Diagnostics.Tracing.Etlx;
using Microsoft.Diagnostics.Tracing.Stacks;

namespace Billing.Benchmarks;

/// <summary>Where the time of a billing run goes: the runtime samples the stacks of a process of its own, and the samples are counted by method.</summary>
internal static partial class Profile
{
    private const int Months = 3;
    private const string Measured = "Billing.Benchmarks.Profile.MeasuredAsync";

    private static readonly string[] Waiting = ["System.Threading.Monitor.Wait", "WaitHandle.WaitOne", "LowLevelLifoSemaphore", "UnmanagedThread", "PortableThreadPool"];

    /// <summary>Starts the process that is sampled and prints what was found.</summary>
    public static async Task<int> RunAsync(string[] options)
    {
        var folder = Directory.CreateTempSubdirectory("billing-profile-");
        try
        {
            var trace = Path.Combine(folder.FullName, "run.nettrace");
            var output = await Child.RunAsync(
                ["profiled", .. options],
                new Dictionary<string, string>
                {
                    ["DOTNET_EnableEventPipe"] = "1",
                    ["DOTNET_EventPipeOutputPath"] = trace,
                    ["DOTNET_EventPipeConfig"] = "Microsoft-DotNETCore-SampleProfiler:0:5,Microsoft-Windows-DotNETRuntime:0x4C14FCCBD:5",
                });
            Console.Write(output);
            Print(trace);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The sampled process: prepares, then bills within <see cref="MeasuredAsync"/>, whose stacks alone are counted.</summary>
    public static async Task<int> RunSampledAsync(Settings settings)
    {
        var folder = Directory.CreateTempSubdirectory("billing-profile-");
        try
        {
            var local = settings with { Folder = folder.FullName };
            await using var store = Store.Create(local, "profile");
            await using var world = await World.OpenAsync(store);
            await world.CreateTenantAsync();
            await world.SubscribeAsync(settings.Customers, 0);

            // Until the last month the runtime compiles what it finds hot; then it is sampled.
            for (var month = 0; month < Months; month++)
            {
                await world.BillAsync(month);
                await world.RecordAsync(World.UsageOf(month, settings.Customers, settings.EventsEach), settings.BatchSize);
            }

            world.Watch.Reset();
            var started = Stopwatch.GetTimestamp();
            await Task.Run(() => MeasuredAsync(world));
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"# {settings.Store}, {settings.Customers} customers: {seconds:0.000} s under the profiler"));
            foreach (var (method, spent) in world.Watch.Times.OrderByDescending(t => t.Value.Seconds))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"# storage {method}: {spent.Calls} calls, {spent.Seconds:0.000} s"));
            }

            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Task MeasuredAsync(World world) => world.BillAsync(Months);

    private static void Print(string trace)
    {
        using var log = new TraceLog(TraceLog.CreateFromEventPipeDataFile(trace));
        var (inclusive, exclusive) = (new Dictionary<string, int>(), new Dictionary<string, int>());
        var total = 0;
        foreach (var sample in log.Events.Where(e => e.ProviderName == "Microsoft-DotNETCore-SampleProfiler"))
        {
            var frames = new List<string>();
            for (var stack = sample.CallStack(); stack is not null; stack = stack.Caller)
            {
                frames.Add(Clean(stack.CodeAddress.FullMethodName));
            }

            if (frames.Count == 0 || !frames.Contains(Measured) || Array.Exists(Waiting, w => frames[0].Contains(w, StringComparison.Ordinal)))
            {
                continue;
            }

            total++;
            exclusive[frames[0]] = exclusive.GetValueOrDefault(frames[0]) + 1;
            foreach (var frame in frames.Distinct(StringComparer.Ordinal))
            {
                inclusive[frame] = inclusive.GetValueOrDefault(frame) + 1;
            }
        }

        Table("inclusive, the engine's own methods", inclusive.Where(m => m.Key.StartsWith("Billing.", StringComparison.Ordinal)), total, 70);
        Table("inclusive, other methods", inclusive.Where(m => !m.Key.StartsWith("Billing.", StringComparison.Ordinal)), total, 40);
        Table("exclusive", exclusive, total, 50);
    }

    private static void Table(string title, IEnumerable<KeyValuePair<string, int>> methods, int total, int rows)
    {
        Console.WriteLine($"# {title} ({total} samples)");
        foreach (var (method, count) in methods.OrderByDescending(m => m.Value).Take(rows))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{100.0 * count / total,6:0.0}% {method}"));
        }
    }

    /// <summary>Names without parameters and without what the compiler adds for async methods and lambdas.</summary>
    private static string Clean(string method)
    {
        var end = method.IndexOf('(', StringComparison.Ordinal);
        var name = end < 0 ? method : method[..end];
        return Generated().Replace(name, ".$1").Replace(".MoveNext", "", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"[+.]?<(\w+)>d__\d+(`\d+)?")]
    private static partial Regex Generated();
}
