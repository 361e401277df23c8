using System.Reflection;

namespace Billing.PluginLoading;

/// <summary>Loads a plugin's main assembly: the seam for a host that has its own way to load assemblies.</summary>
/// <remarks>Called once per plugin, after all checks that need no code of the plugin. What it throws becomes <see cref="PluginRefusal.LoadFailed"/>.</remarks>
public interface IPluginAssemblyLoader
{
    /// <summary>Loads the main assembly, so that it and all that it needs later are found.</summary>
    Assembly Load(PluginAssemblyRequest request);
}

/// <summary>The assembly to load.</summary>
public sealed record PluginAssemblyRequest
{
    /// <summary>The plugin's name, as its attribute gives it.</summary>
    public required string PluginName { get; init; }

    /// <summary>Full path of the main assembly.</summary>
    public required string MainAssemblyPath { get; init; }

    /// <summary>Simple names of the assemblies, beside the framework's, that must be the host's own.</summary>
    public required IReadOnlyCollection<string> SharedAssemblies { get; init; }

    /// <summary>
    /// When the host pins plugins: the bytes whose hashes were compared, by full path. A loader that reads the files again gives up that what was checked
    /// is what runs. <see langword="null"/> when plugins are not pinned.
    /// </summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>>? VerifiedFiles { get; init; }
}
