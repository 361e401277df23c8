using System.Runtime.CompilerServices;
using Billing.Testing.Scenarios;
using Billing.Tool;

namespace Billing.Scenarios;

/// <summary>The conformance suite in tests/Scenarios and what is known not to come out of it.</summary>
internal static class Suite
{
    /// <summary>tests/Scenarios.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The lifecycle files with the figures of other systems, as paths below the root.</summary>
    public static IReadOnlyList<string> Lifecycles { get; } = FilesIn("lifecycle");

    /// <summary>Our own files, derived from the rules of the format one by one.</summary>
    public static IReadOnlyList<string> Own { get; } = FilesIn("own");

    /// <summary>The stores that the tool knows.</summary>
    public static IReadOnlyList<string> Stores => ScenarioStores.Names;

    /// <summary>The lists of files that do not come out, with their entries: file and reason.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<(string File, string Reason)>> Exceptions { get; } =
        new[] { "DISPUTED.md", "PENDING.md" }.ToDictionary(name => name, name => ReadList(File.ReadAllLines(Path.Combine(Root, name))), StringComparer.Ordinal);

    /// <summary>A runner with the reference plugins.</summary>
    public static ScenarioRunner Runner(string store) => new(Options(store));

    public static ScenarioRunnerOptions Options(string store) => new() { UseStore = ScenarioStores.Open(store).Use, Plugins = ReferencePlugins.Load() };

    /// <summary>The entries of a list: <c>- lifecycle/x/y.json: reason</c>; other lines are text.</summary>
    public static IReadOnlyList<(string File, string Reason)> ReadList(IEnumerable<string> lines) =>
    [
        .. from line in lines
           where line.StartsWith("- ", StringComparison.Ordinal)
           let colon = line.IndexOf(": ", StringComparison.Ordinal)
           select colon < 0 ? (line[2..].Trim(), "") : (line[2..colon].Trim(), line[(colon + 2)..].Trim()),
    ];

    private static string FindRoot([CallerFilePath] string path = "")
    {
        // A deterministic build may map the source path; the build output lies under the source tree then.
        foreach (var start in new[] { Path.GetDirectoryName(path)!, AppContext.BaseDirectory })
        {
            for (var up = new DirectoryInfo(start); up is not null; up = up.Parent)
            {
                var found = Path.Combine(up.FullName, "tests", "Scenarios");
                if (Directory.Exists(found))
                {
                    return found;
                }
            }
        }

        throw new DirectoryNotFoundException("tests/Scenarios is not to be found above the sources or the build output.");
    }

    private static List<string> FilesIn(string folder) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, folder), "*.json", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];
}
