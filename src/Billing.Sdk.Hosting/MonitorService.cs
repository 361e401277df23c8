using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Billing.Hosting;

/// <summary>Has the monitor look at every interval, so that the gauges have something to say.</summary>
internal sealed class MonitorService(BillingMonitor monitor, MonitorGauges gauges, IOptions<MonitorOptions> options, TimeProvider time) : BackgroundService
{
    // Held so that the gauges live as long as the service.
    private readonly MonitorGauges _gauges = gauges;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await monitor.LookAsync(stoppingToken).ConfigureAwait(false);
                await Task.Delay(options.Value.Interval.ToTimeSpan(), time, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops; a look leaves nothing behind.
        }
    }
}
