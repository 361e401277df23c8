using System.Reflection;
using System.Runtime.Loader;

namespace Billing.PluginLoading;

/// <summary>The loader's own way: a load context per plugin, over the plugin's deps.json.</summary>
internal sealed class IsolatedAssemblyLoader(HostAssemblies host) : IPluginAssemblyLoader
{
    public Assembly Load(PluginAssemblyRequest request) => new PluginLoadContext(request, host).LoadMain();
}

/// <summary>Shared assemblies are the host's, all others the plugin's own; an assembly that is neither is not found, even if the host has one.</summary>
internal sealed class PluginLoadContext(PluginAssemblyRequest request, HostAssemblies host) : AssemblyLoadContext(request.PluginName)
{
    private readonly AssemblyDependencyResolver _resolver = new(request.MainAssemblyPath);

    public Assembly LoadMain() => LoadPrivate(request.MainAssemblyPath);

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var name = assemblyName.Name ?? "";
        if (host.IsShared(name))
        {
            return host.Load(name);
        }

        if (_resolver.ResolveAssemblyToPath(assemblyName) is { } path)
        {
            return LoadPrivate(path);
        }

        if (host.IsOfOtherFramework(name))
        {
            return host.Load(name);
        }

        // Null, or a FileNotFoundException, would let the default context answer, and the plugin would run on whatever version the host happens to
        // have. Resources may be absent.
        return string.IsNullOrEmpty(assemblyName.CultureName)
            ? throw new FileLoadException($"Plugin '{request.PluginName}' needs assembly '{assemblyName}'. It is not in the plugin's folder (publish the plugin with its dependencies), and the host does not share it.", name)
            : null;
    }

    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
    {
        var path = _resolver.ResolveUnmanagedDllToPath(unmanagedDllName);
        if (path is null)
        {
            return IntPtr.Zero;
        }

        // The system loads native libraries from a path only: they are compared once more, right before.
        if (request.VerifiedFiles is not null && !Verified(path).Span.SequenceEqual(File.ReadAllBytes(path)))
        {
            throw new DllNotFoundException($"Plugin '{request.PluginName}': '{path}' has changed since it was compared with the manifest.");
        }

        return LoadUnmanagedDllFromPath(path);
    }

    private Assembly LoadPrivate(string path)
    {
        if (request.VerifiedFiles is null)
        {
            return LoadFromAssemblyPath(path);
        }

        using var assembly = Stream(Verified(path));
        var symbols = Path.ChangeExtension(path, ".pdb");
        if (!request.VerifiedFiles.TryGetValue(symbols, out var debug))
        {
            return LoadFromStream(assembly);
        }

        using var pdb = Stream(debug);
        return LoadFromStream(assembly, pdb);
    }

    private ReadOnlyMemory<byte> Verified(string path) => request.VerifiedFiles!.TryGetValue(Path.GetFullPath(path), out var bytes)
        ? bytes
        : throw new FileLoadException($"Plugin '{request.PluginName}': the manifest does not list '{path}'.", path);

    private static MemoryStream Stream(ReadOnlyMemory<byte> bytes) => new(bytes.ToArray(), writable: false);
}
