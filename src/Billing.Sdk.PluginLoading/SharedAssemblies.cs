using System.Reflection;
using System.Runtime.Loader;

namespace Billing.PluginLoading;

/// <summary>The assemblies that plugins share with the host: the same types on both sides.</summary>
public static class SharedAssemblies
{
    /// <summary>Simple names of those that are shared always, beside the framework's.</summary>
    public static IReadOnlyList<string> Fixed { get; } =
    [
        "Billing.Sdk",
        "NodaTime",
        "Microsoft.Extensions.DependencyInjection",
        "Microsoft.Extensions.DependencyInjection.Abstractions",
        "Microsoft.Extensions.Logging.Abstractions",
        "Microsoft.Extensions.Options",
        "Microsoft.Extensions.Primitives",
    ];
}

/// <summary>The host's side of sharing: what is shared, and the host's own assemblies of those names.</summary>
internal sealed class HostAssemblies
{
    private static readonly string[] FrameworkPrefixes = ["System.", "Microsoft.Win32.", "Microsoft.VisualBasic"];
    private static readonly string[] FrameworkNames = ["System", "mscorlib", "netstandard", "WindowsBase", "Microsoft.CSharp"];

    // The context that the SDK itself was loaded into: in a host that loads the SDK as a plugin of its own, that is not the default one.
    private readonly AssemblyLoadContext _context =
        AssemblyLoadContext.GetLoadContext(typeof(BillingException).Assembly) ?? AssemblyLoadContext.Default;

    private readonly HashSet<string> _named;
    private readonly HashSet<string>? _framework;
    private readonly HashSet<string> _otherFrameworks;

    public HostAssemblies(IEnumerable<string> additions)
    {
        _named = new HashSet<string>(SharedAssemblies.Fixed.Concat(additions), StringComparer.OrdinalIgnoreCase);
        var core = Path.GetDirectoryName(typeof(object).Assembly.Location) ?? "";
        var separate = core.Length > 0 && !SameFolder(core, AppContext.BaseDirectory);
        _framework = separate ? NamesIn([core]) : null;
        _otherFrameworks = separate ? NamesIn(OtherFrameworkFolders(core)) : [];
    }

    /// <summary>The names that are shared beside the framework's.</summary>
    public IReadOnlyCollection<string> Named => _named;

    /// <summary>Whether plugins must use the host's assembly of that name.</summary>
    public bool IsShared(string name) => _named.Contains(name) || IsFramework(name);

    /// <summary>Whether the host runs on a further framework (ASP.NET Core) that has the assembly: used by plugins that bring none of their own.</summary>
    public bool IsOfOtherFramework(string name) => _otherFrameworks.Contains(name);

    /// <summary>The host's assembly.</summary>
    public Assembly Load(string name) => _context.LoadFromAssemblyName(new AssemblyName(name));

    /// <summary>The version of the host's assembly; <see langword="null"/> when it has none of that name.</summary>
    public Version? VersionOf(string name)
    {
        try
        {
            return Load(name).GetName().Version;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    // A self-contained host has the framework among its own files; there the names decide.
    private bool IsFramework(string name) => _framework is not null
        ? _framework.Contains(name)
        : (FrameworkNames.Contains(name) || FrameworkPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) && VersionOf(name) is not null;

    private static IEnumerable<string> OtherFrameworkFolders(string core)
    {
        var shared = Path.GetDirectoryName(Path.GetDirectoryName(core));
        return (AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(path => Path.GetDirectoryName(path)!)
            .Distinct(StringComparer.Ordinal)
            .Where(folder => !SameFolder(folder, core) && SameFolder(Path.GetDirectoryName(Path.GetDirectoryName(folder)) ?? "", shared ?? ""));
    }

    private static HashSet<string> NamesIn(IEnumerable<string> folders) =>
        new(folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*.dll")).Select(path => Path.GetFileNameWithoutExtension(path)), StringComparer.OrdinalIgnoreCase);

    private static bool SameFolder(string one, string other) =>
        string.Equals(Path.TrimEndingDirectorySeparator(one), Path.TrimEndingDirectorySeparator(other), StringComparison.OrdinalIgnoreCase);
}
