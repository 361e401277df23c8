namespace Billing.PluginLoading;

/// <summary>A folder of plugins of one test, laid out from the fixtures.</summary>
internal sealed class PluginRoot : IDisposable
{
    public PluginRoot(params string[] fixtures)
    {
        foreach (var fixture in fixtures)
        {
            Add(fixture);
        }
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("billing-plugins-").FullName;

    public PluginLoaderOptions Options => new() { Folders = [Path] };

    /// <summary>Copies a fixture, under its own folder name or another.</summary>
    public string Add(string fixture, string? folder = null)
    {
        var source = System.IO.Path.Combine(AppContext.BaseDirectory, "fixtures", fixture);
        var target = System.IO.Path.Combine(Path, folder ?? fixture);
        foreach (var file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = System.IO.Path.Combine(target, System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return target;
    }

    public PluginLoadResult Load() => PluginLoader.Load(Options);

    public PluginLoadResult LoadPinned(PluginManifest manifest) => PluginLoader.Load(Options with { AllowedManifest = manifest });

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (UnauthorizedAccessException)
        {
            // Windows keeps the files of loaded assemblies until the process ends.
        }
    }
}
