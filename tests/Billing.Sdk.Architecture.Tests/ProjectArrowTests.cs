using System.Xml.Linq;

namespace Billing.Architecture;

/// <summary>Which project may know which, read from the project files.</summary>
public class ProjectArrowTests
{
    private const string Core = "Billing.Sdk";

    /// <summary>What each project of src may reference besides the core. A new project is entered here.</summary>
    private static readonly Dictionary<string, string[]> AllowedInSrc = new()
    {
        [Core] = [],
        ["Billing.Sdk.PluginLoading"] = [],
        ["Billing.Sdk.InMemory"] = [],
        ["Billing.Sdk.EntityFrameworkCore"] = [],
        ["Billing.Sdk.EntityFrameworkCore.Sqlite"] = ["Billing.Sdk.EntityFrameworkCore"],
        ["Billing.Sdk.EntityFrameworkCore.PostgreSql"] = ["Billing.Sdk.EntityFrameworkCore"],
        ["Billing.Sdk.Hosting"] = [],
        ["Billing.Sdk.Quartz"] = ["Billing.Sdk.Hosting"],
        ["Billing.Sdk.AspNetCore"] = ["Billing.Sdk.Hosting"],
        ["Billing.Sdk.Testing"] = ["Billing.Sdk.InMemory"],
        ["Billing.Sdk.Tool"] =
        [
            "Billing.Sdk.PluginLoading", "Billing.Sdk.InMemory", "Billing.Sdk.EntityFrameworkCore", "Billing.Sdk.EntityFrameworkCore.Sqlite",
            "Billing.Sdk.EntityFrameworkCore.PostgreSql", "Billing.Sdk.Hosting", "Billing.Sdk.Testing",
            "@(PluginProject)", "$(SqliteProject)",
        ],
    };

    [Fact]
    public void The_core_knows_NodaTime_and_the_abstractions_of_Microsoft_Extensions_only()
    {
        var project = Project.Load("src/Billing.Sdk/Billing.Sdk.csproj");

        Report.Empty(
            "The core references NodaTime and Microsoft.Extensions abstractions only.",
            project.Packages.Where(p => !IsAllowedInCore(p)).Concat(project.Projects).Concat(project.Frameworks));
    }

    [Fact]
    public void Projects_of_src_point_at_the_core_and_at_nothing_that_is_not_allowed()
    {
        var projects = Repository.Files("src", ".csproj").Select(Project.Load).ToList();
        var unknown = projects.Where(p => !AllowedInSrc.ContainsKey(p.Name)).Select(p => $"{p.Name} is not in the table of allowed arrows");
        var wrong = from project in projects
                    where AllowedInSrc.ContainsKey(project.Name)
                    from target in project.Projects
                    where target != Core && !AllowedInSrc[project.Name].Contains(target)
                    select $"{project.Name} -> {target}";
        var withoutCore = from project in projects
                          where project.Name != Core && project.Projects.Count == 0
                          select $"{project.Name} does not reference the core";

        Report.Empty("An arrow between projects is not allowed.", unknown.Concat(wrong).Concat(withoutCore));
    }

    [Fact]
    public void Plugins_reference_the_core_only()
    {
        var shared = Project.Load("plugins/Directory.Build.props").Projects;
        var found = from path in Repository.Files("plugins", ".csproj")
                    from target in Project.Load(path).Projects.Concat(shared)
                    where target != Core
                    select $"{path} -> {target}";

        Report.Empty("A reference plugin is an ordinary plugin: it sees what a stranger's plugin sees.", found);
    }

    [Fact]
    public void The_quickstart_needs_no_plugin()
    {
        var found = from path in Repository.Files("samples/Quickstart", ".csproj")
                    from target in Project.Load(path).ProjectPaths
                    where target.Contains("plugins/", StringComparison.Ordinal)
                    select $"{path} -> {target}";

        Report.Empty("The quickstart runs without plugins.", found);
    }

    [Fact]
    public void Shipped_code_references_no_tests_and_no_samples()
    {
        var found = from path in Repository.Files("src", ".csproj").Concat(Repository.Files("plugins", ".csproj"))
                    from target in Project.Load(path).ProjectPaths
                    where target.Contains("tests/", StringComparison.Ordinal) || target.Contains("samples/", StringComparison.Ordinal)
                    select $"{path} -> {target}";

        Report.Empty("Shipped code stands below tests and samples.", found);
    }

    [Fact]
    public void Internals_of_the_core_are_open_to_its_own_tests_only()
    {
        using var core = Repository.Module(Core);
        var friends = core.Assembly.CustomAttributes
            .Where(a => a.AttributeType.Name == "InternalsVisibleToAttribute")
            .Select(a => (string)a.ConstructorArguments[0].Value)
            .Where(friend => friend is not ("Billing.Sdk.Tests" or "Billing.Sdk.Money.Tests"));

        Report.Empty("Adapters and plugins use the core's public surface alone.", friends);
    }

    private static bool IsAllowedInCore(string package) =>
        package is "NodaTime" or "Microsoft.Extensions.Options" or "Microsoft.Extensions.DependencyInjection"
        || (package.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal) && package.EndsWith(".Abstractions", StringComparison.Ordinal));

    private sealed record Project(string Name, IReadOnlyList<string> Packages, IReadOnlyList<string> ProjectPaths, IReadOnlyList<string> Frameworks)
    {
        public IReadOnlyList<string> Projects { get; } = [.. ProjectPaths.Select(p => Path.GetFileNameWithoutExtension(p))];

        public static Project Load(string path)
        {
            var xml = Repository.ReadXml(path);
            return new Project(
                Path.GetFileNameWithoutExtension(path),
                [.. xml.Descendants("PackageReference").Where(e => !IsBuildOnly(e)).Select(Include)],
                [.. xml.Descendants("ProjectReference").Select(e => Include(e).Replace('\\', '/'))],
                [.. xml.Descendants("FrameworkReference").Select(Include)]);
        }

        private static bool IsBuildOnly(XElement package) =>
            string.Equals((string?)package.Attribute("PrivateAssets") ?? (string?)package.Element("PrivateAssets"), "all", StringComparison.OrdinalIgnoreCase);

        private static string Include(XElement reference) => (string?)reference.Attribute("Include") ?? "";
    }
}
