using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Billing.InMemory;
using Billing.Storage;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;

namespace Billing.Hosting.Tests;

public class MonitorTests
{
    private static readonly Instant Start = Instant.FromUtc(2026, 3, 1, 0, 0);

    private readonly ManualTime _time = new(Start);

    [Fact]
    public async Task Gauges_say_what_lags_and_what_is_wrong()
    {
        using var host = Build();
        await TroubleAsync(host);
        await host.StartAsync();
        await _time.RestAsync(1);

        var measured = Measure(host);
        await host.StopAsync();

        Assert.Equal(3 * 3600, measured["billing.run.lag billing.due_kind=billing billing.tenant=acme"]);
        Assert.Equal(0, measured["billing.run.lag billing.due_kind=aging billing.tenant=acme"]);
        Assert.Equal(3 * 3600, measured["billing.outbox.lag billing.tenant=acme"]);
        Assert.Equal(1, measured["billing.quarantine.payers billing.tenant=acme"]);
        Assert.Equal(2, measured["billing.usage.unattributed billing.tenant=acme"]);
        Assert.Equal(0, measured["billing.tasks.missing billing.tenant=acme"]);
        Assert.Equal(1, measured["billing.plugins.refused"]);
        Assert.Equal(1, measured["billing.storage.reachable"]);
    }

    [Fact]
    public async Task Gauges_say_when_the_store_is_away_and_keep_no_old_lags()
    {
        var away = false;
        using var host = Build(isAway: () => away);
        await TroubleAsync(host);
        await host.StartAsync();
        await _time.RestAsync(1);
        away = true;

        await _time.AdvanceAsync(_time.GetCurrentInstant() + Duration.FromMinutes(1), timers: 1);
        await _time.RestAsync(1);
        var measured = Measure(host);
        await host.StopAsync();

        Assert.Equal(0, measured["billing.storage.reachable"]);
        Assert.DoesNotContain(measured.Keys, k => k.StartsWith("billing.run.lag", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Counters_say_what_was_done()
    {
        using var host = Build();
        using var counted = new Counted(host);

        await TroubleAsync(host);
        var engine = host.Services.GetRequiredService<BillingEngine>();
        await engine.Runs.DispatchAsync(House.Acme);
        await engine.Usage.RecordAsync(House.Acme, [new UsageEntry { CustomerId = "nobody", Event = new UsageEvent { Id = "x", Type = "call", At = Start } }]);

        Assert.Equal(2, counted["billing.payers billing.tenant=acme"]);
        Assert.Equal(1, counted["billing.invoices billing.tenant=acme"]);
        Assert.Equal(1, counted["billing.quarantined billing.tenant=acme"]);
        Assert.Equal(2, counted["billing.usage.events billing.outcome=unattributed billing.tenant=acme"]);
        Assert.Equal(1, counted["billing.usage.events billing.outcome=rejected billing.tenant=acme"]);
        Assert.Equal((await engine.Messages.ListAsync(House.Acme)).Count, counted["billing.messages billing.outcome=delivered billing.tenant=acme"]);
    }

    [Fact]
    public async Task A_run_that_fails_is_counted_until_it_ends_well()
    {
        var fails = true;
        var probe = new ProbeRun("probe", (_, _) => fails ? throw new InvalidOperationException("No paper.") : Task.FromResult(""));
        using var host = Build(services => services.AddSingleton<IScheduledRun>(probe).AddHostedRuns());
        await House.OpenAsync(host.Services.GetRequiredService<BillingEngine>(), House.Acme);
        var performer = host.Services.GetRequiredService<RunPerformer>();
        var gauges = host.Services.GetServices<IHostedService>();
        Assert.NotEmpty(gauges);
        for (var i = 0; i < 3; i++)
        {
            await performer.PerformAsync(new RunOccasion(House.Acme, "probe", Start), CancellationToken.None);
        }

        Assert.Equal(3, Measure(host)["billing.run.failures billing.run=probe billing.tenant=acme"]);
        var entry = (await CheckAsync(host)).Entries["billing-runs"];
        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Contains("Run probe failed 3 times: No paper.", entry.Description, StringComparison.Ordinal);

        fails = false;
        await performer.PerformAsync(new RunOccasion(House.Acme, "probe", Start), CancellationToken.None);

        Assert.Equal(0, Measure(host)["billing.run.failures billing.run=probe billing.tenant=acme"]);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Entries["billing-runs"].Status);
    }

    [Fact]
    public async Task A_house_in_order_is_healthy()
    {
        using var host = Build();
        await House.OpenAsync(host.Services.GetRequiredService<BillingEngine>(), House.Acme);

        var report = await CheckAsync(host);

        Assert.Equal(
            ["billing-outbox", "billing-plugins", "billing-quarantine", "billing-runs", "billing-storage", "billing-usage"],
            report.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.All(report.Entries.Where(e => e.Key != "billing-plugins"), e => Assert.Equal(HealthStatus.Healthy, e.Value.Status));
        Assert.All(report.Entries, e => Assert.Equal(["billing"], e.Value.Tags));
    }

    [Fact]
    public async Task Trouble_degrades_the_check_that_it_belongs_to()
    {
        using var host = Build();
        await TroubleAsync(host);

        var report = await CheckAsync(host);

        Assert.Equal(HealthStatus.Healthy, report.Entries["billing-storage"].Status);
        AssertEntry(report, "billing-runs", HealthStatus.Degraded, "acme: Billing is 03:00:00 behind.");
        AssertEntry(report, "billing-outbox", HealthStatus.Degraded, "acme: Messages are 03:00:00 behind.");
        AssertEntry(report, "billing-quarantine", HealthStatus.Degraded, "acme: 1 payers are in quarantine.");
        AssertEntry(report, "billing-usage", HealthStatus.Degraded, "acme: 2 usage events belong to nobody.");
        AssertEntry(report, "billing-plugins", HealthStatus.Degraded, "1 plugins were not loaded; 0 tenants cannot be billed.");
        Assert.Equal("Its folder is empty.", report.Entries["billing-plugins"].Data["plugin acme.broken"]);
    }

    [Fact]
    public async Task More_than_the_limits_is_unhealthy()
    {
        using var host = Build(health: o =>
        {
            o.RunLagUnhealthy = Duration.FromHours(2);
            o.OutboxLagUnhealthy = Duration.FromHours(3) - Duration.Epsilon;
            o.QuarantinedUnhealthy = 0;
        });
        await TroubleAsync(host);

        var report = await CheckAsync(host);

        Assert.Equal(HealthStatus.Unhealthy, report.Entries["billing-runs"].Status);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["billing-outbox"].Status);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["billing-quarantine"].Status);
    }

    [Fact]
    public async Task A_store_that_is_away_is_unhealthy_until_it_is_back()
    {
        var away = false;
        using var host = Build(isAway: () => away);
        await House.OpenAsync(host.Services.GetRequiredService<BillingEngine>(), House.Acme);
        away = true;

        var report = await CheckAsync(host);

        AssertEntry(report, "billing-storage", HealthStatus.Unhealthy, "The store could not be read: The store does not answer.");
        AssertEntry(report, "billing-runs", HealthStatus.Degraded, "The store could not be read.");

        away = false;
        await _time.AdvanceAsync(Start + Duration.FromSeconds(6), timers: 0);

        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Entries["billing-storage"].Status);
    }

