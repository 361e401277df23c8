using System.Diagnostics;
using System.Globalization;
using Billing.Benchmarks.Stores;

namespace Billing.Benchmarks.Rows;

/// <summary>Accounts that have been billed each month for years and accounts that are new, in one database: what an invoice costs.</summary>
internal sealed class HistoryRows(Settings settings, Report report)
{
    public const string Name = "years-10";

    private const int EventsOfOldMonths = 5;

    public async Task MeasureAsync()
    {
        await using var store = Store.Create(settings, "history");
        await using var old = await World.OpenAsync(store, tenant: "old");
        await using var young = await World.OpenAsync(store, tenant: "young");
        var (accounts, start) = (settings.HistoryAccounts, settings.HistoryMonths);
        await old.CreateTenantAsync();
        await old.SubscribeAsync(accounts, 0);
        for (var month = 0; month < start; month++)
        {
            await old.BillAsync(month);
            await old.RecordAsync(World.UsageOf(month, accounts, EventsOfOldMonths), settings.BatchSize);
        }

        young.Clock.Now = World.Month(start);
        await young.CreateTenantAsync();
        await young.SubscribeAsync(accounts, start);
        await old.BillAsync(start);
        await young.BillAsync(start);
        var samples = new List<Sample>();
        for (var month = start; month < start + Math.Max(settings.Repetitions, 5); month++)
        {
            foreach (var world in new[] { old, young })
            {
                world.Clock.Now = World.Month(month + 1) - NodaTime.Duration.FromHours(1);
                await world.RecordAsync(World.UsageOf(month, accounts, settings.EventsEach), settings.BatchSize);
            }

            samples.Add(new Sample(await TimeAsync(old, month + 1, accounts), await TimeAsync(young, month + 1, accounts)));
        }

        report.Note(string.Create(CultureInfo.InvariantCulture, $"years-10: {accounts} accounts with {start} months of invoices, {accounts} without"));
        report.Row(Name, samples, Bar.AtMost(1.2), "ms/invoice");
    }

    private static async Task<double> TimeAsync(World world, int month, int accounts)
    {
        var started = Stopwatch.GetTimestamp();
        var result = await world.BillAsync(month);
        var milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        return result.Payers == accounts ? milliseconds / accounts : throw new InvalidOperationException($"{result.Payers} of {accounts} accounts were billed.");
    }
}
