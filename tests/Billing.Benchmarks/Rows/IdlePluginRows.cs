using System.Diagnostics;
using Billing.Benchmarks.Stores;

namespace Billing.Benchmarks.Rows;

/// <summary>The same company twice, once with twenty idle tasks on every stage: month by month, in turn.</summary>
internal sealed class IdlePluginRows(Settings settings, Report report)
{
    public const string Name = "idle-plugins";

    public async Task MeasureAsync()
    {
        await using var plainStore = Store.Create(settings, "plain");
        await using var idleStore = Store.Create(settings, "idle");
        await using var plain = await World.OpenAsync(plainStore);
        await using var idle = await World.OpenAsync(idleStore, new IdlePlugins());
        await plain.CreateTenantAsync();
        await idle.CreateTenantAsync(IdlePlugins.Configuration());
        foreach (var world in new[] { plain, idle })
        {
            await world.SubscribeAsync(settings.Customers, 0);
            await world.BillAsync(0);
        }

        // The first month with usage is not counted: in it the runtime compiles.
        var samples = new List<Sample>();
        for (var month = 0; month <= settings.Repetitions; month++)
        {
            foreach (var world in new[] { plain, idle })
            {
                world.Clock.Now = World.Month(month + 1) - NodaTime.Duration.FromHours(1);
                await world.RecordAsync(World.UsageOf(month, settings.Customers, Math.Min(settings.EventsEach, 5)), settings.BatchSize);
            }

            var first = month % 2 == 0 ? await TimeAsync(plain, month) : 0;
            var seconds = await TimeAsync(idle, month);
            samples.Add(new Sample(seconds, first > 0 ? first : await TimeAsync(plain, month)));
        }

        report.Row(Name, samples.Skip(1), Bar.AtMost(1.10), "s-of-a-core");
    }

    private static async Task<double> TimeAsync(World world, int month)
    {
        // What idle tasks cost is work of the processor; other programs disturb its time less.
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        var result = await world.BillAsync(month + 1);
        process.Refresh();
        return result.QuarantinedCount == 0 ? (process.TotalProcessorTime - before).TotalSeconds : throw new InvalidOperationException($"{result.Quarantined[0].PayerId}: {result.Quarantined[0].Message}");
    }
}
