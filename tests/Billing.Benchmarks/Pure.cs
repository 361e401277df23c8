using System.Diagnostics;

namespace Billing.Benchmarks;

/// <summary>Times code that does nothing but calculate.</summary>
internal static class Pure
{
    private static decimal _sink;

    /// <summary>Nanoseconds of processor time of one call, from as many calls as fill a time.</summary>
    public static double Nanoseconds(Func<decimal> work, double seconds)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        var started = Stopwatch.GetTimestamp();
        var calls = 0;
        do
        {
            _sink += work();
            calls++;
        }
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < seconds);

        process.Refresh();
        return (process.TotalProcessorTime - before).TotalNanoseconds / calls;
    }
}