    [Fact]
    public async Task A_tenant_whose_task_is_gone_is_named()
    {
        var storage = new InMemoryBillingStorage(new TimeOrderedIdGenerator(_time));
        using (var before = Build(storage: storage, plugin: House.Plugin<Invoicing.IBillingFilter>("gone", new TestFilter(ids => Task.FromResult<IReadOnlyList<string?>>(new string?[ids.Count])))))
        {
            var engine = before.Services.GetRequiredService<BillingEngine>();
            await House.OpenAsync(engine, House.Acme);
            await engine.Tenants.ConfigureTasksAsync(House.Acme, [new TaskEntry { Stage = "billing-selection", Task = "gone" }]);
        }

        using var after = Build(storage: storage, plugin: _ => { });
        var report = await CheckAsync(after);

        AssertEntry(report, "billing-plugins", HealthStatus.Degraded, "0 plugins were not loaded; 1 tenants cannot be billed.");
        Assert.Contains("billing-selection/gone", (string)report.Entries["billing-plugins"].Data["tenant acme"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_look_serves_all_checks_of_an_interval()
    {
        using var host = Build();
        var engine = host.Services.GetRequiredService<BillingEngine>();
        await House.OpenAsync(engine, House.Acme);
        var monitor = host.Services.GetRequiredService<BillingMonitor>();
        var first = await monitor.GetAsync();
        await _time.AdvanceAsync(Start + Duration.FromSeconds(59), timers: 0);

        Assert.Same(first, await monitor.GetAsync());

        await _time.AdvanceAsync(Start + Duration.FromSeconds(60), timers: 0);
        Assert.NotSame(first, await monitor.GetAsync());
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused()
    {
        AssertRefused(o => o.RunLagUnhealthy = Duration.Zero);
        AssertRefused(o => o.OutboxLagDegraded = Duration.FromDays(-1));
        AssertRefused(o => o.QuarantinedUnhealthy = -1);
        AssertRefused(o => o.RunFailuresDegraded = 0);
    }

    private void AssertRefused(Action<BillingHealthOptions> configure)
    {
        using var host = Build(health: configure);
        Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredService<IOptions<BillingHealthOptions>>().Value);
    }

    private static void AssertEntry(HealthReport report, string check, HealthStatus status, string text)
    {
        Assert.Equal(status, report.Entries[check].Status);
        Assert.Equal(text, report.Entries[check].Description);
    }

    private static Task<HealthReport> CheckAsync(IHost host) => host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

    /// <summary>One customer that is due, with messages nobody fetched; one in quarantine; usage of nobody. Three hours pass.</summary>
    private async Task TroubleAsync(IHost host)
    {
        var engine = host.Services.GetRequiredService<BillingEngine>();
        await House.OpenAsync(engine, House.Acme);
        await engine.Tenants.ConfigureTasksAsync(House.Acme, [new TaskEntry { Stage = "billing-selection", Task = "holds" }]);
        await House.SubscribeAsync(engine, House.Acme, 2);
        await engine.Runs.BillAsync(House.Acme, Start);
        await engine.Customers.CreateAsync(House.Acme, new Customers.CreateCustomerRequest { Id = "late" });
        var usage = await engine.Usage.RecordAsync(House.Acme, [.. Enumerable.Range(1, 2).Select(i => new UsageEntry { CustomerId = "late", Event = new UsageEvent { Id = $"e{i}", Type = "call", At = Start } })]);
        Assert.All(usage, u => Assert.Equal(UsageStatus.Unattributed, u.Status));
        await engine.Subscriptions.SubscribeAsync(House.Acme, new Subscriptions.SubscribeRequest { Id = "late", CustomerId = "late", Plan = "basic" });
        await _time.AdvanceAsync(Start + Duration.FromHours(3), timers: 0);
    }

    /// <summary>The measurements of the host's own meters, by name and tags.</summary>
    private static ConcurrentDictionary<string, double> Measure(IHost host)
    {
        var measured = new ConcurrentDictionary<string, double>(StringComparer.Ordinal);
        var factory = host.Services.GetRequiredService<IMeterFactory>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Billing.Sdk" && ReferenceEquals(instrument.Meter.Scope, factory))
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => measured[Name(instrument, tags)] = value);
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => measured[Name(instrument, tags)] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured[Name(instrument, tags)] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;
    }

    /// <summary>The sums of the counters of the host's own meter.</summary>
    private sealed class Counted : IDisposable
    {
        private readonly ConcurrentDictionary<string, double> _sums = new(StringComparer.Ordinal);
        private readonly MeterListener _listener = new();

        public Counted(IHost host)
        {
            var factory = host.Services.GetRequiredService<IMeterFactory>();
            _listener.InstrumentPublished = (instrument, l) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, factory) && instrument is Counter<long>)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _sums.AddOrUpdate(Name(instrument, tags), value, (_, sum) => sum + value));
            _listener.Start();
        }

