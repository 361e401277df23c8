namespace Billing.Durability;

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The scenario files of kind lifecycle that have a tag, named from the root, in ordinal order.</summary>
    public static IReadOnlyList<string> ScenariosTagged(string tag) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, "tests/Scenarios"), "*.json", SearchOption.AllDirectories)
            .Where(f => IsTagged(f, tag))
            .Select(f => Path.GetRelativePath(Root, f))
            .Order(StringComparer.Ordinal),
    ];

    private static bool IsTagged(string file, string tag)
    {
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(file));
        return document.RootElement.TryGetProperty("kind", out var kind) && kind.GetString() == "lifecycle"
            && document.RootElement.TryGetProperty("tags", out var tags) && tags.EnumerateArray().Any(t => t.GetString() == tag);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Billing.Sdk.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
