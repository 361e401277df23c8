using System.Text.RegularExpressions;
using Mono.Cecil;

namespace Billing.Architecture;

/// <summary>Rules about the text and the compiled code of what is shipped.</summary>
public partial class CodeRuleTests
{
    private static readonly string[] EmptyNames = ["Models", "Services", "Helpers", "Utils", "Utilities", "Managers", "Common", "Misc"];

    private static readonly string[] Unfinished = ["TODO", "FIXME", "HACK", "XXX", "NotImplementedException"];

    [Fact]
    public void No_method_is_async_void()
    {
        var found = from assembly in Repository.ShippedAssemblies
                    let module = Repository.Module(assembly)
                    from type in module.Types.SelectMany(TypeUses.WithNested)
                    from method in type.Methods
                    where method.ReturnType.FullName == "System.Void"
                        && method.CustomAttributes.Any(a => a.AttributeType.Name == "AsyncStateMachineAttribute")
                    select $"{assembly}: {type.FullName}.{method.Name}";

        Report.Empty("The errors of an async void method cannot be caught; return a Task.", found);
    }

    [Fact]
    public void No_folder_or_namespace_has_a_name_that_says_nothing()
    {
        var folders = Repository.Files("src", ".cs").Concat(Repository.Files("plugins", ".cs"))
            .Where(f => f.Split('/').SkipLast(1).Intersect(EmptyNames).Any());
        var namespaces = from assembly in Repository.ShippedAssemblies
                         let module = Repository.Module(assembly)
                         from name in module.Types.Select(t => t.Namespace).Distinct()
                         where name.Split('.').Intersect(EmptyNames).Any()
                         select $"{assembly}: {name}";

        Report.Empty("A folder is named after its feature, in a billing person's words.", folders.Concat(namespaces));
    }

    [Fact]
    public void Every_folder_of_the_core_is_its_namespace()
    {
        const string Core = "src/Billing.Sdk/";
        var found = from file in Repository.Files(Core, ".cs")
                    let folder = Path.GetDirectoryName(file[Core.Length..])!.Replace('\\', '/')
                    let expected = folder.Length == 0 ? "Billing" : "Billing." + folder.Replace('/', '.')
                    let actual = Namespace().Match(Repository.Read(file)).Groups[1].Value
                    where actual.Length > 0 && actual != expected
                    select $"{file}: {actual}, expected {expected}";

        Report.Empty("Folder = feature = namespace.", found);
    }

    [Fact]
    public void Nothing_is_left_unfinished()
    {
        var found = from file in SourceFiles()
                    from line in Repository.Read(file).Split('\n').Index()
                    let word = Unfinished.FirstOrDefault(w => Regex.IsMatch(line.Item, $@"\b{w}\b"))
                    where word is not null
                    select $"{file}:{line.Index + 1}: {word}";

        Report.Empty("What is not done is not in the code.", found);
    }

    [Fact]
    public void Every_catch_names_a_type_and_a_catch_of_everything_names_its_reason()
    {
        Report.Empty(
            "Catch the type that is meant. A catch of Exception without a filter or a throw says why in a comment above it or in its first line.",
            SourceFiles().SelectMany(file => CatchFaults(file, Repository.Read(file))));
    }

    [Theory]
    [InlineData("try { A(); }\ncatch\n{\n}", 1)]
    [InlineData("try { A(); }\ncatch (Exception)\n{\n    B();\n}", 1)]
    [InlineData("try { A(); }\ncatch (Exception e)\n{\n    // The gateway's answer is lost: the outcome is unknown.\n    B();\n}", 0)]
    [InlineData("try { A(); }\ncatch (Exception e) when (e is not OperationCanceledException)\n{\n    B();\n}", 0)]
    [InlineData("try { A(); }\ncatch (Exception)\n{\n    B();\n    throw;\n}", 0)]
    [InlineData("try { A(); }\ncatch (FormatException)\n{\n}", 0)]
    public void The_check_of_catches_tells_good_from_bad(string code, int faults) => Assert.Equal(faults, CatchFaults("file.cs", code).Count());

    private static IEnumerable<string> CatchFaults(string file, string code)
    {
        var lines = code.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (BareCatch().IsMatch(lines[i]))
            {
                yield return $"{file}:{i + 1}: catch without a type";
            }
            else if (CatchOfAll().IsMatch(lines[i]) && !HasReason(lines, i))
            {
                yield return $"{file}:{i + 1}: catch of everything without a reason";
            }
        }
    }

    private static bool HasReason(string[] lines, int at)
    {
        var indent = lines[at].Length - lines[at].TrimStart().Length;
        var block = lines.Skip(at + 1).TakeWhile(l => l.Trim() != "}" || l.Length - l.TrimStart().Length > indent).ToList();
        var around = lines.Skip(Math.Max(0, at - 1)).Take(4);
        return lines.Skip(at).Take(2).Any(l => l.Contains(" when ", StringComparison.Ordinal) || l.TrimStart().StartsWith("when ", StringComparison.Ordinal))
            || around.Any(l => l.Contains("// ", StringComparison.Ordinal))
            || block.Any(l => l.TrimStart().StartsWith("throw", StringComparison.Ordinal));
    }

    private static IEnumerable<string> SourceFiles() => new[] { "src", "plugins", "samples" }.SelectMany(f => Repository.Files(f, ".cs"));

    [GeneratedRegex(@"^namespace\s+([\w.]+)\s*[;{]?\s*$", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"(^|\s|\})catch\s*(\{|$)")]
    private static partial Regex BareCatch();

    [GeneratedRegex(@"(^|\s|\})catch\s*\(\s*(System\.)?Exception\b")]
    private static partial Regex CatchOfAll();
}
