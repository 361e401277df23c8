namespace Billing.Samples.Tests;

/// <summary>The benchmarks are run seldom; that they still run, and that every row still checks what it measures, shows at tiny sizes. Their figures mean nothing here.</summary>
public class BenchmarksTests
{
    private static readonly string[] Everywhere =
    [
        "ingest-new", "ingest-resent", "bill", "bill-second", "idle-plugins", "years-10", "rating", "rating-accounts", "rating-requests", "compose", "compose-memory",
    ];

    private static readonly string[] WithDatabase =
    [
        "ingest-new-work", "bill-work", "bill-loop", "event-one", "event-64", "customers-x10-time", "customers-x10-memory", "workers-two",
    ];

    [Fact]
    public Task Every_row_runs_in_memory() => VerifyAsync("memory", Everywhere);

    [Fact]
    public Task Every_row_runs_on_SQLite() => VerifyAsync("sqlite", [.. Everywhere, .. WithDatabase]);

    private static async Task VerifyAsync(string store, string[] expected)
    {
        using var scratch = new ScratchFolder();
        var assembly = Path.Combine(Samples.Output(Path.Combine("..", "tests", "Billing.Benchmarks")), "Billing.Benchmarks.dll");

        var (code, output) = await Samples.RunAsync(assembly, scratch.Path, "verify", "--store", store);

        Assert.True(code == 0, output);
        var rows = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith('#')).Select(l => l.Split(' ')).ToList();
        Assert.All(rows, row => Assert.Equal(7, row.Length));
        Assert.Equal(expected.Order(StringComparer.Ordinal), rows.Select(row => row[0]).Order(StringComparer.Ordinal));
    }
}
