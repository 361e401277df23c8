using System.Runtime.InteropServices;
using Billing.Benchmarks.Rows;

namespace Billing.Benchmarks;

/// <summary>Measures rows, each with its limit.</summary>
internal static class Ratios
{
    public static async Task<int> RunAsync(Settings asked)
    {
        var folder = asked.Folder.Length > 0 ? Directory.CreateDirectory(asked.Folder) : Directory.CreateTempSubdirectory("billing-benchmarks-");
        var settings = asked with { Folder = folder.FullName };
        var report = new Report(Console.Out);
        report.Note($"store {settings.Store}, {settings.Customers} customers, {settings.EventsEach} events each, {settings.Repetitions} repetitions; {Environment.ProcessorCount} cores, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}");
        Console.WriteLine(Report.Header);
        try
        {
            if (settings.Wants(LifeRows.Names))
            {
                await new LifeRows(settings, report).MeasureAsync();
                if (settings is { Store: "postgresql", RowSecurity: false })
                {
                    await new LifeRows(settings with { RowSecurity = true }, report).MeasureAsync();
                }
            }

            if (settings.Wants(EventRows.Names))
            {
                await new EventRows(settings, report).MeasureAsync();
            }

            if (settings.Wants(IdlePluginRows.Name))
            {
                await new IdlePluginRows(settings, report).MeasureAsync();
            }

            if (settings.Wants(HistoryRows.Name))
            {
                await new HistoryRows(settings, report).MeasureAsync();
            }

            if (settings.Wants(ScaleRows.Names))
            {
                await new ScaleRows(settings, report).MeasureAsync();
            }

            if (settings.Wants(WorkerRows.Name))
            {
                await new WorkerRows(settings, report).MeasureAsync();
            }

            if (settings.Wants(RatingRows.Names))
            {
                new RatingRows(settings, report).Measure();
            }

            if (settings.Wants(ComposeRows.Names))
            {
                await new ComposeRows(settings, report).MeasureAsync();
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        report.Note($"{report.Rows} rows, {report.Below} below their bar");
        return 0;
    }
}
