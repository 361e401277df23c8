using System.Diagnostics;
using Billing.PostgreSql.Tests;

namespace Billing.Hosting.Tests;

public class ClusterSampleTests
{
    [Fact]
    public async Task Two_processes_share_a_run_and_one_that_is_killed_leaves_no_trace()
    {
        var here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        var sample = Path.Combine(Root(here), "samples", "Cluster", "bin", Path.GetFileName(Path.GetDirectoryName(here)!), Path.GetFileName(here), "Cluster.dll");
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        using var process = Process.Start(new ProcessStartInfo(host, [sample, "--customers", "2000", "--postgres", PostgresServer.Address])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            var text = await output + await errors;

            Assert.True(process.ExitCode == 0, text);
            Assert.Contains("Killed worker-1 (SIGKILL)", text, StringComparison.Ordinal);
            Assert.Contains("2,000 customers, 2,000 invoices; 0 customers without exactly one.", text, StringComparison.Ordinal);
            Assert.Contains("Numbers without a gap, up to 2,000.", text, StringComparison.Ordinal);
            Assert.Contains("Ledger balanced: 39,800.00 is owed.", text, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static string Root(string here)
    {
        var folder = new DirectoryInfo(here);
        while (!File.Exists(Path.Combine(folder.FullName, "Billing.Sdk.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException($"No folder above {here} is the repository.");
        }

        return folder.FullName;
    }
}
