using System.Text.Json;
using System.Text.RegularExpressions;

namespace Billing.Samples.Tests;

/// <summary>
/// What the documentation shows is what is compiled: a block of code behind <c>&lt;!-- file: PATH --&gt;</c> is that file, one behind <c>&lt;!-- part: PATH --&gt;</c>
/// stands in it.
/// </summary>
public partial class SnippetTests
{
    public static TheoryData<string> Pages()
    {
        var pages = new TheoryData<string> { "README.md" };
        foreach (var page in Directory.EnumerateFiles(Path.Combine(Samples.Root, "docs"), "*.md", SearchOption.AllDirectories))
        {
            pages.Add(Path.GetRelativePath(Samples.Root, page).Replace('\\', '/'));
        }

        return pages;
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Code_of_the_documentation_is_the_file_that_it_names(string page)
    {
        foreach (Match snippet in Snippet().Matches(Samples.Text(page)))
        {
            Assert.Equal(Samples.Text(snippet.Groups["file"].Value), snippet.Groups["code"].Value);
        }

        foreach (Match part in Part().Matches(Samples.Text(page)))
        {
            Assert.Contains(WithoutIndent(part.Groups["code"].Value), WithoutIndent(Samples.Text(part.Groups["file"].Value)), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/start.md")]
    [InlineData("docs/concepts/architecture.md")]
    [InlineData("docs/concepts/usage.md")]
    [InlineData("docs/extending/first-plugin.md")]
    [InlineData("docs/extending/reader-and-mediator.md")]
    [InlineData("docs/extending/tax-rule.md")]
    public void All_code_of_the_newcomers_pages_is_compiled(string page)
    {
        var text = Samples.Text(page);

        Assert.Equal(CSharp().Count(text), Snippet().Count(text) + Part().Count(text));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void JSON_of_the_documentation_is_JSON(string page)
    {
        foreach (Match block in Json().Matches(Samples.Text(page)))
        {
            using var document = JsonDocument.Parse(block.Groups["code"].Value);
        }
    }

    [Theory]
    [InlineData("README.md", "samples/FifteenLines/Program.cs")]
    [InlineData("docs/start.md", "samples/FifteenLines/Program.cs")]
    [InlineData("docs/extending/first-plugin.md", "samples/FirstPlugin.Gateway/LimitGateway.cs")]
    [InlineData("docs/extending/first-plugin.md", "samples/FirstPlugin.Tax/CaliforniaTax.cs")]
    [InlineData("docs/extending/tax-rule.md", "samples/FirstPlugin.Tax/CaliforniaTax.cs")]
    [InlineData("docs/extending/reader-and-mediator.md", "samples/FirstPlugin.Usage/SensorUsage.cs")]
    public void The_newcomers_pages_show_the_samples(string page, string file) =>
        Assert.Contains(Snippet().Matches(Samples.Text(page)), m => m.Groups["file"].Value == file);

    [Fact]
    public void The_readme_names_the_two_commands()
    {
        var readme = Samples.Text("README.md");

        Assert.Contains("dotnet run -c Release --project samples/Quickstart", readme, StringComparison.Ordinal);
        Assert.Contains("./.ci/test", readme, StringComparison.Ordinal);
    }

    private static string WithoutIndent(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    [GeneratedRegex(@"<!-- file: (?<file>\S+) -->\n```\w*\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Snippet();

    [GeneratedRegex(@"<!-- part: (?<file>\S+) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Part();

    [GeneratedRegex(@"^```csharp$", RegexOptions.Multiline)]
    private static partial Regex CSharp();

    [GeneratedRegex(@"```json\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Json();
}
