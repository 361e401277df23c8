using System.Runtime.CompilerServices;

namespace Billing.Tests;

/// <summary>Finds tests/Scenarios in the source tree.</summary>
internal static class ScenarioFiles
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Folder(), "..", "Scenarios"));

    public static IEnumerable<string> Of(string kind) =>
        Directory.EnumerateFiles(Path.Combine(Root, kind), "*.json", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Order(StringComparer.Ordinal);

    public static string PathOf(string file) => Path.Combine(Root, file);

    private static string Folder([CallerFilePath] string path = "")
    {
        // Deterministic builds may map the source path; the build output lies under the source tree then.
        var folder = Path.GetDirectoryName(path)!;
        if (Directory.Exists(Path.Combine(folder, "..", "Scenarios")))
        {
            return folder;
        }

        for (var up = new DirectoryInfo(AppContext.BaseDirectory); up is not null; up = up.Parent)
        {
            if (Directory.Exists(Path.Combine(up.FullName, "tests", "Scenarios")))
            {
                return Path.Combine(up.FullName, "tests", "Billing.Sdk.Tests");
            }
        }

        throw new DirectoryNotFoundException("tests/Scenarios is not to be found above the build output.");
    }
}
