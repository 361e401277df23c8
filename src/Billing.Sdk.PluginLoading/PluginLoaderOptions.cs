namespace Billing.PluginLoading;

/// <summary>Where plugins are and what is demanded of them.</summary>
public sealed record PluginLoaderOptions
{
    /// <summary>
    /// The folders that hold plugins, one plugin in each direct subfolder. They are taken in this order, their subfolders in ordinal order of
    /// name; of two plugins that exclude each other, the first is loaded. Files directly in them are ignored.
    /// </summary>
    public required IReadOnlyList<string> Folders { get; init; }

    /// <summary>
    /// Pins plugins: only those of the manifest are loaded, and only if every file is the one it lists. Keep it where those who can write plugin
    /// folders cannot write. Default <see langword="null"/>: not pinned.
    /// </summary>
    public PluginManifest? AllowedManifest { get; init; }

    /// <summary>
    /// Simple names of further assemblies that plugins share with the host, for the host's own contracts. Default: none. Billing.Sdk, NodaTime, the
    /// abstractions of Microsoft.Extensions and the framework are shared always (<see cref="SharedAssemblies.Fixed"/>).
    /// </summary>
    public IReadOnlyList<string> SharedAssemblies { get; init; } = [];

    /// <summary>Loads the assemblies. Default <see langword="null"/>: the loader's own, one load context per plugin.</summary>
    public IPluginAssemblyLoader? AssemblyLoader { get; init; }
}
