using System.Collections.Concurrent;
using System.Text.Json;
using Billing.Catalog;
using Billing.Storage;
using Billing.Tasks;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Processing;

/// <summary>The parts that all facades share: store, tasks, clock, ids. One per host; thread-safe.</summary>
internal sealed class EngineCore(IBillingStorage storage, TaskCatalog taskCatalog, TaskInvoker invoker, IClock clock, IIdGenerator ids, ILoggerFactory loggers, EngineMetrics metrics)
{
    private readonly ConcurrentDictionary<TenantId, IReadOnlyList<CatalogVersion>> _catalogs = new();

    public IBillingStorage Storage { get; } = storage;

    public TaskCatalog TaskCatalog { get; } = taskCatalog;

    public TaskResolver Resolver { get; } = new(taskCatalog);

    public TaskInvoker Invoker { get; } = invoker;

    public IClock Clock { get; } = clock;

    public IIdGenerator Ids { get; } = ids;

    public ILoggerFactory Loggers { get; } = loggers;

    public EngineMetrics Metrics { get; } = metrics;

    /// <summary>Reads what a call for the tenant needs.</summary>
    /// <exception cref="BillingException">With code <c>not-found</c>: there is no such tenant.</exception>
    public async Task<TenantContext> OpenAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var found = await Storage.FindTenantAsync(tenant, cancellationToken).ConfigureAwait(false)
            ?? throw BillingException.NotFound("tenant", tenant.Value);
        var row = await Storage.FindTaskConfigurationAsync(tenant, cancellationToken).ConfigureAwait(false);
        return new TenantContext
        {
            Tenant = found,
            Catalogs = await ReadCatalogsAsync(tenant, cancellationToken).ConfigureAwait(false),
            Tasks = Resolver.Resolve(tenant, row is null ? new TaskConfiguration() : ReadConfiguration(row)),
            Ids = Ids,
            Now = Clock.GetCurrentInstant(),
        };
    }

    public static TaskConfiguration ReadConfiguration(TaskConfigurationRow row)
    {
        var entries = JsonSerializer.Deserialize<TaskEntry[]>(row.Entries, BillingJson.Options) ?? [];
        return new TaskConfiguration { Version = row.Version, Entries = [.. entries] };
    }

    private async Task<IReadOnlyList<CatalogVersion>> ReadCatalogsAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var newest = await Storage.ReadCatalogNumberAsync(tenant, cancellationToken).ConfigureAwait(false);
        if (_catalogs.TryGetValue(tenant, out var known) && known.Count == newest)
        {
            return known;
        }

        // Published versions never change, so what was read once stays right.
        var versions = await Storage.ReadCatalogAsync(tenant, cancellationToken).ConfigureAwait(false);
        _catalogs[tenant] = versions;
        return versions;
    }
}
