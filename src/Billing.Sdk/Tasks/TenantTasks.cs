using System.Collections.Concurrent;

namespace Billing.Tasks;

/// <summary>The tasks of one tenant under one configuration version. Thread-safe; a run holds one from start to end.</summary>
public sealed class TenantTasks
{
    private readonly TaskCatalog _catalog;
    private readonly Dictionary<string, List<(TaskRegistration Task, object Instance)>> _chains = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Type, object> _bound = new();
    private readonly Dictionary<(string Stage, string Task, string Parameters), object> _named = [];

    internal TenantTasks(TaskCatalog catalog, TenantId tenant, TaskConfiguration configuration)
    {
        _catalog = catalog;
        Tenant = tenant;
        Configuration = configuration;
        var missing = new List<MissingTask>();
        foreach (var entry in configuration.Entries.Where(entry => entry.Enabled).OrderBy(entry => entry.Order).ThenBy(entry => entry.Task, StringComparer.Ordinal))
        {
            if (TryCreate(entry, out var task, out var instance) is { } problem)
            {
                missing.Add(problem);
            }
            else if (_chains.TryGetValue(entry.Stage, out var chain))
            {
                chain.Add((task!, instance!));
            }
            else
            {
                _chains.Add(entry.Stage, [(task!, instance!)]);
            }
        }

        Missing = missing;
    }

    /// <summary>The tenant.</summary>
    public TenantId Tenant { get; }

    /// <summary>The configuration that the tasks were made from.</summary>
    public TaskConfiguration Configuration { get; }

    /// <summary>The tasks that are configured and cannot be used; empty when the tenant's runs may go on.</summary>
    public IReadOnlyList<MissingTask> Missing { get; }

    /// <summary>Whether something failed that may work the next time, so that this object must not be kept.</summary>
    internal bool IsTransient { get; private set; }

    /// <summary>Lets a run go on only if every configured task is there: a missing tax rule must never mean an untaxed invoice.</summary>
    /// <exception cref="BillingException">
    /// With the first problem's code: <c>task-missing</c> for a task that is not loaded, <c>validation</c> for parameters that no longer bind,
    /// <c>task-failed</c> when it could not be made. It names tenant, stage and task; the message lists all problems.
    /// </exception>
    public void EnsureComplete()
    {
        if (Missing.Count > 0)
        {
            throw Incomplete(Missing);
        }
    }

    /// <summary>The stage's tasks in order; empty when none is configured.</summary>
    /// <exception cref="BillingException">As <see cref="EnsureComplete"/>, when a task of this stage is missing: a chain is never handed out with a gap.</exception>
    public IReadOnlyList<BoundTask<TStage>> Chain<TStage>()
        where TStage : class => (IReadOnlyList<BoundTask<TStage>>)_bound.GetOrAdd(typeof(TStage), static (_, self) => self.Bind<TStage>(), this);

    /// <summary>
    /// The task of that name: the configured one, or, at a stage whose tasks are chosen by name, any that is loaded and can do without parameters.
    /// </summary>
    /// <returns><see langword="null"/> when it is not loaded, is switched off in the configuration, or needs parameters and is not configured.</returns>
    /// <exception cref="BillingException">When it is loaded and cannot be made.</exception>
    public BoundTask<TStage>? ByName<TStage>(string name)
        where TStage : class => Find<TStage>(name, out _);

    /// <summary>The task of that name, as <see cref="ByName{TStage}(string)"/>, or an error that says why there is none.</summary>
    /// <exception cref="BillingException"><c>task-missing</c>, naming tenant, stage, task and the reason.</exception>
    public BoundTask<TStage> RequiredByName<TStage>(string name)
        where TStage : class =>
        Find<TStage>(name, out var reason) ?? throw Incomplete([new MissingTask(_catalog.StageOf(typeof(TStage)).Name, name, BillingErrorCodes.TaskMissing, reason)]);

    /// <summary>The task of that name with parameters that come from where it is used (a price, a meter) and not from the configuration.</summary>
    /// <param name="name">The task's name.</param>
    /// <param name="parameters">The text of a JSON object. One instance is kept per different text.</param>
    /// <exception cref="BillingException"><c>task-missing</c> when it is not loaded, <c>validation</c> when the parameters do not bind.</exception>
    public BoundTask<TStage> RequiredByName<TStage>(string name, string parameters)
        where TStage : class
    {
        var stage = _catalog.StageOf(typeof(TStage));
        var task = _catalog.Find(stage.Name, name)
            ?? throw Incomplete([new MissingTask(stage.Name, name, BillingErrorCodes.TaskMissing, _catalog.ExplainMissing(stage.Name, name))]);
        return Named<TStage>(task, parameters);
    }