        public double this[string name] => _sums.GetValueOrDefault(name);

        public void Dispose() => _listener.Dispose();
    }

    private static string Name(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        string.Join(" ", tags.ToArray().Select(t => $"{t.Key}={t.Value}").Order(StringComparer.Ordinal).Prepend(instrument.Name));

    private IHost Build(
        Action<IServiceCollection>? services = null,
        Action<BillingHealthOptions>? health = null,
        Func<bool>? isAway = null,
        IBillingStorage? storage = null,
        Action<TaskCatalogBuilder>? plugin = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(new LogLines());
        var ids = new TimeOrderedIdGenerator(_time);
        builder.Services.AddSingleton<IClock>(_time).AddSingleton<TimeProvider>(_time).AddSingleton<IIdGenerator>(ids);
        builder.Services.AddBilling(billing =>
        {
            billing.UseStorage(_ => AwayStorage.Over(storage ?? new InMemoryBillingStorage(ids), isAway ?? (() => false)));
            billing.ConfigureTasks(plugin ?? Holding);
        });
        builder.Services.AddHealthChecks().AddBilling(health);
        services?.Invoke(builder.Services);
        return builder.Build();
    }

    /// <summary>A task that holds back one customer, and a plugin that could not be loaded.</summary>
    private static void Holding(TaskCatalogBuilder tasks)
    {
        House.Plugin<Invoicing.IBillingFilter>(
            "holds", new TestFilter(ids => Task.FromResult<IReadOnlyList<string?>>([.. ids.Select(id => id == House.CustomerId(2) ? "A question is open." : null)])))(tasks);
        tasks.AddRefused("acme.broken", "Its folder is empty.");
    }
}
