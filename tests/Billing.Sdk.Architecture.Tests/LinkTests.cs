using System.Text.RegularExpressions;

namespace Billing.Architecture;

public partial class LinkTests
{
    [Fact]
    public void Every_relative_link_of_the_documentation_leads_to_a_file()
    {
        var pages = Repository.Files("docs", ".md").Concat(Repository.Files("samples", ".md")).Concat(Repository.Files("plugins", ".md"))
            .Concat(new[] { "README.md", "CHANGELOG.md" }.Where(f => File.Exists(Path.Combine(Repository.Root, f))));
        var broken = from page in pages
                     from target in Targets(Repository.Read(page))
                     where !Exists(page, target)
                     select $"{page}: {target}";

        Report.Empty("A link leads nowhere.", broken);
    }

    [Fact]
    public void Links_outside_code_are_found_and_web_addresses_are_left_alone()
    {
        const string Page = """
            [a](first.md) and ![picture](../second.png "title") and [web](https://example.org/x.md) and [here](#part), `[c](code.md)`
            ```
            [b](block.md)
            ```
            [reference]: third/fourth.md#part
            """;

        Assert.Equal(["first.md", "../second.png", "third/fourth.md"], Targets(Page));
    }

    private static IEnumerable<string> Targets(string page)
    {
        var text = InlineCode().Replace(CodeBlock().Replace(page, ""), "");
        return Link().Matches(text).Concat(Reference().Matches(text))
            .Select(m => m.Groups[1].Value)
            .Where(target => !Scheme().IsMatch(target))
            .Select(target => Uri.UnescapeDataString(target.Split('#')[0]))
            .Where(target => target.Length > 0);
    }

    private static bool Exists(string page, string target)
    {
        var start = target.StartsWith('/') ? Repository.Root : Path.Combine(Repository.Root, Path.GetDirectoryName(page)!);
        var path = Path.GetFullPath(Path.Combine(start, target.TrimStart('/')));
        return File.Exists(path) || Directory.Exists(path);
    }

    [GeneratedRegex(@"^[ \t]*(```|~~~).*?^[ \t]*\1", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("`[^`\n]+`")]
    private static partial Regex InlineCode();

    [GeneratedRegex(@"\]\(\s*<?([^)\s>]+)>?[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^\[[^\]]+\]:\s*(\S+)", RegexOptions.Multiline)]
    private static partial Regex Reference();

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9+.-]*:")]
    private static partial Regex Scheme();
}
