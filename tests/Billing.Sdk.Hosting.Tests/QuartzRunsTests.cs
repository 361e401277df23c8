using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Processing;
using Billing.PostgreSql.Tests;
using Billing.Quartz;
using Billing.Storage;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Npgsql;

namespace Billing.Hosting.Tests;

/// <summary>Two schedulers of one cluster on a PostgreSQL database of the test's own.</summary>
public sealed class QuartzRunsTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _database = "billing_quartz_" + Guid.NewGuid().ToString("N");
    private readonly LogLines _log = new();
    private readonly List<IHost> _hosts = [];

    private string Address => PostgresServer.AddressOf(_database);

    public Task InitializeAsync() => PostgresServer.ExecuteAsync(PostgresServer.Address, $"CREATE DATABASE {_database}");

    public async Task DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }

        NpgsqlConnection.ClearAllPools();
        await PostgresServer.ExecuteAsync(PostgresServer.Address, $"DROP DATABASE IF EXISTS {_database} WITH (FORCE)");
    }

    [Fact]
    public async Task Two_schedulers_share_one_run_without_double_work_and_without_a_hole()
    {
        const int Customers = 200;
        var (one, two) = (Build("one"), Build("two"));
        var engine = await PrepareAsync(one, Customers);
        await one.StartAsync();
        await two.StartAsync();
        var asOf = SystemClock.Instance.GetCurrentInstant();
        var context = new CommandContext(House.Acme) { IdempotencyKey = "november" };

        var runs = await Task.WhenAll(
            one.Services.GetRequiredService<BillingScheduler>().StartBillingAsync(context, asOf),
            two.Services.GetRequiredService<BillingScheduler>().StartBillingAsync(context, asOf));
        var run = await FinishedAsync(engine, runs[0].Id);

        Assert.Equal(runs[0].Id, runs[1].Id);
        Assert.Equal(10, run.Shards);
        Assert.Equal((Customers, Customers, Customers, 0), (run.Total, run.Payers, run.Invoices, run.Quarantined));
        await House.AssertBooksAsync(engine, Storage(one), House.Acme, Customers, new LocalDate(2200, 1, 1));
        var workers = (await Storage(one).ListRunShardsAsync(House.Acme, run.Id, CancellationToken.None)).Select(s => s.Worker!.Split('/')[0]).ToHashSet(StringComparer.Ordinal);
        Assert.Subset(new HashSet<string>(["one", "two"], StringComparer.Ordinal), workers);
        await NoShardLeftAsync();
    }

    [Fact]
    public async Task A_schedule_starts_one_run_for_one_moment_and_none_when_nothing_is_due()
    {
        const int Customers = 60;
        Action<QuartzRunsOptions> often = options => options.Schedule(ScheduledRuns.Bill, RunSchedule.Every(Duration.FromSeconds(1)));
        var (one, two) = (Build("one", often), Build("two", often));
        var engine = await PrepareAsync(one, Customers);
        await one.StartAsync();
        await two.StartAsync();

        await UntilAsync(async () => (await House.InvoicesAsync(Storage(one), House.Acme)).Sum() == Customers);
        await UntilAsync(async () => (await engine.Runs.ListAsync(House.Acme)).All(r => r.State == RunState.Finished));
        var runs = await engine.Runs.ListAsync(House.Acme);
        var log = one.Services.GetRequiredService<RunLog>().Reports.Concat(two.Services.GetRequiredService<RunLog>().Reports).ToList();
        var seen = log.Max(r => r.SucceededAt);
        await UntilAsync(() => Task.FromResult(one.Services.GetRequiredService<RunLog>().Reports.Concat(two.Services.GetRequiredService<RunLog>().Reports).Any(r => r.SucceededAt > seen + Duration.FromSeconds(2))));

        // Several moments may have found something while the first run was at work; each of them has one run, and later ones none.
        Assert.Equal(runs.Count, runs.Select(r => r.AsOf).Distinct().Count());
        Assert.Equal(runs.Count, (await engine.Runs.ListAsync(House.Acme)).Count);
        await House.AssertBooksAsync(engine, Storage(one), House.Acme, Customers, new LocalDate(2200, 1, 1));
    }

    [Fact]
    public async Task The_shard_of_a_scheduler_that_dies_is_recovered_and_its_late_commit_is_refused()
    {
        const int Customers = 60;
        var stuck = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var filter = new TestFilter(async ids =>
        {
            if (ids.Contains(House.CustomerId(1)) && stuck.TrySetResult())
            {
                await release.Task;
            }

            return new string?[ids.Count];
        });
        await PostgresServer.ExecuteAsync(Address, $"CREATE ROLE {_database}_dying LOGIN SUPERUSER PASSWORD 'soon-gone'");
        var dying = Build("dying", o => o.ConnectionString = PostgresServer.AddressOf(_database, $"{_database}_dying", "soon-gone"), House.Plugin<Invoicing.IBillingFilter>("waits", filter));
        var heir = Build("heir", plugin: House.Plugin<Invoicing.IBillingFilter>("waits", filter));
        var engine = await PrepareAsync(heir, Customers, "waits");
        try
        {
            await dying.StartAsync();
            var run = await dying.Services.GetRequiredService<BillingScheduler>().StartBillingAsync(House.Acme, SystemClock.Instance.GetCurrentInstant());
            await stuck.Task.WaitAsync(Patience);

            // Its scheduler can say no more that it is alive; its worker lives on and knows nothing of that.
            await PostgresServer.ExecuteAsync(Address, $"ALTER ROLE {_database}_dying NOLOGIN");
            await PostgresServer.ExecuteAsync(Address, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{_database}_dying'");
            await heir.StartAsync();
            var finished = await FinishedAsync(engine, run.Id);
            release.SetResult();
            await UntilAsync(() => Task.FromResult(_log.Lines.Any(l => l.Text.Contains("went to another worker", StringComparison.Ordinal))));

            Assert.Equal((Customers, Customers), (finished.Payers, finished.Invoices));
            var first = (await Storage(heir).ListRunShardsAsync(House.Acme, run.Id, CancellationToken.None))[0];
            Assert.StartsWith("heir/", first.Worker, StringComparison.Ordinal);
            await House.AssertBooksAsync(engine, Storage(heir), House.Acme, Customers, new LocalDate(2200, 1, 1));
        }
        finally
        {
            release.TrySetResult();
            await PostgresServer.ExecuteAsync(Address, $"ALTER ROLE {_database}_dying LOGIN");
            await dying.StopAsync();
            _hosts.Remove(dying);
            dying.Dispose();
            NpgsqlConnection.ClearAllPools();
            await PostgresServer.ExecuteAsync(Address, $"REASSIGN OWNED BY {_database}_dying TO CURRENT_USER; DROP ROLE {_database}_dying");
        }
    }

    [Fact]
    public async Task A_host_that_stops_hands_its_shards_over()
    {
        const int Customers = 60;
        var stuck = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var filter = new TestFilter(async ids =>
        {
            if (stuck.TrySetResult())
            {
                await release.Task;
            }

            return new string?[ids.Count];
        });
        var plugin = House.Plugin<Invoicing.IBillingFilter>("waits", filter);
        var (leaving, staying) = (Build("leaving", plugin: plugin), Build("staying", plugin: plugin));
        var engine = await PrepareAsync(staying, Customers, "waits");
        await leaving.StartAsync();
        var run = await leaving.Services.GetRequiredService<BillingScheduler>().StartBillingAsync(House.Acme, SystemClock.Instance.GetCurrentInstant());
        await stuck.Task.WaitAsync(Patience);

        var stop = leaving.StopAsync();
        release.SetResult();
        await stop;
        await staying.StartAsync();
        var finished = await FinishedAsync(engine, run.Id);

        Assert.Equal((Customers, Customers), (finished.Payers, finished.Invoices));
        await House.AssertBooksAsync(engine, Storage(staying), House.Acme, Customers, new LocalDate(2200, 1, 1));
    }

    [Fact]
    public async Task A_paused_run_stands_still_and_a_resumed_one_is_found_again()
    {
        const int Customers = 60;
        var host = Build("one");
        var engine = await PrepareAsync(host, Customers);
        var run = await engine.Runs.StartAsync(House.Acme, new StartRunRequest { AsOf = SystemClock.Instance.GetCurrentInstant(), ShardSize = 20 });
        await engine.Runs.PauseAsync(House.Acme, run.Id);
        await host.StartAsync();
        var scheduler = host.Services.GetRequiredService<BillingScheduler>();
        await scheduler.RefreshAsync();
        await NoShardLeftAsync();
        Assert.Equal(0, (await engine.Runs.GetProgressAsync(House.Acme, run.Id)).Done);

        await engine.Runs.ResumeAsync(House.Acme, run.Id);
        await scheduler.RefreshAsync();
        var finished = await FinishedAsync(engine, run.Id);

        Assert.Equal(Customers, finished.Invoices);
    }

    [Fact]
    public async Task A_process_that_does_not_work_starts_runs_for_those_that_do()
    {
        const int Customers = 20;
        var office = Build("office", o => o.Works = false);
        var engine = await PrepareAsync(office, Customers);
        var worker = Build("worker");
        await worker.StartAsync();
        await worker.Services.GetRequiredService<BillingScheduler>().RefreshAsync();
        await office.StartAsync();

        var run = await office.Services.GetRequiredService<BillingScheduler>().StartBillingAsync(House.Acme, SystemClock.Instance.GetCurrentInstant());
        await FinishedAsync(engine, run.Id);

        var shards = await Storage(office).ListRunShardsAsync(House.Acme, run.Id, CancellationToken.None);
        Assert.All(shards, s => Assert.StartsWith("worker/", s.Worker, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Triggers_follow_the_options()
    {
        var first = Build("one", o => o.Schedule(ScheduledRuns.Age, RunSchedule.Cron("0 6 * * *")));
        await PrepareAsync(first, 0);
        await first.StartAsync();
        await first.Services.GetRequiredService<BillingScheduler>().RefreshAsync();
        var before = await TriggersAsync();
        await first.StopAsync();

        var second = Build("two", o => o
            .Schedule(ScheduledRuns.Age, RunSchedule.Cron("30 7 * * mon").In("Asia/Tokyo"))
            .Schedule(ScheduledRuns.Dispatch, RunSchedule.Every(Duration.FromMinutes(5))));
        await second.StartAsync();
        await second.Services.GetRequiredService<BillingScheduler>().RefreshAsync();

        Assert.Equal(["acme/age: cron 0 6 * * *; tenant in Europe/Berlin; missed: DoOnce"], before);
        Assert.Equal(
            ["acme/age: cron 30 7 * * mon in Asia/Tokyo; tenant in Asia/Tokyo; missed: DoOnce", "acme/dispatch: every 00:05:00; tenant in Europe/Berlin; missed: DoOnce"],
            await TriggersAsync());
    }

    [Theory]
    [InlineData("0 2 * * *")]
    [InlineData("*/15 8-18/2 * * 1-5")]
    [InlineData("0 0 L * *")]
    [InlineData("30 6 1,15 * *")]
    [InlineData("5/20 3 * jan,jul *")]
    [InlineData("0 9 * * 7")]
    public void Quartz_reads_an_expression_as_the_schedule_does(string expression)
    {
        const string Zone = "Asia/Tokyo";
        var schedule = RunSchedule.Cron(expression);
        var trigger = new RunTriggers(new QuartzRunsOptions(), SystemClock.Instance).RunTriggerOf(
            new Tenant { Id = House.Acme, Name = "A", Settings = new TenantSettings { TimeZone = Zone }, CreatedAt = Instant.MinValue, Version = 1 }, "age", schedule);
        var ours = Instant.FromUtc(2026, 11, 22, 6, 30);
        var theirs = ours;
        for (var i = 0; i < 50; i++)
        {
            ours = schedule.NextAfter(ours, Zone);
            theirs = Instant.FromDateTimeOffset(trigger.GetFireTimeAfter(theirs.ToDateTimeOffset())!.Value);
            Assert.Equal(ours, theirs);
        }
    }

    [Fact]
    public void Options_that_make_no_sense_keep_the_host_from_starting()
    {
        AssertRefused("ConnectionString", o => o.ConnectionString = "");
        AssertRefused("SchedulerName", o => o.SchedulerName = " ");
        AssertRefused("JobsAtOnce", o => o.JobsAtOnce = 0);
        AssertRefused("CheckInInterval", o => o.CheckInInterval = Duration.Zero);
        AssertRefused("FirstBackOff", o => o.FirstBackOff = Duration.Zero);
        AssertRefused("There is no run 'bil'", o => o.Schedule("bil", RunSchedule.Every(Duration.FromHours(1))));
        Assert.Throws<InvalidOperationException>(() => new ServiceCollection().AddHostedRuns().AddQuartzRuns(_ => { }));
    }

    private static IBillingStorage Storage(IHost host) => host.Services.GetRequiredService<IBillingStorage>();

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            await Task.Delay(50, limit.Token);
        }
    }

    private async Task<RunRecord> FinishedAsync(BillingEngine engine, Guid run)
    {
        try
        {
            await UntilAsync(async () => (await engine.Runs.FindAsync(House.Acme, run)).State == RunState.Finished);
        }
        catch (OperationCanceledException)
        {
            var errors = _log.Lines.Where(l => l.Level >= LogLevel.Warning).Select(l => l.Text).Distinct(StringComparer.Ordinal).Take(20);
            Assert.Fail($"The run is not finished. {string.Join("\n", errors)}");
        }

        return await engine.Runs.FindAsync(House.Acme, run);
    }

    /// <summary>A tenant with customers that are due, made with one host's engine before the schedulers start.</summary>
    private static async Task<BillingEngine> PrepareAsync(IHost host, int customers, string? filter = null)
    {
        var engine = host.Services.GetRequiredService<BillingEngine>();
        await engine.InitializeAsync();
        await House.OpenAsync(engine, House.Acme, "Europe/Berlin");
        if (filter is not null)
        {
            await engine.Tenants.ConfigureTasksAsync(House.Acme, [new TaskEntry { Stage = "billing-selection", Task = filter }]);
        }

        await House.SubscribeAsync(engine, House.Acme, customers);
        return engine;
    }

    /// <summary>Waits until no job of a shard is left.</summary>
    private Task NoShardLeftAsync() => UntilAsync(async () =>
        await PostgresServer.ScalarAsync<long>(Address, "SELECT count(*) FROM qrtz_job_details WHERE job_group = 'billing.shards'") == 0);

    private async Task<IReadOnlyList<string>> TriggersAsync()
    {
        var text = await PostgresServer.ScalarAsync<string>(Address, "SELECT string_agg(trigger_name || ': ' || description, E'\\n' ORDER BY trigger_name) FROM qrtz_triggers");
        return text.Split('\n');
    }

    private void AssertRefused(string named, Action<QuartzRunsOptions> configure)
    {
        var services = new ServiceCollection().AddLogging();
        services.AddBilling(billing => billing.UsePostgreSql(Address)).AddQuartzRuns(o =>
        {
            o.ConnectionString = Address;
            configure(o);
        });
        using var provider = services.BuildServiceProvider();
        var error = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IOptions<QuartzRunsOptions>>().Value);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    /// <summary>A process of the cluster: no schedules but those that the test sets, shards of 20, quick to notice that another died.</summary>
    private IHost Build(string name, Action<QuartzRunsOptions>? configure = null, Action<TaskCatalogBuilder>? plugin = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(_log);
        builder.Services
            .AddBilling(billing => billing.UsePostgreSql(Address).ConfigureTasks(plugin ?? (_ => { })))
            .AddQuartzRuns(options =>
            {
                foreach (var run in options.Runs.ToList())
                {
                    options.Schedule(run, null);
                }

                options.ConnectionString = Address;
                options.InstanceId = name;
                options.ShardSize = 20;
                options.Worker = options.Worker with { PageSize = 10, Lease = Duration.FromSeconds(2) };
                options.CheckInInterval = Duration.FromSeconds(1);
                options.CheckInTolerance = Duration.FromSeconds(1);
                options.FirstBackOff = Duration.FromMilliseconds(500);
                configure?.Invoke(options);
            });
        var host = builder.Build();
        _hosts.Add(host);
        return host;
    }
}
