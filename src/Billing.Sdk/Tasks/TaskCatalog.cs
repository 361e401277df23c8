using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Billing.Tasks;

/// <summary>All stages, plugins and tasks of a host. Immutable and thread-safe; one per host, disposed with it.</summary>
/// <remarks>
/// Each plugin's services live in a container of its own, made when its first task is: two plugins cannot disturb each other's registrations.
/// Disposing the catalog disposes those containers, never the host's shared services.
/// </remarks>
public sealed class TaskCatalog : IDisposable, IAsyncDisposable
{
    private readonly Dictionary<string, TaskStage> _stages;
    private readonly Dictionary<Type, TaskStage> _contracts;
    private readonly Dictionary<(string Stage, string Task), TaskRegistration> _tasks;
    private readonly Dictionary<string, PluginServices> _services;

    internal TaskCatalog(IEnumerable<TaskStage> stages, IEnumerable<TaskRegistration> tasks, IEnumerable<PluginRegistrations> plugins, IEnumerable<RefusedPlugin> refused, SharedServices shared)
    {
        Stages = [.. stages.OrderBy(stage => stage.Name, StringComparer.Ordinal)];
        Tasks = [.. tasks.OrderBy(task => task.Stage.Name, StringComparer.Ordinal).ThenBy(task => task.Name, StringComparer.Ordinal)];
        Plugins = [.. plugins.OrderBy(plugin => plugin.Name, StringComparer.Ordinal)];
        Refused = [.. refused];
        _stages = Stages.ToDictionary(stage => stage.Name, StringComparer.Ordinal);
        _contracts = Stages.ToDictionary(stage => stage.Contract);
        _tasks = Tasks.ToDictionary(task => (task.Stage.Name, task.Name));
        _services = Plugins.ToDictionary(plugin => plugin.Name, plugin => new PluginServices(plugin, shared), StringComparer.Ordinal);
    }

    /// <summary>The stages, in order of name.</summary>
    public IReadOnlyList<TaskStage> Stages { get; }

    /// <summary>The tasks, in order of stage and name.</summary>
    public IReadOnlyList<TaskRegistration> Tasks { get; }

    /// <summary>The plugins, in order of name.</summary>
    public IReadOnlyList<PluginRegistrations> Plugins { get; }

    /// <summary>The plugins that were found and not loaded.</summary>
    public IReadOnlyList<RefusedPlugin> Refused { get; }

    /// <summary>The stage of that name, or <see langword="null"/>.</summary>
    public TaskStage? FindStage(string name) => _stages.GetValueOrDefault(name);

    /// <summary>The task of that stage and name, or <see langword="null"/>.</summary>
    public TaskRegistration? Find(string stage, string task) => _tasks.GetValueOrDefault((stage, task));

    /// <summary>Why there is no such task, in words: the plugin that would have it was refused, or nobody offers it.</summary>
    public string ExplainMissing(string stage, string task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (!_stages.ContainsKey(stage))
        {
            return $"There is no stage '{stage}'. Stages: {string.Join(", ", _stages.Keys.Order(StringComparer.Ordinal))}.";
        }

        var owner = Refused.Where(plugin => task.StartsWith(plugin.Name + "/", StringComparison.OrdinalIgnoreCase)).ToList();
        if (owner.Count > 0)
        {
            return $"Its plugin was not loaded. {Describe(owner)}";
        }

        var loaded = $"No loaded plugin offers task '{task}' of stage '{stage}'.";
        return Refused.Count == 0 ? loaded : $"{loaded} Not loaded were: {Describe(Refused)}";
    }

    /// <summary>Disposes the plugins' containers.</summary>
    public void Dispose()
    {
        foreach (var services in _services.Values)
        {
            services.Dispose();
        }
    }

    /// <summary>Disposes the plugins' containers, asynchronously where their services ask for it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var services in _services.Values)
        {
            await services.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal TaskStage StageOf(Type contract) => _contracts.TryGetValue(contract, out var stage) ? stage : TaskStage.Of(contract);

    /// <summary>A new instance of the task.</summary>
    internal object Create(TaskRegistration task, string? parameters) =>
        task.Create(_services[task.Plugin].Provider, parameters)
            ?? throw BillingException.For(BillingErrorCodes.TaskFailed, "task", task.Id, "create", $"Plugin '{task.Plugin}' made no instance of it (null).");

    private static string Describe(IEnumerable<RefusedPlugin> plugins) => string.Join(" ", plugins.Select(plugin => $"'{plugin.Name}': {plugin.Reason}"));
}

/// <summary>The host's services that plugins may use.</summary>
internal sealed record SharedServices(IServiceProvider? Host, IReadOnlyList<Type> Types)
{
    /// <summary>Adds them as instances: a container never disposes instances that it was given.</summary>
    public void AddTo(ServiceCollection services)
    {
        foreach (var type in Types)
        {
            if (Host?.GetService(type) is { } instance)
            {
                services.AddSingleton(type, instance);
            }
        }

        if (Host?.GetService(typeof(ILoggerFactory)) is null)
        {
            services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        }

        services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
    }
}

/// <summary>The container of one plugin, made at first use: the host's own container is complete by then.</summary>
internal sealed class PluginServices(PluginRegistrations plugin, SharedServices shared) : IDisposable, IAsyncDisposable
{
    private readonly Lazy<ServiceProvider> _provider = new(() => Build(plugin, shared));

    public IServiceProvider Provider => _provider.Value;

    public void Dispose()
    {
        if (_provider.IsValueCreated)
        {
            _provider.Value.Dispose();
        }
    }

    public ValueTask DisposeAsync() => _provider.IsValueCreated ? _provider.Value.DisposeAsync() : ValueTask.CompletedTask;

    private static ServiceProvider Build(PluginRegistrations plugin, SharedServices shared)
    {
        var services = new ServiceCollection();
        foreach (var descriptor in plugin.Services)
        {
            ((ICollection<ServiceDescriptor>)services).Add(descriptor);
        }

        // After the plugin's own registrations: the last one wins, so the clock is the host's whatever the plugin says.
        shared.AddTo(services);
        return services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }
}
