using Mono.Cecil;

namespace Billing.Architecture;

/// <summary>The table in docs/reference/coverage.md names tests that exist; they pass, because they are in the same run.</summary>
public class CoverageTableTests
{
    private const string Table = "docs/reference/coverage.md";

    [Fact]
    public void Every_capability_names_tests_that_exist()
    {
        var tests = TestMethods().Select(t => t.Name).ToHashSet();
        var rows = Rows(Repository.Read(Table)).ToList();

        Assert.NotEmpty(rows);
        Report.Empty($"{Table} names what is not there.", rows.SelectMany(r => Faults(r, tests)));
    }

    [Fact]
    public void No_test_is_skipped() =>
        Report.Empty("A skipped test proves nothing; mend it or take it out.", TestMethods().Where(t => t.Skipped).Select(t => t.Name));

    [Theory]
    [InlineData("| Money | [Money](Money.cs) | `A.B.Sums` |", 0)]
    [InlineData("| Money | [Money](Money.cs) | A.B.Sums<br>`A.B.Gone` |", 1)]
    [InlineData("| Money | [Money](Money.cs) |  |", 1)]
    [InlineData("| Money |  | A.B.Sums, A.B.Sums |", 1)]
    [InlineData("| Money | A.B.Sums |", 1)]
    public void The_check_sees_rows_without_a_test_and_tests_that_are_gone(string row, int faults)
    {
        var table = $"Text.\n\n| capability | where | test |\n|---|---|---|\n{row}\n";

        Assert.Equal(faults, Rows(table).SelectMany(r => Faults(r, ["A.B.Sums"])).Count());
    }

    private static IEnumerable<string> Faults(string[] cells, HashSet<string> tests)
    {
        if (cells.Length != 3 || cells.Any(c => c.Length == 0))
        {
            return [$"a row has the cells capability, where and test: | {string.Join(" | ", cells)} |"];
        }

        return cells[2].Split(["<br>", ", "], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(name => name.Trim('`'))
            .Where(name => !tests.Contains(name))
            .Select(name => $"{cells[0]}: there is no test {name}");
    }

    /// <summary>The rows of all tables of the file, without heads and rules.</summary>
    private static IEnumerable<string[]> Rows(string markdown)
    {
        var lines = markdown.Split('\n').Select(l => l.Trim()).ToList();
        return lines
            .Where((line, i) => line.StartsWith('|') && !IsRule(line) && !(i + 1 < lines.Count && IsRule(lines[i + 1])))
            .Select(line => line[1..].TrimEnd('|').Split('|', StringSplitOptions.TrimEntries));
    }

    private static bool IsRule(string line) => line.StartsWith('|') && line.All(c => c is '|' or '-' or ':' or ' ');

    private static IEnumerable<(string Name, bool Skipped)> TestMethods() =>
        from path in TestAssemblies()
        let module = ModuleDefinition.ReadModule(path)
        from type in module.Types.SelectMany(TypeUses.WithNested)
        from method in type.Methods
        let mark = method.CustomAttributes.FirstOrDefault(a => a.AttributeType.Name is "FactAttribute" or "TheoryAttribute")
        where mark is not null
        select ($"{type.FullName.Replace('/', '.')}.{method.Name}", mark.Properties.Any(p => p.Name == "Skip"));

    private static IEnumerable<string> TestAssemblies() =>
        from project in Repository.Files("tests", ".csproj")
        let folder = Path.Combine(Repository.Root, Path.GetDirectoryName(project)!, "bin", Repository.Configuration)
        where Directory.Exists(folder)
        let name = Path.GetFileNameWithoutExtension(project) + ".dll"
        from path in Directory.EnumerateFiles(folder, name, SearchOption.AllDirectories).Take(1)
        select path;
}
