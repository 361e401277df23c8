using Billing.Storage;
using Billing.Tasks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting;

/// <summary>Looks at how billing stands: lags, quarantine, unattributed usage, missing tasks. One per host; thread-safe.</summary>
/// <remarks>A look reads the store with nine small queries per tenant; health checks and gauges share one look for as long as <see cref="MonitorOptions.Interval"/>.</remarks>
public sealed class BillingMonitor : IDisposable
{
    private static readonly Duration ErrorLife = Duration.FromSeconds(5);

    private readonly IBillingStorage _storage;
    private readonly BillingEngine _engine;
    private readonly TaskResolver _tasks;
    private readonly MonitorOptions _options;
    private readonly IClock _clock;
    private readonly ILogger<BillingMonitor> _logger;
    private readonly SemaphoreSlim _gate = new(1);
    private volatile BillingStatus? _last;

    /// <summary>Creates a monitor.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="storage">Its store.</param>
    /// <param name="tasks">Its tasks.</param>
    /// <param name="options">Which tenants, how often.</param>
    /// <param name="clock">Gives now, from which lags are counted.</param>
    /// <param name="logger">Takes errors of the store.</param>
    public BillingMonitor(BillingEngine engine, IBillingStorage storage, TaskCatalog tasks, IOptions<MonitorOptions> options, IClock clock, ILogger<BillingMonitor> logger)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(tasks);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(logger);
        _engine = engine;
        _storage = storage;
        _tasks = new TaskResolver(tasks);
        _options = options.Value;
        _clock = clock;
        _logger = logger;
    }

    /// <summary>What the last look saw; <see langword="null"/>: there was none yet.</summary>
    public BillingStatus? Last => _last;

    /// <summary>What the last look saw, if it is not older than the interval; else looks.</summary>
    public async Task<BillingStatus> GetAsync(CancellationToken cancellationToken = default)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var now = _clock.GetCurrentInstant();
            return _last is { } last && now - last.TakenAt < LifeOf(last) ? last : await TakeAsync(now, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Looks now.</summary>
    public async Task<BillingStatus> LookAsync(CancellationToken cancellationToken = default)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await TakeAsync(_clock.GetCurrentInstant(), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    // An error is kept just long enough that the checks of one request do not each wait for a store that is away.
    private Duration LifeOf(BillingStatus status) => status.StorageError is null ? _options.Interval : Duration.Min(ErrorLife, _options.Interval);

    private async Task<BillingStatus> TakeAsync(Instant now, CancellationToken cancellationToken)
    {
        try
        {
            var tenants = new List<TenantStatus>();
            foreach (var tenant in await _storage.ListTenantsAsync(cancellationToken).ConfigureAwait(false))
            {
                if (_options.Tenants is null || _options.Tenants.Contains(tenant.Id))
                {
                    tenants.Add(await LookAtAsync(tenant.Id, now, cancellationToken).ConfigureAwait(false));
                }
            }

            _last = new BillingStatus { TakenAt = now, Tenants = tenants };
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // Whatever keeps the store from answering is what a monitor is there to report.
            _logger.LogError(error, "The store could not be read.");
            _last = new BillingStatus { TakenAt = now, StorageError = error.Message };
        }

        return _last;
    }

    private async Task<TenantStatus> LookAtAsync(TenantId tenant, Instant now, CancellationToken cancellationToken)
    {
        var lags = new Dictionary<DueKind, Duration>();
        foreach (var kind in Enum.GetValues<DueKind>())
        {
            lags[kind] = Lag((await _storage.ReadNextDueAsync(tenant, kind, cancellationToken).ConfigureAwait(false))?.DueAt, now);
        }

        var configuration = await _engine.Tenants.GetTasksAsync(tenant, cancellationToken).ConfigureAwait(false);
        return new TenantStatus
        {
            Tenant = tenant,
            RunLag = lags,
            OutboxLag = Lag(await _storage.ReadNextOutboxDueAsync(tenant, cancellationToken).ConfigureAwait(false), now),
            Quarantined = (await _storage.ListQuarantineAsync(tenant, cancellationToken).ConfigureAwait(false)).Count,
            UnattributedUsage = (await _storage.ListUnattributedUsageAsync(tenant, _options.CountedAtMost, cancellationToken).ConfigureAwait(false)).Count,
            MissingTasks = _tasks.Resolve(tenant, configuration).Missing,
        };
    }

    private static Duration Lag(Instant? due, Instant now) => due is { } at && at < now ? now - at : Duration.Zero;
}
