using Billing.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting;

/// <summary>Does the runs of all tenants in this process: one loop per tenant and run, of which a few work at the same moment.</summary>
internal sealed class HostedRuns : BackgroundService
{
    private readonly BillingEngine _engine;
    private readonly IBillingStorage _storage;
    private readonly RunPerformer _performer;
    private readonly HostedRunsOptions _options;
    private readonly IClock _clock;
    private readonly TimeProvider _time;
    private readonly ILogger<HostedRuns> _logger;
    private readonly SemaphoreSlim _places;
    private readonly Dictionary<TenantId, TenantZone> _tenants = [];
    private readonly List<Task> _loops = [];

    public HostedRuns(
        BillingEngine engine, IBillingStorage storage, RunPerformer performer, IOptions<HostedRunsOptions> options, IClock clock, TimeProvider time, ILogger<HostedRuns> logger)
    {
        _engine = engine;
        _storage = storage;
        _performer = performer;
        _options = options.Value;
        _clock = clock;
        _time = time;
        _logger = logger;
        _places = new SemaphoreSlim(_options.RunsAtOnce);
    }

    public override void Dispose()
    {
        _places.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RepeatAsync("The store could not be made ready", _engine.InitializeAsync, stoppingToken).ConfigureAwait(false);
            while (true)
            {
                await RepeatAsync("The tenants could not be listed", token => FindTenantsAsync(token, stoppingToken), stoppingToken).ConfigureAwait(false);
                await Task.Delay(_options.TenantRefresh.ToTimeSpan(), _time, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops: what is at work finishes its page or drops it.
        }

        await Task.WhenAll(_loops).ConfigureAwait(false);
    }

    private async Task FindTenantsAsync(CancellationToken cancellationToken, CancellationToken stoppingToken)
    {
        foreach (var tenant in await _storage.ListTenantsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_tenants.TryGetValue(tenant.Id, out var known))
            {
                known.TimeZone = tenant.Settings.TimeZone;
            }
            else if (_options.Includes(tenant.Id))
            {
                var zone = new TenantZone { TimeZone = tenant.Settings.TimeZone };
                _tenants.Add(tenant.Id, zone);
                _loops.AddRange(_performer.Names
                    .Select(run => (Run: run, Schedule: _options.ScheduleOf(tenant.Id, run)))
                    .Where(r => r.Schedule is not null)
                    .Select(r => LoopAsync(tenant.Id, zone, r.Run, r.Schedule!, stoppingToken)));
            }
        }
    }

    private async Task LoopAsync(TenantId tenant, TenantZone zone, string run, RunSchedule schedule, CancellationToken stoppingToken)
    {
        try
        {
            var now = _clock.GetCurrentInstant();
            var next = _options.RunAtStart ? now : schedule.NextAfter(now, zone.TimeZone);
            var occasion = new RunOccasion(tenant, run, next);
            while (true)
            {
                await WaitUntilAsync(next, stoppingToken).ConfigureAwait(false);
                var report = await PerformAsync(occasion, stoppingToken).ConfigureAwait(false);
                (occasion, next) = Next(occasion, schedule, zone, report);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops. What the run wrote stays; the next start goes on from there.
        }
    }

    private async Task<RunReport> PerformAsync(RunOccasion occasion, CancellationToken stoppingToken)
    {
        await _places.WaitAsync(stoppingToken).ConfigureAwait(false);
        try
        {
            return await _performer.PerformAsync(occasion, stoppingToken).ConfigureAwait(false);
        }
        finally
        {
            _places.Release();
        }
    }

    /// <summary>After a success the schedule's next moment; after an error the same occasion again, unless the next one comes first. Moments that passed meanwhile are one.</summary>
    private (RunOccasion Occasion, Instant At) Next(RunOccasion occasion, RunSchedule schedule, TenantZone zone, RunReport report)
    {
        var now = _clock.GetCurrentInstant();
        var scheduled = schedule.NextAfter(Instant.Max(now, occasion.ScheduledAt), zone.TimeZone);
        if (report.Failures == 0)
        {
            return (occasion with { ScheduledAt = scheduled }, scheduled);
        }

        var again = now + BackOff.After(report.Failures, _options.FirstBackOff, _options.LongestBackOff);
        return again < scheduled ? (occasion, again) : (occasion with { ScheduledAt = scheduled }, scheduled);
    }

    /// <summary>Waits in steps: a clock that is set forward is noticed within one.</summary>
    private async Task WaitUntilAsync(Instant moment, CancellationToken stoppingToken)
    {
        for (var now = _clock.GetCurrentInstant(); now < moment; now = _clock.GetCurrentInstant())
        {
            await Task.Delay(Duration.Min(moment - now, _options.TenantRefresh).ToTimeSpan() + TimeSpan.FromTicks(1), _time, stoppingToken).ConfigureAwait(false);
        }
    }

    private async Task RepeatAsync(string failed, Func<CancellationToken, Task> action, CancellationToken stoppingToken)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                await action(stoppingToken).ConfigureAwait(false);
                return;
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                var wait = BackOff.After(failures, _options.FirstBackOff, _options.LongestBackOff).ToTimeSpan();
                _logger.LogError(error, "{Failed}; again in {Wait}.", failed, wait);
                await Task.Delay(wait, _time, stoppingToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A tenant's zone; it can change while the tenant's loops run.</summary>
    private sealed class TenantZone
    {
        private volatile string _timeZone = "";

        public string TimeZone
        {
            get => _timeZone;
            set => _timeZone = value;
        }
    }
}

/// <summary>How long to wait after errors.</summary>
internal static class BackOff
{
    private const int MostDoublings = 30;

    /// <summary>The first wait, doubled with each failure, up to the longest.</summary>
    public static Duration After(int failures, Duration first, Duration longest) =>
        Duration.Min(longest, first * (1L << Math.Min(failures - 1, MostDoublings)));
}
