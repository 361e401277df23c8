using Billing.InMemory;
using Billing.Processing;
using Billing.Storage;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting.Tests;

public class HostedRunsTests
{
    private static readonly Instant Start = Instant.FromUtc(2026, 3, 1, 0, 0);
    private static readonly TenantId Tokyo = new("tokyo");
    private static readonly TenantId York = new("york");

    private readonly ManualTime _time = new(Start);
    private readonly LogLines _log = new();
    private IBillingStorage? _storage;

    [Fact]
    public async Task Each_tenant_is_billed_at_the_hour_of_its_own_zone()
    {
        var probe = new ProbeRun("probe") { Clock = _time };
        using var host = Build(
            options =>
            {
                Only(options);
                options.RunAtStart = false;
                options.Schedule(ScheduledRuns.Bill, RunSchedule.Daily(new LocalTime(2, 0)));
                options.Schedule("probe", RunSchedule.Daily(new LocalTime(2, 0)));
            },
            runs: [probe]);
        var engine = host.Services.GetRequiredService<BillingEngine>();
        await House.OpenAsync(engine, York, "America/New_York");
        await House.OpenAsync(engine, Tokyo, "Asia/Tokyo");
        await House.SubscribeAsync(engine, York, 2);
        await House.SubscribeAsync(engine, Tokyo, 3);
        var storage = host.Services.GetRequiredService<IBillingStorage>();

        await host.StartAsync();
        await _time.AdvanceAsync(Instant.FromUtc(2026, 3, 1, 7, 1), timers: 6);
        await _time.RestAsync(6);

        Assert.Equal([1, 1], await House.InvoicesAsync(storage, York));
        Assert.Equal([0, 0, 0], await House.InvoicesAsync(storage, Tokyo));

        await _time.AdvanceAsync(Instant.FromUtc(2026, 3, 2, 0, 0), timers: 6);
        await host.StopAsync();

        Assert.Equal([1, 1, 1], await House.InvoicesAsync(storage, Tokyo));
        Assert.Equal(
            [(York, Instant.FromUtc(2026, 3, 1, 7, 0)), (Tokyo, Instant.FromUtc(2026, 3, 1, 17, 0))],
            probe.Calls.Select(c => (c.Occasion.Tenant, c.Occasion.ScheduledAt)));
    }

    [Fact]
    public async Task All_runs_of_the_engine_are_done_and_a_new_tenant_is_found()
    {
        using var host = Build(options => options.UsageRetention = Duration.FromDays(10));
        var engine = host.Services.GetRequiredService<BillingEngine>();
        var log = host.Services.GetRequiredService<RunLog>();
        await host.StartAsync();
        await _time.RestAsync(2);
        await House.OpenAsync(engine, House.Acme);
        await House.SubscribeAsync(engine, House.Acme, 1);
        await engine.Usage.RecordAsync(House.Acme, [new UsageEntry { CustomerId = House.CustomerId(1), Event = new UsageEvent { Id = "e", Type = "call", At = Start - Duration.FromDays(20) } }]);
        Assert.Single(await engine.Usage.ListUnattributedAsync(House.Acme));

        await _time.AdvanceAsync(Start + Duration.FromMinutes(2), timers: 2);
        await _time.RestAsync(8);
        await _time.AdvanceAsync(Start + Duration.FromMinutes(4), timers: 8);
        await host.StopAsync();

        Assert.Equal(
            [ScheduledRuns.Age, ScheduledRuns.Bill, ScheduledRuns.Collect, ScheduledRuns.Dispatch, ScheduledRuns.DropUsage, ScheduledRuns.ExpireCredits],
            log.Reports.Select(r => r.Run));
        Assert.All(log.Reports, r => Assert.Null(r.LastError));
        Assert.Equal([1], await House.InvoicesAsync(_storage!, House.Acme));
        Assert.Empty(await engine.Usage.ListUnattributedAsync(House.Acme));
        Assert.All(await engine.Messages.ListAsync(House.Acme), m => Assert.Equal(Notifications.OutboxState.Done, m.State));
    }

