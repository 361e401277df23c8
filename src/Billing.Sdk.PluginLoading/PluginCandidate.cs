using Billing.Tasks;

namespace Billing.PluginLoading;

/// <summary>Why a candidate is refused.</summary>
internal sealed record Refused(PluginRefusal Reason, string Detail);

/// <summary>A plugin's folder before any of its code runs.</summary>
internal sealed class PluginCandidate
{
    private readonly PluginLoaderOptions _options;
    private readonly HostAssemblies _host;
    private readonly IReadOnlyList<string> _files;

    private PluginCandidate(string folder, PluginLoaderOptions options, HostAssemblies host)
    {
        Folder = folder;
        _options = options;
        _host = host;
        _files = PluginFolder.Files(folder);
        if (options.AllowedManifest is not null)
        {
            VerifiedFiles = _files.ToDictionary(path => path, path => new ReadOnlyMemory<byte>(File.ReadAllBytes(path)), StringComparer.Ordinal);
        }
    }

    public string Folder { get; }

    public string? MainAssembly { get; private set; }

    public PluginMark? Mark { get; private set; }

    /// <summary>All files as they were read once, when the host pins plugins.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>>? VerifiedFiles { get; }

    /// <summary>Lists the folder and, when plugins are pinned, reads every file.</summary>
    public static PluginCandidate Open(string folder, PluginLoaderOptions options, HostAssemblies host) => new(folder, options, host);

    /// <summary>All checks that need no code of the plugin, the manifest first; <see langword="null"/> when the plugin may be loaded.</summary>
    public Refused? Check() => CheckManifest() ?? CheckMainAssembly() ?? CheckName() ?? CheckSdkVersion() ?? CheckCarried() ?? CheckReferences();

    private Refused? CheckManifest()
    {
        if (_options.AllowedManifest is not { } manifest)
        {
            return null;
        }

        if (!manifest.Plugins.TryGetValue(Path.GetFileName(Folder), out var allowed))
        {
            return new Refused(PluginRefusal.NotInManifest, "The manifest of allowed plugins does not list this folder.");
        }

        var found = VerifiedFiles!.ToDictionary(file => PluginFolder.Relative(Folder, file.Key), file => file.Value, StringComparer.Ordinal);
        foreach (var (file, bytes) in found)
        {
            if (!allowed.TryGetValue(file, out var expected))
            {
                return new Refused(PluginRefusal.NotInManifest, $"The manifest does not list file '{file}'.");
            }

            if (PluginManifest.Hash(bytes.Span) is var actual && actual != expected)
            {
                return new Refused(PluginRefusal.HashMismatch, $"File '{file}' has SHA-256 {actual}, the manifest says {expected}.");
            }
        }

        return allowed.Keys.FirstOrDefault(file => !found.ContainsKey(file)) is { } missing
            ? new Refused(PluginRefusal.MissingFromFolder, $"The manifest lists file '{missing}', which is not there.")
            : null;
    }

    private Refused? CheckMainAssembly()
    {
        MainAssembly = PluginFolder.MainAssembly(Folder);
        if (MainAssembly is null)
        {
            return new Refused(PluginRefusal.NoMainAssembly, $"There is no '{Path.GetFileName(Folder)}.dll', and not exactly one *.deps.json with its assembly.");
        }

        if (Read(MainAssembly) is not { } metadata)
        {
            return new Refused(PluginRefusal.NotAnAssembly, $"'{Path.GetFileName(MainAssembly)}' is not a .NET assembly.");
        }

        Mark = metadata.Marks.Count == 1 ? metadata.Marks[0] : null;
        return metadata.Marks.Count switch
        {
            0 => new Refused(PluginRefusal.NoPluginAttribute, $"'{Path.GetFileName(MainAssembly)}' has no [assembly: BillingPlugin<T>(\"name\")]."),
            1 => null,
            _ => new Refused(PluginRefusal.SeveralPluginAttributes, $"'{Path.GetFileName(MainAssembly)}' names {metadata.Marks.Count} plugin classes; an assembly is one plugin."),
        };
    }

    private Refused? CheckName() => Identifier.IsValid(Mark!.Name)
        ? null
        : new Refused(PluginRefusal.InvalidName, "The plugin's name has 1 to 128 characters, no control characters and no white space at its ends.");

    private Refused? CheckSdkVersion() => SdkVersionRule.Check(Mark!.SdkVersion, SdkVersion.Current) is { } reason
        ? new Refused(reason, $"It was built against Billing.Sdk {Mark.SdkVersion}; this host runs {SdkVersion.Current}. {Advice(reason)}")
        : null;

    private static string Advice(PluginRefusal reason) => reason == PluginRefusal.NewerSdkMinor ? "Upgrade the host." : "Build the plugin against the host's version.";

    private Refused? CheckCarried() => Assemblies().FirstOrDefault(path => _host.IsShared(Path.GetFileNameWithoutExtension(path))) is { } carried
        ? new Refused(PluginRefusal.CarriesSharedAssembly, $"The folder carries '{PluginFolder.Relative(Folder, carried)}', which is the host's to provide; reference it with Private=\"false\" ExcludeAssets=\"runtime\".")
        : null;

    private Refused? CheckReferences()
    {
        foreach (var path in Assemblies())
        {
            foreach (var reference in Read(path)?.References.Where(reference => _host.IsShared(reference.Name)) ?? [])
            {
                if (CheckReference(PluginFolder.Relative(Folder, path), reference) is { } refused)
                {
                    return refused;
                }
            }
        }

        return null;
    }

    private Refused? CheckReference(string file, AssemblyReferenceName reference)
    {
        if (_host.VersionOf(reference.Name) is not { } version)
        {
            return new Refused(PluginRefusal.SharedAssemblyMissing, $"'{file}' needs {reference.Name} {reference.Version}, which the host shares and does not have.");
        }

        return version < reference.Version
            ? new Refused(PluginRefusal.SharedAssemblyTooOld, $"'{file}' needs {reference.Name} {reference.Version} or newer; the host has {version}.")
            : null;
    }

    private IEnumerable<string> Assemblies() => _files.Where(path => path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase));

    private PluginMetadata? Read(string path) => PluginMetadata.Read(VerifiedFiles is { } files
        ? new MemoryStream(files[path].ToArray(), writable: false)
        : File.OpenRead(path));
}
