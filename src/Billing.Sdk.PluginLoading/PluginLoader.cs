using System.Reflection;
using Billing.Tasks;

namespace Billing.PluginLoading;

/// <summary>Loads plugins from folders. Used once, at start; loaded plugins stay until the process ends.</summary>
/// <remarks>
/// Nothing that is wrong with a plugin is thrown: it is a refusal with a named reason in the report, and the host starts without that plugin. A load
/// context separates versions of libraries. It is no sandbox: a plugin that is loaded can do whatever the process can.
/// </remarks>
public static class PluginLoader
{
    /// <summary>Loads the plugins of the options' folders. Plugins are checked against each other, not against those that are linked in.</summary>
    public static PluginLoadResult Load(PluginLoaderOptions options) => new TaskCatalogBuilder().LoadPlugins(options);

    /// <summary>Loads the plugins of a folder and adds them; plugins that were added before win over those found.</summary>
    /// <param name="tasks">The host's tasks. The refused plugins are remembered too, so that a missing task can name the reason.</param>
    /// <param name="folder">The folder of plugins, one in each direct subfolder.</param>
    /// <param name="configure">Changes the options. Default: none are.</param>
    public static PluginLoadReport AddPluginsFrom(this TaskCatalogBuilder tasks, string folder, Func<PluginLoaderOptions, PluginLoaderOptions>? configure = null)
    {
        var options = new PluginLoaderOptions { Folders = [folder] };
        return tasks.LoadPlugins(configure is null ? options : configure(options)).Report;
    }

    /// <summary>Loads the plugins of the options' folders and adds them; plugins that were added before win over those found.</summary>
    public static PluginLoadResult LoadPlugins(this TaskCatalogBuilder tasks, PluginLoaderOptions options)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        ArgumentNullException.ThrowIfNull(options);
        var run = new LoadRun(tasks, options);
        foreach (var root in options.Folders)
        {
            run.LoadRoot(root);
        }

        return run.Finish();
    }

    private sealed class LoadRun(TaskCatalogBuilder tasks, PluginLoaderOptions options)
    {
        private readonly HostAssemblies _host = new(options.SharedAssemblies);
        private readonly List<PluginLoadEntry> _entries = [];
        private readonly List<LoadedPlugin> _plugins = [];

        public void LoadRoot(string root)
        {
            IReadOnlyList<string> folders;
            try
            {
                folders = PluginFolder.In(root);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
            {
                // Not there, not a folder, not ours to list, or not a path.
                _entries.Add(Refuse(new PluginLoadEntry { Folder = root }, new Refused(PluginRefusal.FolderNotFound, error.Message)));
                return;
            }

            foreach (var folder in folders)
            {
                _entries.Add(LoadFolder(folder));
            }
        }

        public PluginLoadResult Finish()
        {
            var found = _entries.Select(entry => Path.GetFileName(entry.Folder)).ToHashSet(StringComparer.Ordinal);
            foreach (var missing in options.AllowedManifest?.Plugins.Keys.Where(name => !found.Contains(name)) ?? [])
            {
                _entries.Add(Refuse(new PluginLoadEntry { Folder = missing }, new Refused(PluginRefusal.MissingFromFolder, $"The manifest lists plugin folder '{missing}', which is in none of: {string.Join(", ", options.Folders)}.")));
            }

            foreach (var entry in _entries.Where(entry => !entry.IsLoaded))
            {
                tasks.AddRefused(entry.Plugin ?? Path.GetFileName(entry.Folder), $"{entry.Refusal}: {entry.Detail}");
            }

            return new PluginLoadResult(_plugins, new PluginLoadReport([.. _entries]));
        }

        private PluginLoadEntry LoadFolder(string folder)
        {
            var entry = new PluginLoadEntry { Folder = folder };
            try
            {
                var candidate = PluginCandidate.Open(folder, options, _host);
                var refused = candidate.Check();
                entry = entry with { Plugin = candidate.Mark?.Name, SdkVersion = candidate.Mark?.SdkVersion };
                return refused is null ? Run(candidate, entry) : Refuse(entry, refused);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // A file that cannot be read cannot be checked.
                return Refuse(entry, new Refused(PluginRefusal.Unreadable, error.Message));
            }
        }

        // From here on code of the plugin runs, and a stranger's code can throw anything; the host must start nevertheless.
        private PluginLoadEntry Run(PluginCandidate candidate, PluginLoadEntry entry)
        {
            if (_plugins.Find(plugin => plugin.Name == candidate.Mark!.Name) is { } same)
            {
                return Refuse(entry, new Refused(PluginRefusal.DuplicateName, $"'{same.Folder}' has the plugin of that name."));
            }

            Assembly assembly;
            Type type;
            try
            {
                assembly = LoadAssembly(candidate);
                type = PluginClass(assembly);
            }
            catch (Exception error)
            {
                // Whatever a broken assembly makes the runtime throw, the host starts; the report names it.
                return Refuse(entry, new Refused(PluginRefusal.LoadFailed, Describe(error)));
            }

            try
            {
                var plugin = (IBillingPlugin)Activator.CreateInstance(type)!;
                var registrations = PluginRegistrations.Of(candidate.Mark!.Name, PluginRegistrations.VersionOf(assembly), plugin);
                return Add(new LoadedPlugin(candidate.Folder, assembly, plugin, registrations), entry);
            }
            catch (Exception error)
            {
                // A stranger's code ran and can throw anything; the host starts without it.
                return Refuse(entry, new Refused(PluginRefusal.ConfigureThrew, Describe(error)));
            }
        }

        private PluginLoadEntry Add(LoadedPlugin plugin, PluginLoadEntry entry)
        {
            if (tasks.FindConflict(plugin.Registrations) is { } conflict)
            {
                return Refuse(entry, new Refused(conflict.Task is null ? PluginRefusal.DuplicateName : PluginRefusal.DuplicateTask, conflict.Message));
            }

            tasks.AddPlugin(plugin.Registrations);
            _plugins.Add(plugin);
            return entry with { Version = plugin.Version, Tasks = [.. plugin.Registrations.Tasks.Select(task => task.Id)] };
        }

        private Assembly LoadAssembly(PluginCandidate candidate)
        {
            var loader = options.AssemblyLoader ?? new IsolatedAssemblyLoader(_host);
            return loader.Load(new PluginAssemblyRequest
            {
                PluginName = candidate.Mark!.Name,
                MainAssemblyPath = candidate.MainAssembly!,
                SharedAssemblies = _host.Named,
                VerifiedFiles = candidate.VerifiedFiles,
            });
        }

        // The attribute is looked up by type identity: a loader that gave the plugin another copy of Billing.Sdk is found out here.
        private static Type PluginClass(Assembly assembly) =>
            assembly.GetCustomAttributesData()
                .Select(attribute => attribute.AttributeType)
                .Where(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(BillingPluginAttribute<>))
                .Select(type => type.GetGenericArguments()[0])
                .FirstOrDefault()
            ?? throw new TypeLoadException($"'{assembly.GetName().Name}' was not loaded with the host's Billing.Sdk; the assembly loader must share it.");

        private static string Describe(Exception error)
        {
            var cause = error is TargetInvocationException or TypeInitializationException && error.InnerException is { } inner ? inner : error;
            return $"{cause.GetType().Name}: {cause.Message}";
        }

        private static PluginLoadEntry Refuse(PluginLoadEntry entry, Refused refused) =>
            entry with { Refusal = refused.Reason, Detail = refused.Detail };
    }
}
