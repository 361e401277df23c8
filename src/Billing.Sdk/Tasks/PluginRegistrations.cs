using System.Reflection;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Tasks;

/// <summary>What one plugin registered: its tasks and its own services. Made by running <see cref="IBillingPlugin.Configure"/> once.</summary>
public sealed class PluginRegistrations
{
    private PluginRegistrations(string name, string version, IReadOnlyList<TaskRegistration> tasks, IServiceCollection services)
    {
        Name = name;
        Version = version;
        Tasks = tasks;
        Services = services;
    }

    /// <summary>The plugin's stable name.</summary>
    public string Name { get; }

    /// <summary>The plugin's version, as shown in reports and kept with invoices.</summary>
    public string Version { get; }

    /// <summary>Its tasks, in the order of registration.</summary>
    public IReadOnlyList<TaskRegistration> Tasks { get; }

    internal IServiceCollection Services { get; }

    /// <summary>Runs the plugin's <see cref="IBillingPlugin.Configure"/> and keeps what it registers.</summary>
    /// <param name="name">The plugin's stable name, 1 to 128 characters.</param>
    /// <param name="version">The plugin's version; <see cref="VersionOf"/> reads an assembly's.</param>
    /// <param name="plugin">The plugin.</param>
    /// <exception cref="BillingException">
    /// <c>validation</c> for a name, stage or parameter type that cannot be used; <c>duplicate</c> for a task that it registers twice.
    /// Whatever the plugin itself throws passes through.
    /// </exception>
    public static PluginRegistrations Of(string name, string version, IBillingPlugin plugin)
    {
        ArgumentException.ThrowIfNullOrEmpty(version);
        ArgumentNullException.ThrowIfNull(plugin);
        Identifier.Check(name, "plugin", "name");
        var builder = new Builder(name, version);
        plugin.Configure(builder);
        return builder.Finish();
    }

    /// <summary>The version that an assembly gives of itself: its informational version without build metadata, else its assembly version.</summary>
    public static string VersionOf(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        var text = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return string.IsNullOrEmpty(text) ? assembly.GetName().Version?.ToString() ?? "0.0.0.0" : text.Split('+')[0];
    }

    private sealed class Builder(string plugin, string version) : IPluginBuilder
    {
        private readonly List<TaskRegistration> _tasks = [];
        private bool _finished;

        public IServiceCollection Services { get; } = new ServiceCollection();

        public IPluginBuilder AddTask<TStage>(string name, Func<IServiceProvider, TStage> create)
            where TStage : class
        {
            ArgumentNullException.ThrowIfNull(create);
            var stage = TaskStage.Of(typeof(TStage));
            return Add(new TaskRegistration(stage, name, plugin, version)
            {
                Check = json => TaskParameters.CheckNone(json, stage.Name, name),
                Create = (services, json) =>
                {
                    TaskParameters.CheckNone(json, stage.Name, name);
                    return create(services);
                },
            });
        }

        public IPluginBuilder AddTask<TStage, TParameters>(string name, JsonTypeInfo<TParameters> parameters, Func<IServiceProvider, TParameters, TStage> create)
            where TStage : class
        {
            ArgumentNullException.ThrowIfNull(parameters);
            ArgumentNullException.ThrowIfNull(create);
            parameters.MakeReadOnly();
            var stage = TaskStage.Of(typeof(TStage));
            return Add(new TaskRegistration(stage, name, plugin, version)
            {
                Parameters = parameters,
                Check = json => TaskParameters.Bind(parameters, json, stage.Name, name),
                Create = (services, json) => create(services, TaskParameters.Bind(parameters, json, stage.Name, name)),
            });
        }

        public PluginRegistrations Finish()
        {
            _finished = true;
            return new PluginRegistrations(plugin, version, _tasks.AsReadOnly(), Services);
        }

        private Builder Add(TaskRegistration task)
        {
            if (_finished)
            {
                throw new InvalidOperationException($"Plugin '{plugin}' registers task '{task.Name}' after its Configure has returned.");
            }

            Identifier.Check(task.Name, "task", "name");
            if (_tasks.Exists(other => other.Stage.Name == task.Stage.Name && other.Name == task.Name))
            {
                throw BillingException.For(BillingErrorCodes.Duplicate, "task", task.Id, "name", $"Plugin '{plugin}' registers it twice.");
            }

            _tasks.Add(task);
            return this;
        }
    }
}

/// <summary>A task that a plugin offers. Immutable.</summary>
public sealed class TaskRegistration
{
    internal TaskRegistration(TaskStage stage, string name, string plugin, string pluginVersion)
    {
        Stage = stage;
        Name = name;
        Plugin = plugin;
        PluginVersion = pluginVersion;
    }

    /// <summary>The stage that it belongs to.</summary>
    public TaskStage Stage { get; }

    /// <summary>The task's stable name.</summary>
    public string Name { get; }

    /// <summary>Stage and task, <c>tax/acme.tax/flat</c>, as error messages name it.</summary>
    public string Id => $"{Stage.Name}/{Name}";

    /// <summary>The plugin that offers it.</summary>
    public string Plugin { get; }

    /// <summary>That plugin's version.</summary>
    public string PluginVersion { get; }

    /// <summary>The JSON contract of its parameters, for forms and documentation; <see langword="null"/> when it takes none.</summary>
    public JsonTypeInfo? Parameters { get; internal init; }

    internal Action<string?> Check { get; init; } = static _ => { };

    internal Func<IServiceProvider, string?, object?> Create { get; init; } = static (_, _) => null;
}
