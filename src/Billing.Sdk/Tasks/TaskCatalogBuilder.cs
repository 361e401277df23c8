using System.Reflection;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Tasks;

/// <summary>Collects the stages and plugins of a host. Not thread-safe; used once, at start.</summary>
public sealed class TaskCatalogBuilder
{
    private readonly Dictionary<string, TaskStage> _stages = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Stage, string Task), TaskRegistration> _tasks = [];
    private readonly Dictionary<string, PluginRegistrations> _plugins = new(StringComparer.Ordinal);
    private readonly List<RefusedPlugin> _refused = [];
    private readonly List<Type> _shared = [typeof(IClock), typeof(ILoggerFactory)];

    /// <summary>Makes a stage known even when no loaded plugin has a task for it. Adding it again changes nothing.</summary>
    /// <exception cref="BillingException"><c>duplicate</c> when another interface has the same stage name.</exception>
    public TaskCatalogBuilder AddStage<TStage>()
        where TStage : class
    {
        Add(TaskStage.Of(typeof(TStage)));
        return this;
    }

    /// <summary>Makes all public stage interfaces of an assembly known; for the assemblies of the engine and of the host, not for plugins.</summary>
    /// <inheritdoc cref="AddStage{TStage}" path="/exception"/>
    public TaskCatalogBuilder AddStagesOf(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        foreach (var contract in assembly.GetExportedTypes().Where(type => type.IsDefined(typeof(TaskStageAttribute), inherit: false)))
        {
            Add(TaskStage.Of(contract));
        }

        return this;
    }

    /// <summary>Adds a plugin that is linked in, under the name that its assembly's <see cref="BillingPluginAttribute{T}"/> gives it.</summary>
    /// <exception cref="BillingException">
    /// <c>validation</c> when the assembly has no such attribute for <typeparamref name="T"/>; <c>duplicate</c> when a plugin of that name, or one
    /// of its tasks, is there already; both plugins are named.
    /// </exception>
    public TaskCatalogBuilder AddPlugin<T>()
        where T : IBillingPlugin, new()
    {
        var attribute = typeof(T).Assembly.GetCustomAttribute<BillingPluginAttribute<T>>()
            ?? throw BillingException.Validation("plugin", typeof(T).FullName ?? typeof(T).Name, "name", $"Its assembly has no [assembly: BillingPlugin<{typeof(T).Name}>(\"name\")]; add it, or give a name to AddPlugin.");
        return AddPlugin<T>(attribute.Name);
    }

    /// <summary>Adds a plugin that is linked in, under a given name: for assemblies with several plugin classes.</summary>
    /// <exception cref="BillingException"><c>duplicate</c> when a plugin of that name, or one of its tasks, is there already; both plugins are named.</exception>
    public TaskCatalogBuilder AddPlugin<T>(string name)
        where T : IBillingPlugin, new() => AddPlugin(name, new T());

    /// <summary>Adds a plugin that the host has created itself.</summary>
    /// <inheritdoc cref="AddPlugin{T}(string)" path="/exception"/>
    public TaskCatalogBuilder AddPlugin(string name, IBillingPlugin plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        return AddPlugin(PluginRegistrations.Of(name, PluginRegistrations.VersionOf(plugin.GetType().Assembly), plugin));
    }

    /// <summary>Adds a plugin that is configured already.</summary>
    /// <inheritdoc cref="AddPlugin{T}(string)" path="/exception"/>
    public TaskCatalogBuilder AddPlugin(PluginRegistrations plugin)
    {
        if (FindConflict(plugin) is { } conflict)
        {
            throw BillingException.For(BillingErrorCodes.Duplicate, "plugin", plugin.Name, conflict.Task ?? "name", conflict.Message);
        }

        foreach (var task in plugin.Tasks)
        {
            Add(task.Stage);
            _tasks.Add((task.Stage.Name, task.Name), task);
        }

        _plugins.Add(plugin.Name, plugin);
        return this;
    }

    /// <summary>Why a plugin cannot be added beside the ones that are there; <see langword="null"/> when it can.</summary>
    public PluginConflict? FindConflict(PluginRegistrations plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        if (_plugins.ContainsKey(plugin.Name))
        {
            return new PluginConflict(plugin.Name, null, $"Another plugin is named '{plugin.Name}'; names are unique in a host.");
        }

        foreach (var task in plugin.Tasks)
        {
            if (_tasks.TryGetValue((task.Stage.Name, task.Name), out var other))
            {
                return new PluginConflict(other.Plugin, task.Id, $"Plugins '{other.Plugin}' and '{plugin.Name}' both register task '{task.Name}' of stage '{task.Stage.Name}'; load one of them.");
            }

            if (_stages.TryGetValue(task.Stage.Name, out var stage) && stage.Contract != task.Stage.Contract)
            {
                return new PluginConflict(plugin.Name, task.Id, TwoContracts(stage, task.Stage));
            }
        }

        return null;
    }

    /// <summary>Remembers that a plugin was found and not loaded, so that tasks missing for that reason can say so.</summary>
    /// <param name="name">The plugin's name, or its folder's where the name could not be read.</param>
    /// <param name="reason">Why, in words.</param>
    public TaskCatalogBuilder AddRefused(string name, string reason)
    {
        _refused.Add(new RefusedPlugin(name, reason));
        return this;
    }

    /// <summary>
    /// Shares one of the host's services with all plugins: they get the host's instance. The clock and logging are shared always.
    /// </summary>
    /// <remarks>The service is resolved from the host's root provider when a plugin's first task is made, so it should be a singleton. The host's registration wins over a plugin's own.</remarks>
    public TaskCatalogBuilder Share<TService>()
        where TService : class
    {
        _shared.Add(typeof(TService));
        return this;
    }

    /// <summary>Makes the catalog.</summary>
    /// <param name="host">Where shared services come from; those that it does not have are not there for plugins either. <see langword="null"/>: none is shared.</param>
    public TaskCatalog Build(IServiceProvider? host = null) =>
        new(_stages.Values, _tasks.Values, _plugins.Values, _refused, new SharedServices(host, [.. _shared.Distinct()]));

    private void Add(TaskStage stage)
    {
        if (_stages.TryGetValue(stage.Name, out var known) && known.Contract != stage.Contract)
        {
            throw BillingException.For(BillingErrorCodes.Duplicate, "stage", stage.Name, "interface", TwoContracts(known, stage));
        }

        _stages[stage.Name] = stage;
    }

    private static string TwoContracts(TaskStage known, TaskStage other) =>
        $"Two interfaces are named stage '{known.Name}': {known.Contract.AssemblyQualifiedName} and {other.Contract.AssemblyQualifiedName}.";
}

/// <summary>Why two plugins cannot be loaded together.</summary>
/// <param name="OtherPlugin">The plugin that was there first.</param>
/// <param name="Task">Stage and task that both register; <see langword="null"/> when the plugins' names are equal.</param>
/// <param name="Message">The reason in words; it names both plugins.</param>
public sealed record PluginConflict(string OtherPlugin, string? Task, string Message);

/// <summary>A plugin that was found and not loaded.</summary>
/// <param name="Name">Its name, or its folder's.</param>
/// <param name="Reason">Why, in words.</param>
public sealed record RefusedPlugin(string Name, string Reason);