    private BoundTask<TStage>[] Bind<TStage>()
        where TStage : class
    {
        var stage = _catalog.StageOf(typeof(TStage));
        var gaps = Missing.Where(task => task.Stage == stage.Name).ToList();
        if (gaps.Count > 0)
        {
            throw Incomplete(gaps);
        }

        return _chains.TryGetValue(stage.Name, out var chain)
            ? [.. chain.Select(item => new BoundTask<TStage>(item.Task, (TStage)item.Instance))]
            : [];
    }

    private BoundTask<TStage>? Find<TStage>(string name, out string reason)
        where TStage : class
    {
        var stage = _catalog.StageOf(typeof(TStage));
        reason = "";
        if (_chains.TryGetValue(stage.Name, out var chain) && chain.FirstOrDefault(item => item.Task.Name == name) is { Task: { } task } found)
        {
            return new BoundTask<TStage>(task, (TStage)found.Instance);
        }

        if (Missing.FirstOrDefault(item => item.Stage == stage.Name && item.Task == name) is { } missing)
        {
            reason = missing.Reason;
        }
        else if (_catalog.Find(stage.Name, name) is not { } registration)
        {
            reason = _catalog.ExplainMissing(stage.Name, name);
        }
        else if (Configuration.Entries.Any(entry => entry.Stage == stage.Name && entry.Task == name))
        {
            reason = "It is switched off in the tenant's configuration.";
        }
        else if (stage.Chain != TaskChainKind.ByName || !TakesNothing(registration))
        {
            reason = "It is not in the tenant's configuration, and must be: it needs parameters, or its stage runs configured tasks only.";
        }
        else
        {
            return Named<TStage>(registration, "");
        }

        return null;
    }

    private static bool TakesNothing(TaskRegistration task)
    {
        if (task.Parameters is null)
        {
            return true;
        }

        try
        {
            task.Check(null);
            return true;
        }
        catch (BillingException error) when (error.Code == BillingErrorCodes.Validation)
        {
            return false;
        }
    }

    private BoundTask<TStage> Named<TStage>(TaskRegistration task, string parameters)
        where TStage : class
    {
        var key = (task.Stage.Name, task.Name, parameters);
        lock (_named)
        {
            if (!_named.TryGetValue(key, out var instance))
            {
                instance = _catalog.Create(task, parameters);
                _named.Add(key, instance);
            }

            return new BoundTask<TStage>(task, (TStage)instance);
        }
    }

    private MissingTask? TryCreate(TaskEntry entry, out TaskRegistration? task, out object? instance)
    {
        instance = null;
        task = _catalog.Find(entry.Stage, entry.Task);
        if (task is null)
        {
            return new MissingTask(entry.Stage, entry.Task, BillingErrorCodes.TaskMissing, _catalog.ExplainMissing(entry.Stage, entry.Task));
        }

        try
        {
            instance = _catalog.Create(task, entry.Parameters);
            return null;
        }
        catch (BillingException error)
        {
            return new MissingTask(entry.Stage, entry.Task, error.Code, error.Message);
        }
        catch (Exception error)
        {
            // A plugin's own code ran and can throw anything; the tenant's runs are refused with it, the host and other tenants go on.
            IsTransient = true;
            return new MissingTask(entry.Stage, entry.Task, BillingErrorCodes.TaskFailed, $"Plugin '{task.Plugin}' could not make it: {error.GetType().Name}: {error.Message}");
        }
    }

    private BillingException Incomplete(IReadOnlyList<MissingTask> missing)
    {
        var first = missing[0];
        var text = string.Join(" ", missing.Select(task => missing.Count == 1 ? task.Reason : $"[{task.Stage}/{task.Task}] {task.Reason}"));
        return BillingException.For(first.Code, "tenant", Tenant.Value, $"{first.Stage}/{first.Task}", text);
    }
}

/// <summary>A configured task that cannot be used.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Task">The task.</param>
/// <param name="Code">A stable code: <c>task-missing</c>, <c>validation</c> (its parameters), <c>task-failed</c>, or one that its plugin gave.</param>
/// <param name="Reason">Why, in words; the load report's reason where its plugin was refused.</param>
public sealed record MissingTask(string Stage, string Task, string Code, string Reason);

/// <summary>A task, ready to be called.</summary>
/// <typeparam name="TStage">Its stage's interface.</typeparam>
public sealed record BoundTask<TStage>
    where TStage : class
{
    internal BoundTask(TaskRegistration registration, TStage instance)
    {
        Registration = registration;
        Instance = instance;
    }

    /// <summary>The task's stable name.</summary>
    public string Name => Registration.Name;

    /// <summary>Its stage.</summary>
    public TaskStage Stage => Registration.Stage;

    /// <summary>The plugin that it comes from.</summary>
    public string Plugin => Registration.Plugin;

    /// <summary>That plugin's version; part of the inputs kept with an invoice.</summary>
    public string PluginVersion => Registration.PluginVersion;

    /// <summary>The instance of this tenant and configuration version; thread-safe by contract.</summary>
    public TStage Instance { get; }

    private TaskRegistration Registration { get; }
}
