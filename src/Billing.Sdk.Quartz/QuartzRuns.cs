using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Quartz;

/// <summary>Makes the store ready, starts the scheduler and keeps the cluster's tables up to date.</summary>
internal sealed class QuartzRuns(BillingEngine engine, BillingScheduler scheduler, IOptions<QuartzRunsOptions> options, TimeProvider time, ILogger<QuartzRuns> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RepeatAsync("The store could not be made ready", engine.InitializeAsync, stoppingToken).ConfigureAwait(false);
            if (options.Value.Works)
            {
                await RepeatAsync("The scheduler could not be started", StartAsync, stoppingToken).ConfigureAwait(false);
            }

            while (true)
            {
                await RepeatAsync("The schedules could not be refreshed", scheduler.RefreshAsync, stoppingToken).ConfigureAwait(false);
                await Task.Delay(options.Value.TenantRefresh.ToTimeSpan(), time, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops; Quartz's own service stops the jobs.
        }

        async Task StartAsync(CancellationToken token) => await (await scheduler.FindAsync(token).ConfigureAwait(false)).Start(token).ConfigureAwait(false);
    }

    private async Task RepeatAsync(string failed, Func<CancellationToken, Task> action, CancellationToken stoppingToken)
    {
        for (var wait = options.Value.FirstBackOff; ; wait = Duration.Min(wait * 2, options.Value.LongestBackOff))
        {
            try
            {
                await action(stoppingToken).ConfigureAwait(false);
                return;
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(error, "{Failed}; again in {Wait}.", failed, wait.ToTimeSpan());
                await Task.Delay(wait.ToTimeSpan(), time, stoppingToken).ConfigureAwait(false);
            }
        }
    }
}
