using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.Notifications;
using Billing.Plugins.AgingSteps;
using Billing.Plugins.FixedScheduleRetry;
using Billing.Plugins.Notifiers;
using Billing.Plugins.TestGateway;
using Billing.Storage;
using Billing.Tasks;
using Billing.Testing;
using Billing.Testing.Faults;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Durability.Victim;

/// <summary>Works through a script, as a host with its own clock and its own note of how far it has come.</summary>
internal static class Work
{
    public static async Task DoAsync(VictimOptions options, PhaseReport report)
    {
        var progress = new Progress(Path.Combine(options.Folder, "progress"));
        var (done, now) = progress.Read();
        var clock = new TestClock(now);
        await using var services = Services(options, report, clock);
        var engine = services.GetRequiredService<BillingEngine>();
        var storage = services.GetRequiredService<IBillingStorage>();
        await engine.InitializeAsync();
        var items = Script.Of(options.Seed, options);
        for (; done < items.Count; done++)
        {
            var item = items[done];
            await RunAsync(engine, storage, clock, report, item.At, () => progress.Write(done, clock.Now));
            report.Activity = item.Activity;
            await item.DoAsync(engine);
            progress.Write(done + 1, clock.Now);
        }

        await RunAsync(engine, storage, clock, report, Script.End, () => progress.Write(done, clock.Now));
        await CloseAsync(options, engine, storage);
    }

    private static ServiceProvider Services(VictimOptions options, PhaseReport report, IClock clock)
    {
        var services = new ServiceCollection();
        services.AddSingleton(clock);
        services.AddBilling(billing =>
        {
            UseStore(billing, options);
            billing.InterceptStorage(report);
            billing.ConfigureTasks(tasks => tasks
                .AddPlugin("billing.test-gateway", new InterceptedGateways(new TestGatewayPlugin(), report))
                .AddPlugin("billing.notifiers", new ReportedNotifiers(report))
                .AddPlugin<AgingStepsPlugin>()
                .AddPlugin<FixedScheduleRetryPlugin>());
        });
        return services.BuildServiceProvider();
    }

    private static void UseStore(BillingBuilder billing, VictimOptions options)
    {
        switch (options.Store)
        {
            case VictimOptions.Sqlite:
                billing.UseSqlite(Path.Combine(options.Folder, "billing.db"));
                break;
            case VictimOptions.PostgreSql:
                var address = Environment.GetEnvironmentVariable("BILLING_POSTGRES") ?? throw new ArgumentException("BILLING_POSTGRES is not set.");
                billing.UsePostgreSql(new PostgreSqlStorageOptions { ConnectionString = address, CreateTables = false });
                break;
            default:
                throw new ArgumentException($"There is no store '{options.Store}'.");
        }
    }

    /// <summary>Does all that falls due up to a moment, in order of its time, and leaves the clock there.</summary>
    private static async Task RunAsync(BillingEngine engine, IBillingStorage storage, TestClock clock, PhaseReport report, Instant until, Action moved)
    {
        while (await storage.FindTenantAsync(Script.Tenant, CancellationToken.None) is not null
            && await engine.Runs.GetNextDueAsync(Script.Tenant) is { } due && due <= until)
        {
            clock.AdvanceTo(due);
            moved();
            report.Activity = "expire";
            await engine.Runs.ExpireCreditsAsync(Script.Tenant, clock.Now);
            report.Activity = "bill";
            await engine.Runs.BillAsync(Script.Tenant, clock.Now);
            report.Activity = "collect";
            await engine.Runs.CollectAsync(Script.Tenant, clock.Now);
            report.Activity = "age";
            await engine.Runs.AgeAsync(Script.Tenant, clock.Now);
            report.Activity = "dispatch";
            await engine.Runs.DispatchAsync(Script.Tenant);
            report.Activity = "";
        }

        clock.AdvanceTo(until);
    }

    private static async Task CloseAsync(VictimOptions options, BillingEngine engine, IBillingStorage storage)
    {
        var books = await Books.ReadAsync(engine, storage, Script.Tenant);
        await File.WriteAllLinesAsync(options.Books, books.Lines);
        var messages = await engine.Messages.ListAsync(Script.Tenant);
        await File.WriteAllLinesAsync(options.Messages, messages.Where(m => m.Notify).Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Id} {m.State}")));
    }

    /// <summary>The reference notifiers, with the phase report around them.</summary>
    private sealed class ReportedNotifiers(PhaseReport report) : IBillingPlugin
    {
        public void Configure(IPluginBuilder builder) => new NotifiersPlugin().Configure(new Builder(builder, report));

        private sealed class Builder(IPluginBuilder inner, PhaseReport report) : IPluginBuilder
        {
            public IServiceCollection Services => inner.Services;

            public IPluginBuilder AddTask<TStage>(string name, Func<IServiceProvider, TStage> create)
                where TStage : class
            {
                inner.AddTask(name, create);
                return this;
            }

            public IPluginBuilder AddTask<TStage, TParameters>(string name, JsonTypeInfo<TParameters> parameters, Func<IServiceProvider, TParameters, TStage> create)
                where TStage : class
            {
                inner.AddTask<TStage, TParameters>(name, parameters, (services, values) => create(services, values) is var task && task is INotifier notifier ? (TStage)report.Around(notifier) : task);
                return this;
            }
        }
    }
}

/// <summary>How far the script has come, and what the clock showed: kept in a file that a kill leaves whole.</summary>
internal sealed class Progress(string path)
{
    public (int Done, Instant Now) Read()
    {
        if (!File.Exists(path))
        {
            return (0, Script.Beginning);
        }

        var parts = File.ReadAllText(path).Split(' ');
        return (int.Parse(parts[0], CultureInfo.InvariantCulture), Instant.FromUnixTimeTicks(long.Parse(parts[1], CultureInfo.InvariantCulture)));
    }

    public void Write(int done, Instant now)
    {
        var next = path + ".next";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{done} {now.ToUnixTimeTicks()}")));
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }
}