    [Fact]
    public async Task A_tenant_whose_run_fails_stops_no_other_and_is_tried_again_with_back_off()
    {
        var broken = 3;
        var probe = new ProbeRun("probe", (occasion, _) => occasion.Tenant == York && Interlocked.Decrement(ref broken) >= 0
            ? throw new InvalidOperationException("The cable is cut.")
            : Task.FromResult("")) { Clock = _time };
        using var host = Build(
            options =>
            {
                Only(options);
                options.Schedule("probe", RunSchedule.Every(Duration.FromMinutes(1)));
                options.FirstBackOff = Duration.FromSeconds(5);
            },
            runs: [probe]);
        var engine = host.Services.GetRequiredService<BillingEngine>();
        await House.OpenAsync(engine, York);
        await House.OpenAsync(engine, Tokyo);

        await host.StartAsync();
        await _time.AdvanceAsync(Start + Duration.FromSeconds(119), timers: 4);
        await host.StopAsync();

        // 0, 5 and 15 seconds fail, 35 is well; then the schedule goes on. All tries are for the same moment.
        var york = probe.Calls.Where(c => c.Occasion.Tenant == York).ToList();
        Assert.Equal([0, 5, 15, 35, 60], york.Select(c => Math.Round((c.At - Start).TotalSeconds)));
        Assert.Equal([0, 0, 0, 0, 60], york.Select(c => (c.Occasion.ScheduledAt - Start).TotalSeconds));
        Assert.Equal([0, 60], probe.Calls.Where(c => c.Occasion.Tenant == Tokyo).Select(c => (c.Occasion.ScheduledAt - Start).TotalSeconds));
        Assert.Equal(3, _log.Lines.Count(l => l.Level == LogLevel.Error && l.Text.Contains("york", StringComparison.Ordinal)));
        var report = host.Services.GetRequiredService<RunLog>().Find(York, "probe")!;
        Assert.Equal((0, null), (report.Failures, report.LastError));
    }

    [Fact]
    public async Task A_run_that_keeps_failing_goes_over_to_the_next_moment_of_its_schedule()
    {
        var probe = new ProbeRun("probe", (_, _) => throw new InvalidOperationException("No.")) { Clock = _time };
        using var host = Build(
            options =>
            {
                Only(options);
                options.Schedule("probe", RunSchedule.Every(Duration.FromSeconds(60)));
                options.FirstBackOff = Duration.FromSeconds(20);
            },
            runs: [probe]);
        await House.OpenAsync(host.Services.GetRequiredService<BillingEngine>(), York);

        await host.StartAsync();
        await _time.AdvanceAsync(Start + Duration.FromSeconds(70), timers: 3);
        await host.StopAsync();

        Assert.Equal([(0, 0), (20, 0), (60, 60)], probe.Calls.Select(c => (Math.Round((c.At - Start).TotalSeconds), (c.Occasion.ScheduledAt - Start).TotalSeconds)));
        Assert.Equal(3, host.Services.GetRequiredService<RunLog>().Find(York, "probe")!.Failures);
    }

    [Fact]
    public async Task Moments_that_pass_while_a_run_works_are_one_run()
    {
        var release = new TaskCompletionSource();
        var began = new TaskCompletionSource();
        var probe = new ProbeRun("probe", async (_, token) =>
        {
            began.TrySetResult();
            await release.Task.WaitAsync(token);
            return "";
        }) { Clock = _time };
        using var host = Build(
            options =>
            {
                Only(options);
                options.Schedule("probe", RunSchedule.Every(Duration.FromMinutes(1)));
            },
            runs: [probe]);
        await House.OpenAsync(host.Services.GetRequiredService<BillingEngine>(), York);

        await host.StartAsync();
        await began.Task;
        await _time.AdvanceAsync(Start + Duration.FromSeconds(330), timers: 2);
        release.SetResult();
        await _time.AdvanceAsync(Start + Duration.FromSeconds(361), timers: 3);
        await host.StopAsync();

        Assert.Equal([0, 360], probe.Calls.Select(c => (c.Occasion.ScheduledAt - Start).TotalSeconds));
    }

    [Fact]
    public async Task A_host_that_stops_leaves_whole_pages_and_the_next_one_goes_on()
    {
        const int Customers = 40;
        var pages = 0;
        var atSecondPage = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var filter = new TestFilter(async ids =>
        {
            if (Interlocked.Increment(ref pages) == 2)
            {
                atSecondPage.SetResult();
                await release.Task;
            }

            return new string?[ids.Count];
        });
        IHost Host() => Build(
            options =>
            {
                Only(options);
                options.Schedule(ScheduledRuns.Bill, RunSchedule.Every(Duration.FromHours(1)));
                options.ShardSize = 20;
                options.Worker = options.Worker with { PageSize = 10, Degree = 1 };
            },
            House.Plugin<Invoicing.IBillingFilter>("waits", filter));
        using (var first = Host())
        {
            var engine = first.Services.GetRequiredService<BillingEngine>();
            await House.OpenAsync(engine, House.Acme);
            await engine.Tenants.ConfigureTasksAsync(House.Acme, [new TaskEntry { Stage = "billing-selection", Task = "waits" }]);
            await House.SubscribeAsync(engine, House.Acme, Customers);
            await first.StartAsync();
            await atSecondPage.Task.WaitAsync(TimeSpan.FromMinutes(1));

            // Stopped in the middle of the second page, which is finished or dropped.
            var stop = Task.WhenAll(first.Services.GetServices<IHostedService>().Select(s => s.StopAsync(CancellationToken.None)));
            release.SetResult();
            await stop;
            await first.StopAsync();

            var made = await House.InvoicesAsync(_storage!, House.Acme);
            Assert.Contains(made.Sum(), new[] { 10, 20 });
            Assert.Equal(made.Sum(), (await House.NumbersAsync(_storage!, House.Acme)).Count);
            var run = Assert.Single(await engine.Runs.ListAsync(House.Acme));
            Assert.Equal(RunState.Running, run.State);
            Assert.All(await _storage!.ListRunShardsAsync(House.Acme, run.Id, CancellationToken.None), s => Assert.NotEqual(ShardState.Working, s.State));
        }

        using var second = Host();
        await second.StartAsync();
        await _time.RestAsync(3);
        await second.StopAsync();

        var restarted = second.Services.GetRequiredService<BillingEngine>();
        await House.AssertBooksAsync(restarted, _storage!, House.Acme, Customers, new LocalDate(2026, 3, 1));
        Assert.All(await restarted.Runs.ListAsync(House.Acme), r => Assert.Equal(RunState.Finished, r.State));
    }

