namespace Billing.Tasks;

/// <summary>Checks a task configuration when it is saved, so that a mistake meets the person who makes it and not the next billing run. Thread-safe.</summary>
public sealed class TaskConfigurationValidator
{
    private readonly TaskCatalog _catalog;

    /// <summary>Creates a validator over a host's tasks.</summary>
    public TaskConfigurationValidator(TaskCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        _catalog = catalog;
    }

    /// <summary>Checks stages, tasks, parameters and the number of tasks of each chain. Parameters are bound; no instance is made.</summary>
    /// <remarks>An entry that is switched off may name a task that is not loaded: that is how a tenant goes on without it.</remarks>
    /// <exception cref="BillingException"><c>validation</c>, naming the task and the key of the first mistake.</exception>
    public void Validate(TaskConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Version < 0)
        {
            throw BillingException.Validation("task configuration", $"{configuration.Version}", "version", "A version is not negative.");
        }

        var seen = new HashSet<(string, string)>();
        foreach (var entry in configuration.Entries)
        {
            if (!seen.Add((entry.Stage, entry.Task)))
            {
                throw Wrong(entry, "task", "The configuration names it twice; a stage has each task once.");
            }

            Validate(entry);
        }

        foreach (var stage in configuration.Entries.Where(entry => entry.Enabled).GroupBy(entry => entry.Stage, StringComparer.Ordinal))
        {
            if (_catalog.FindStage(stage.Key) is { Chain: TaskChainKind.One } && stage.Count() > 1)
            {
                throw BillingException.Validation("stage", stage.Key, "tasks", $"It takes exactly one task; enabled are {string.Join(", ", stage.Select(entry => entry.Task))}.");
            }
        }
    }

    private void Validate(TaskEntry entry)
    {
        if (_catalog.Find(entry.Stage, entry.Task) is { } task)
        {
            task.Check(entry.Parameters);
        }
        else if (entry.Enabled)
        {
            var key = _catalog.FindStage(entry.Stage) is null ? "stage" : "task";
            throw Wrong(entry, key, _catalog.ExplainMissing(entry.Stage, entry.Task));
        }
    }

    private static BillingException Wrong(TaskEntry entry, string key, string message) =>
        BillingException.Validation("task", $"{entry.Stage}/{entry.Task}", key, message);
}
