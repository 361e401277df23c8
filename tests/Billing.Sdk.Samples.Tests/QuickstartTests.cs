using System.Xml.Linq;

namespace Billing.Samples.Tests;

public sealed class QuickstartTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    [Fact]
    public async Task It_tells_its_story_to_the_cent()
    {
        var (code, output) = await RunAsync();

        Assert.True(code == 0, output);
        Assert.Contains("39 rows, 25 answered, 9,595 billed seconds, 5 callers", output, StringComparison.Ordinal);
        Assert.Contains("39 records: 25 good, 3 known already, 7 with nothing to bill, 4 rejected, 0 of nobody", output, StringComparison.Ordinal);
        Assert.Contains("rejected   20  invalid-duration: line 20, column billsec: '-241' is not", output, StringComparison.Ordinal);
        Assert.Contains("Ada Reyes: $20.00 + 100 × $0.05 = $25.00", output, StringComparison.Ordinal);
        Assert.Contains("→ Eva Lind: payment.failed (number INV-000010, amount 21.40, code insufficient_funds, retryAt 2026-04-04T00:00:00Z)", output, StringComparison.Ordinal);
        Assert.Contains("→ Eva Lind: invoice.overdue (number INV-000010, amountDue 21.40, step reminder)", output, StringComparison.Ordinal);
        Assert.Contains("penalty, invoice INV-000010", output, StringComparison.Ordinal);
        Assert.Contains("Eva Lind: subscription suspended, owes $26.40", output, StringComparison.Ordinal);
        Assert.Contains("Eva Lind: subscription active, owes $0.00", output, StringComparison.Ordinal);
        Assert.Contains("  balanced", output, StringComparison.Ordinal);
        Assert.Contains("11 invoices made.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_run_on_the_same_database_bills_nothing()
    {
        var (_, first) = await RunAsync();

        var (code, second) = await RunAsync();

        Assert.True(code == 0, second);
        Assert.Contains("nothing to bill", second, StringComparison.Ordinal);
        Assert.Contains("39 records: 0 good, 28 known already, 7 with nothing to bill, 4 rejected, 0 of nobody", second, StringComparison.Ordinal);
        Assert.Equal(Books(first), Books(second));
    }

    [Fact]
    public async Task Real_calls_are_reported_with_the_figures_of_their_own_exchange_where_they_are_present()
    {
        if (Samples.RealCalls() is not { } calls)
        {
            return;
        }

        var (code, output) = await RunAsync("--cdr", calls);

        Assert.True(code == 0, output);
        Assert.Contains("218 rows, 133 answered, 38,839 billed seconds, 54 callers", output, StringComparison.Ordinal);
        Assert.Contains("218 records: 133 good, 0 known already, 85 with nothing to bill, 0 rejected, 0 of nobody", output, StringComparison.Ordinal);
        Assert.Contains("  balanced", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_whose_plugin_is_gone_is_refused_by_name()
    {
        await RunAsync();
        var copy = _scratch.Copy(Samples.Output("Quickstart"), "app");
        Directory.Delete(Path.Combine(copy, "plugins", "Billing.Plugins.FixedScheduleRetry"), recursive: true);

        var (code, output) = await Samples.RunAsync(Path.Combine(copy, "Quickstart.dll"), _scratch.Path, "--database", _scratch["quickstart.db"]);

        Assert.Equal(1, code);
        Assert.Contains("refused [task-missing]", output, StringComparison.Ordinal);
        Assert.Contains("payment-retry/fixed-schedule", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_cannot_be_loaded_is_named_with_its_reason()
    {
        var copy = _scratch.Copy(Samples.Output("Quickstart"), "app");
        await File.WriteAllTextAsync(Path.Combine(copy, "plugins", "Billing.Plugins.AsteriskCdr", "Billing.Plugins.AsteriskCdr.dll"), "This is no assembly.");

        var (code, output) = await Samples.RunAsync(Path.Combine(copy, "Quickstart.dll"), _scratch.Path, "--database", _scratch["quickstart.db"]);

        Assert.Equal(1, code);
        Assert.Contains("refused  Billing.Plugins.AsteriskCdr: ", output, StringComparison.Ordinal);
        Assert.Contains("refused [task-missing]", output, StringComparison.Ordinal);
        Assert.Contains("usage-reading/asterisk-cdr-csv", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named()
    {
        var (code, output) = await RunAsync("--cdr", _scratch["no.csv"]);

        Assert.Equal(1, code);
        Assert.Contains("no.csv", output, StringComparison.Ordinal);
    }

    [Fact]
    public void It_finds_its_plugins_at_run_time_and_references_none()
    {
        var project = XDocument.Parse(Samples.Text("samples/Quickstart/Quickstart.csproj"));
        var references = project.Descendants().Where(e => e.Name.LocalName.EndsWith("Reference", StringComparison.Ordinal)).Select(e => (string)e.Attribute("Include")!);
        var output = Samples.Output("Quickstart");
        var sources = Directory.EnumerateFiles(Path.Combine(Samples.Root, "samples", "Quickstart"), "*.cs").Select(File.ReadAllText);

        Assert.DoesNotContain(references, r => r.Contains("plugins", StringComparison.OrdinalIgnoreCase));
        Assert.Empty(Directory.EnumerateFiles(output, "Billing.Plugins.*"));
        Assert.DoesNotContain("Billing.Plugins", File.ReadAllText(Path.Combine(output, "Quickstart.deps.json")), StringComparison.Ordinal);
        Assert.DoesNotContain(sources, s => s.Contains("Billing.Plugins", StringComparison.Ordinal));
        Assert.True(File.Exists(Path.Combine(output, "plugins", "Billing.Plugins.AsteriskCdr", "Billing.Plugins.AsteriskCdr.dll")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(output, "plugins"), "Billing.Sdk.dll", SearchOption.AllDirectories));
    }

    public void Dispose() => _scratch.Dispose();

    private Task<(int Code, string Output)> RunAsync(params string[] arguments) =>
        Samples.RunAsync(Path.Combine(Samples.Output("Quickstart"), "Quickstart.dll"), _scratch.Path, ["--database", _scratch["quickstart.db"], .. arguments]);

    /// <summary>The last chapter without its closing sentence.</summary>
    private static string Books(string output)
    {
        var start = output.IndexOf("  The books", StringComparison.Ordinal);
        Assert.True(start >= 0, output);
        return output[start..output.IndexOf("balanced", start, StringComparison.Ordinal)];
    }
}