    [Fact]
    public async Task A_store_that_is_away_at_the_start_is_waited_for()
    {
        var back = Start + Duration.FromSeconds(10);
        using var host = Build(Only, storage: AwayStorage.Over(new InMemoryBillingStorage(new TimeOrderedIdGenerator(_time)), () => _time.GetCurrentInstant() < back));

        await host.StartAsync();
        await _time.AdvanceAsync(Start + Duration.FromSeconds(16), timers: 2);
        await _time.RestAsync(2);
        await host.StopAsync();

        Assert.Equal(2, _log.Lines.Count(l => l.Level == LogLevel.Error && l.Text.StartsWith("The store could not be made ready", StringComparison.Ordinal)));
    }

    [Fact]
    public void Options_that_make_no_sense_keep_the_host_from_starting()
    {
        AssertRefused("There is no run 'bil' to schedule", o => o.Schedule("bil", RunSchedule.Every(Duration.FromHours(1))));
        AssertRefused("There is no run 'seal'", o => o.Schedule(York, "seal", RunSchedule.Every(Duration.FromHours(1))));
        AssertRefused("ShardSize", o => o.ShardSize = 0);
        AssertRefused("UsageRetention", o => o.UsageRetention = Duration.FromHours(1));
        AssertRefused("TenantRefresh", o => o.TenantRefresh = Duration.Zero);
        AssertRefused("RunsAtOnce", o => o.RunsAtOnce = 0);
        AssertRefused("FirstBackOff", o => o.FirstBackOff = Duration.Zero);
        AssertRefused("LongestBackOff", o => o.LongestBackOff = Duration.FromSeconds(1));
        AssertRefused("Worker", o => o.Worker = new WorkerOptions { Shard = 1 });
    }

    [Fact]
    public void Two_runs_of_one_name_are_refused()
    {
        using var host = Build(Only, runs: [new ProbeRun("probe"), new ProbeRun("probe")]);

        var error = Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredService<IOptions<HostedRunsOptions>>().Value);

        Assert.Contains("2 runs have the name 'probe'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tenants_own_schedule_goes_before_that_of_all()
    {
        var all = RunSchedule.Every(Duration.FromHours(1));
        var own = RunSchedule.Every(Duration.FromHours(2));
        var options = new HostedRunsOptions();
        options.Schedule(ScheduledRuns.Bill, all).Schedule(York, ScheduledRuns.Bill, own).Schedule(Tokyo, ScheduledRuns.Bill, null);

        Assert.Equal(own, options.ScheduleOf(York, ScheduledRuns.Bill));
        Assert.Null(options.ScheduleOf(Tokyo, ScheduledRuns.Bill));
        Assert.Equal(all, options.ScheduleOf(House.Acme, ScheduledRuns.Bill));
        Assert.Null(options.ScheduleOf(House.Acme, ScheduledRuns.DropUsage));
    }

    private static void Only(HostedRunsOptions options)
    {
        foreach (var run in options.Runs.ToList())
        {
            options.Schedule(run, null);
        }
    }

    private void AssertRefused(string named, Action<HostedRunsOptions> configure)
    {
        using var host = Build(configure);
        var error = Assert.Throws<OptionsValidationException>(() => host.Start());
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    /// <summary>A host on one store; two hosts of a test share it.</summary>
    private IHost Build(Action<HostedRunsOptions> configure, Action<TaskCatalogBuilder>? plugin = null, IReadOnlyList<IScheduledRun>? runs = null, IBillingStorage? storage = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(_log);
        var ids = new TimeOrderedIdGenerator(_time);
        _storage ??= storage ?? new InMemoryBillingStorage(ids);
        builder.Services.AddSingleton<IClock>(_time).AddSingleton<TimeProvider>(_time).AddSingleton<IIdGenerator>(ids);
        foreach (var run in runs ?? [])
        {
            builder.Services.AddSingleton(run);
        }

        builder.Services
            .AddBilling(billing => billing.UseStorage(_ => _storage).ConfigureTasks(plugin ?? (_ => { })))
            .AddHostedRuns(configure);
        return builder.Build();
    }
}
