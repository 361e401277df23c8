using System.Collections.Concurrent;

namespace Billing.Tasks;

/// <summary>Gives tenants their tasks. Thread-safe; one per host.</summary>
/// <remarks>
/// Instances are made once per tenant and configuration version and used by all runs of that tenant, side by side. The two newest versions of a
/// tenant are kept; a run that holds an older <see cref="TenantTasks"/> goes on with it. Instances are not disposed: what must be released
/// belongs into a plugin's services, which are disposed with the <see cref="TaskCatalog"/>.
/// </remarks>
public sealed class TaskResolver
{
    private const int VersionsKept = 2;

    private readonly TaskCatalog _catalog;
    private readonly ConcurrentDictionary<TenantId, SortedList<long, Lazy<TenantTasks>>> _tenants = new();

    /// <summary>Creates a resolver over a host's tasks.</summary>
    public TaskResolver(TaskCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        _catalog = catalog;
    }

    /// <summary>A tenant's tasks under a configuration. Tasks that are missing do not fail the call; <see cref="TenantTasks.EnsureComplete"/> does.</summary>
    /// <exception cref="BillingException"><c>conflict</c> when other entries were resolved under the same version before.</exception>
    public TenantTasks Resolve(TenantId tenant, TaskConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        _ = tenant.Value;
        var versions = _tenants.GetOrAdd(tenant, static _ => []);
        var tasks = Entry(versions, tenant, configuration).Value;
        if (!tasks.Configuration.Equals(configuration))
        {
            throw BillingException.For(BillingErrorCodes.Conflict, "tenant", tenant.Value, "tasks", $"Two different task configurations have version {configuration.Version}; give each change a version of its own.");
        }

        if (tasks.IsTransient)
        {
            Forget(versions, tasks);
        }

        return tasks;
    }

    private Lazy<TenantTasks> Entry(SortedList<long, Lazy<TenantTasks>> versions, TenantId tenant, TaskConfiguration configuration)
    {
        lock (versions)
        {
            if (!versions.TryGetValue(configuration.Version, out var entry))
            {
                entry = new Lazy<TenantTasks>(() => new TenantTasks(_catalog, tenant, configuration));
                versions.Add(configuration.Version, entry);
                if (versions.Count > VersionsKept)
                {
                    versions.RemoveAt(versions.Keys[0] == configuration.Version ? 1 : 0);
                }
            }

            return entry;
        }
    }

    // A task that could not be made for a reason that may pass is tried again by the next run.
    private static void Forget(SortedList<long, Lazy<TenantTasks>> versions, TenantTasks tasks)
    {
        lock (versions)
        {
            if (versions.TryGetValue(tasks.Configuration.Version, out var entry) && entry.IsValueCreated && ReferenceEquals(entry.Value, tasks))
            {
                versions.Remove(tasks.Configuration.Version);
            }
        }
    }
}
