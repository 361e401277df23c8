namespace Billing.PluginLoading;

/// <summary>The files of a plugin's folder.</summary>
internal static class PluginFolder
{
    // Hidden and system files count too: "every file" leaves no room for one that is merely out of sight.
    private static readonly EnumerationOptions Everything = new() { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false };

    private static readonly EnumerationOptions Direct = new() { RecurseSubdirectories = false, AttributesToSkip = 0, IgnoreInaccessible = false };

    public static IReadOnlyList<string> In(string root) =>
        [.. Directory.EnumerateDirectories(Path.GetFullPath(root), "*", Direct).Order(StringComparer.Ordinal)];

    public static IReadOnlyList<string> Files(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", Everything).Order(StringComparer.Ordinal)];

    public static string Relative(string folder, string path) => Path.GetRelativePath(folder, path).Replace('\\', '/');

    /// <summary>FOLDER.dll, else the assembly that the only *.deps.json is named for; <see langword="null"/> when neither is there.</summary>
    public static string? MainAssembly(string folder)
    {
        var own = Path.Combine(folder, Path.GetFileName(folder) + ".dll");
        if (File.Exists(own))
        {
            return own;
        }

        const string suffix = ".deps.json";
        var deps = Directory.GetFiles(folder, "*" + suffix);
        if (deps.Length != 1)
        {
            return null;
        }

        var named = deps[0][..^suffix.Length] + ".dll";
        return File.Exists(named) ? named : null;
    }
}
