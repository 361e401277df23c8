using System.Diagnostics;
using System.Globalization;
using Billing;
using Billing.Processing;
using Billing.Quartz;
using Billing.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Cluster;

/// <summary>Two workers share a billing run; one is killed on the way; the books are what they would have been.</summary>
internal static class Story
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(1);

    public static async Task<bool> TellAsync(string database, Settings settings)
    {
        using var office = Office(database, settings);
        var engine = office.Services.GetRequiredService<BillingEngine>();
        var storage = office.Services.GetRequiredService<IBillingStorage>();
        await engine.InitializeAsync();
        await Company.OpenAsync(engine);
        Say($"{settings.Customers:N0} customers move in.");
        await Company.TakeOverAsync(storage, settings.Customers);

        using var one = Start(database, "worker-1", settings);
        using var two = Start(database, "worker-2", settings);
        try
        {
            await office.StartAsync();
            var run = await office.Services.GetRequiredService<BillingScheduler>().StartBillingAsync(
                new CommandContext(Company.Tenant) { IdempotencyKey = "first-run" }, SystemClock.Instance.GetCurrentInstant());
            Say($"Run over {run.Total:N0} customers in {run.Shards} shards; two worker processes: {one.Id} and {two.Id}.");
            var killed = await WatchAsync(engine, run.Id, one);
            await office.StopAsync();
            return await Books.CheckAsync(engine, storage, settings.Customers) && killed;
        }
        finally
        {
            End(one);
            End(two);
        }
    }

    /// <summary>Shows how far the run is, and kills a worker when a quarter is done.</summary>
    private static async Task<bool> WatchAsync(BillingEngine engine, Guid run, Process victim)
    {
        var killed = false;
        var said = Stopwatch.StartNew();
        while (true)
        {
            var progress = await engine.Runs.GetProgressAsync(Company.Tenant, run);
            if (progress.Run.State == RunState.Finished)
            {
                Show(progress);
                return killed || Fail("The run was over before a worker could be killed; take more customers.");
            }

            var works = progress.Shards.Any(s => s.State == ShardState.Working && s.Worker!.StartsWith("worker-1/", StringComparison.Ordinal));
            if (!killed && works && progress.Done * 4 >= progress.Run.Total)
            {
                victim.Kill();
                await victim.WaitForExitAsync();
                killed = true;
                Show(progress);
                Say($"Killed worker-1 (SIGKILL) while it had {progress.Shards.Count(s => s.State == ShardState.Working && s.Worker!.StartsWith("worker-1/", StringComparison.Ordinal))} shards.");
            }
            else if (said.Elapsed > BetweenLines)
            {
                Show(progress);
                said.Restart();
            }

            await Task.Delay(BetweenLooks);
        }
    }

    private static void Show(RunProgress progress)
    {
        var shards = progress.Shards.CountBy(s => s.State).ToDictionary();
        Say(string.Create(CultureInfo.InvariantCulture,
            $"  {progress.Done,9:N0} of {progress.Run.Total:N0} done, {progress.InvoicesPerSecond,7:N0} invoices/s, {progress.Quarantined} quarantined; shards: {shards.GetValueOrDefault(ShardState.Waiting)} waiting, {shards.GetValueOrDefault(ShardState.Working)} working, {shards.GetValueOrDefault(ShardState.Done)} done"));
    }

    /// <summary>The process that asks for the run and works on none of it.</summary>
    private static IHost Office(string database, Settings settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        Worker.Add(builder.Services, database, "office", settings, works: false);
        return builder.Build();
    }

    private static Process Start(string database, string name, Settings settings)
    {
        var program = typeof(Story).Assembly.Location;
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        return Process.Start(new ProcessStartInfo(host, [program, "worker", database, name, settings.Customers.ToString(CultureInfo.InvariantCulture)]))!;
    }

    private static void End(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    private static bool Fail(string text)
    {
        Say(text);
        return false;
    }

    private static void Say(string text) => Console.WriteLine(text);
}
