namespace Billing.Samples.Tests;

public class FifteenLinesTests
{
    [Fact]
    public async Task Fifteen_lines_bill_a_customer()
    {
        using var scratch = new ScratchFolder();

        var (code, output) = await Samples.RunAsync(Path.Combine(Samples.Output("FifteenLines"), "FifteenLines.dll"), scratch.Path);

        Assert.True(code == 0, output);
        Assert.Matches(@"^Invoice \S+: 20(\.00)? USD\n$", output);
        Assert.True(File.Exists(scratch["billing.db"]));
    }

    [Fact]
    public void They_are_fifteen_at_most()
    {
        var lines = Samples.Text("samples/FifteenLines/Program.cs").Split('\n').Where(l => l.Length > 0 && !l.StartsWith("using Billing", StringComparison.Ordinal) && !l.StartsWith("using Microsoft", StringComparison.Ordinal));

        Assert.InRange(lines.Count(), 1, 15);
    }
}
