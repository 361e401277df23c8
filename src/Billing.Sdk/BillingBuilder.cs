using System.Diagnostics.Metrics;
using Billing.Processing;
using Billing.Storage;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Billing;

/// <summary>Says what the engine is made of: its store, its plugins.</summary>
public sealed class BillingBuilder
{
    private readonly List<Action<TaskCatalogBuilder>> _plugins = [];

    internal BillingBuilder(IServiceCollection services) => Services = services;

    /// <summary>The host's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Links a plugin in.</summary>
    public BillingBuilder AddPlugin<T>()
        where T : IBillingPlugin, new() => ConfigureTasks(tasks => tasks.AddPlugin<T>());

    /// <summary>Adds to the host's tasks: plugins, stages of its own, shared services.</summary>
    public BillingBuilder ConfigureTasks(Action<TaskCatalogBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        _plugins.Add(configure);
        return this;
    }

    /// <summary>Sets the store.</summary>
    public BillingBuilder UseStorage(Func<IServiceProvider, IBillingStorage> create)
    {
        Services.Replace(ServiceDescriptor.Singleton(create));
        return this;
    }

    /// <summary>Adds a <see cref="UsageBuffer"/> as a singleton, for callers that record single events. The host's container closes it, asynchronously, at its own end.</summary>
    /// <param name="options">How it gathers and holds back; <see langword="null"/>: all defaults.</param>
    public BillingBuilder AddUsageBuffer(UsageBufferOptions? options = null)
    {
        Services.Replace(ServiceDescriptor.Singleton(services => services.GetRequiredService<BillingEngine>().Usage.OpenBuffer(options)));
        return this;
    }

    internal TaskCatalog BuildTasks(IServiceProvider services)
    {
        var builder = new TaskCatalogBuilder().AddStagesOf(typeof(BillingBuilder).Assembly).AddPlugin(BuiltInTasks.PluginName, new BuiltInTasks());
        foreach (var configure in _plugins)
        {
            configure(builder);
        }

        return builder.Build(services);
    }
}

/// <summary>Adds the engine to a host.</summary>
public static class BillingServiceCollectionExtensions
{
    /// <summary>Adds <see cref="BillingEngine"/> as a singleton. The store must be set with the builder; clock and ids have defaults that services registered before replace.</summary>
    public static IServiceCollection AddBilling(this IServiceCollection services, Action<BillingBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new BillingBuilder(services);
        configure(builder);
        services.TryAddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        services.TryAdd(ServiceDescriptor.Singleton(typeof(ILogger<>), typeof(Logger<>)));
        services.TryAddSingleton<IClock>(SystemClock);
        services.TryAddSingleton<IIdGenerator>(s => new TimeOrderedIdGenerator(s.GetRequiredService<IClock>()));
        services.TryAddSingleton(builder.BuildTasks);
        services.TryAddSingleton(s => new TaskInvoker(s.GetRequiredService<ILogger<TaskInvoker>>()));
        services.TryAddSingleton(s => new EngineMetrics(s.GetService<IMeterFactory>()));
        services.TryAddSingleton(CreateEngine);
        return services;
    }

#pragma warning disable RS0030 // The one place where the machine's clock enters: a host that registers its own IClock replaces it.
    private static IClock SystemClock(IServiceProvider services) => NodaTime.SystemClock.Instance;
#pragma warning restore RS0030

    private static BillingEngine CreateEngine(IServiceProvider services) => new(new EngineCore(
        services.GetService<IBillingStorage>() ?? throw new InvalidOperationException("No billing store is set: call UseStorage or a store's own verb in AddBilling."),
        services.GetRequiredService<TaskCatalog>(),
        services.GetRequiredService<TaskInvoker>(),
        services.GetRequiredService<IClock>(),
        services.GetRequiredService<IIdGenerator>(),
        services.GetRequiredService<ILoggerFactory>(),
        services.GetRequiredService<EngineMetrics>()));
}
