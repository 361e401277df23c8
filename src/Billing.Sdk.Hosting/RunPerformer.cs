using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Hosting;

/// <summary>Does scheduled runs by name, logs what came of them and keeps the last report. One per host; thread-safe.</summary>
public sealed class RunPerformer
{
    private readonly Dictionary<string, IScheduledRun> _runs;
    private readonly RunLog _log;
    private readonly IClock _clock;
    private readonly ILogger<RunPerformer> _logger;

    /// <summary>Creates a performer.</summary>
    /// <param name="runs">The runs that there are; their names differ.</param>
    /// <param name="log">Takes the reports.</param>
    /// <param name="clock">Gives the moments of the reports.</param>
    /// <param name="logger">Takes what was done, and errors.</param>
    public RunPerformer(IEnumerable<IScheduledRun> runs, RunLog log, IClock clock, ILogger<RunPerformer> logger)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(logger);
        _runs = runs.ToDictionary(r => r.Name, StringComparer.Ordinal);
        _log = log;
        _clock = clock;
        _logger = logger;
    }

    /// <summary>Names of the runs that there are.</summary>
    public IReadOnlyCollection<string> Names => _runs.Keys;

    /// <summary>Does a run. Its errors are logged and reported, not thrown: one tenant's run must not stop another's.</summary>
    /// <exception cref="OperationCanceledException">When <paramref name="cancellationToken"/> asks for it.</exception>
    /// <exception cref="ArgumentException">There is no run of that name.</exception>
    public async Task<RunReport> PerformAsync(RunOccasion occasion, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(occasion);
        var run = _runs.GetValueOrDefault(occasion.Run) ?? throw new ArgumentException($"There is no run '{occasion.Run}'.", nameof(occasion));
        var startedAt = _clock.GetCurrentInstant();
        string? error = null;
        try
        {
            var done = await run.RunAsync(occasion, cancellationToken).ConfigureAwait(false);
            if (done.Length > 0)
            {
                _logger.LogInformation("Run {Run} of tenant {Tenant} for {ScheduledAt}: {Done}.", occasion.Run, occasion.Tenant, occasion.ScheduledAt, done);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failure)
        {
            // Whatever a store, a plugin or a host's own run throws: it is this run's alone, is reported, and the run is tried again.
            error = failure.Message;
            _logger.LogError(failure, "Run {Run} of tenant {Tenant} for {ScheduledAt} failed.", occasion.Run, occasion.Tenant, occasion.ScheduledAt);
        }

        return _log.Record(occasion, startedAt, _clock.GetCurrentInstant(), error);
    }
}
