using System.Xml.Linq;
using Mono.Cecil;

namespace Billing.Architecture;

/// <summary>The files of the repository and the assemblies built from it.</summary>
internal static class Repository
{
    private static readonly string[] NotSources = ["bin", "obj", "artifacts", "TestResults", ".git", ".vs"];

    public static string Root { get; } = FindRoot();

    /// <summary>The name of each project in src; assembly, package and project bear one name.</summary>
    public static IReadOnlyList<string> ShippedAssemblies { get; } =
        [.. Files("src", ".csproj").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    /// <summary>Debug or Release: that of the build that this test belongs to.</summary>
    public static string Configuration { get; } =
        AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar).Contains("Release") ? "Release" : "Debug";

    /// <summary>Paths from the root, with forward slashes, of the source files below a folder.</summary>
    public static IReadOnlyList<string> Files(string folder, string extension)
    {
        var start = Path.Combine(Root, folder);
        return Directory.Exists(start)
            ? [.. Walk(new DirectoryInfo(start)).Where(f => f.Extension == extension).Select(f => Relative(f.FullName)).Order(StringComparer.Ordinal)]
            : [];
    }

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static XDocument ReadXml(string path) => XDocument.Load(Path.Combine(Root, path));

    public static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    /// <summary>A shipped assembly, as it was copied beside this test.</summary>
    public static ModuleDefinition Module(string assembly) => ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));

    /// <summary>The first value of a property in Directory.Build.props.</summary>
    public static string BuildProperty(string name) => ReadXml("Directory.Build.props").Descendants(name).First().Value;

    private static IEnumerable<FileInfo> Walk(DirectoryInfo folder) =>
        folder.EnumerateFiles().Concat(folder.EnumerateDirectories().Where(d => !NotSources.Contains(d.Name)).SelectMany(Walk));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds Directory.Packages.props.");
    }
}
