using Billing.Collections;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Payments;
using Billing.Plugins.TestGateway;
using Billing.PostgreSql.Tests;
using Billing.Tasks;
using Billing.Testing.Faults;
using Microsoft.Data.Sqlite;
using NodaTime;

namespace Billing.Durability;

/// <summary>No connection and no transaction is held while a gateway or another plugin works, however long it takes.</summary>
public sealed class HeldConnectionTests
{
    [Theory]
    [InlineData(SharedStore.Sqlite)]
    [InlineData(SharedStore.PostgreSql)]
    public async Task Nothing_is_held_while_gateways_and_plugins_work(string kind)
    {
        await using var store = await SharedStore.CreateAsync(kind);
        using var open = new OpenConnections(store.PostgreSqlDatabase is { } database ? new Npgsql.NpgsqlConnectionStringBuilder(database.AsApplication).Database! : store.Database);
        var slow = new SlowPlugins(store, open);
        var (engine, _) = await store.OpenAsync(billing => billing.ConfigureTasks(tasks => tasks
            .AddPlugin("tests.gateway", new InterceptedGateways(new TestGatewayPlugin(), slow))
            .AddPlugin("tests.slow", slow)));
        await SharedStore.FoundAsync(engine, 3);
        await engine.Tenants.ConfigureTasksAsync(SharedStore.Tenant,
        [
            new TaskEntry { Stage = "gateway", Task = "test-gateway" },
            .. new[] { "payment-retry", "aging", "notification", "events", "billing-selection" }.Select(stage => new TaskEntry { Stage = stage, Task = "slow" }),
        ]);
        foreach (var (customer, behavior) in new[] { ("c000", "succeed"), ("c001", "timeout"), ("c002", "decline:x") })
        {
            await engine.Payments.AddMethodAsync(SharedStore.Tenant, new AddPaymentMethodRequest { Id = customer, CustomerId = customer, Type = "card", Token = $"test:{customer};behavior={behavior}", Gateway = "test-gateway" });
        }

        for (var day = 0; day < 40; day++)
        {
            store.Clock.Advance(Duration.FromDays(1));
            await engine.Runs.BillAsync(SharedStore.Tenant, store.Clock.Now);
            await engine.Runs.CollectAsync(SharedStore.Tenant, store.Clock.Now);
            await engine.Runs.AgeAsync(SharedStore.Tenant, store.Clock.Now);
            await engine.Runs.DispatchAsync(SharedStore.Tenant);
        }

        var payment = (await engine.Payments.ListAsync(SharedStore.Tenant, "c000"))[0];
        await engine.Payments.RefundAsync(SharedStore.Tenant, new RefundRequest { PaymentId = payment.Id });

        Assert.Empty(slow.Found);
        Assert.True(open.Seen > 100, "The connections were not watched.");
        Assert.Equal(["Charge", "Query", "Refund", "aging", "billing-selection", "events", "notification", "payment-retry"], slow.Called.Order(StringComparer.Ordinal));
        Assert.Empty(await slow.HoldsNowAsync());
    }

    /// <summary>Gateways and plugins that look, while they work, whether anything of the engine's is open on the database.</summary>
    private sealed class SlowPlugins(SharedStore store, OpenConnections open)
        : IBillingPlugin, IGatewayInterceptor, IPaymentRetryPolicy, IAgingPolicy, INotifier, IBillingEventHandler, IBillingFilter
    {
        public HashSet<string> Called { get; } = new(StringComparer.Ordinal);

        public List<string> Found { get; } = [];

        public void Configure(IPluginBuilder builder) => builder
            .AddTask<IPaymentRetryPolicy>("slow", _ => this)
            .AddTask<IAgingPolicy>("slow", _ => this)
            .AddTask<INotifier>("slow", _ => this)
            .AddTask<IBillingEventHandler>("slow", _ => this)
            .AddTask<IBillingFilter>("slow", _ => this);

        public async Task<IReadOnlyList<GatewayOutcome>> AroundAsync(
            string operation, IReadOnlyList<string> keys, Func<Task<IReadOnlyList<GatewayOutcome>>> proceed, CancellationToken cancellationToken)
        {
            await WorkAsync(operation);
            return await proceed();
        }

        public async ValueTask<IReadOnlyList<RetryDecision?>> DecideAsync(IReadOnlyList<RetryRequest> requests, CancellationToken cancellationToken)
        {
            await WorkAsync("payment-retry");
            return [.. requests.Select(_ => (RetryDecision?)null)];
        }

        public async ValueTask<IReadOnlyList<AgingStep?>> NextStepAsync(IReadOnlyList<AgingRequest> requests, CancellationToken cancellationToken)
        {
            await WorkAsync("aging");
            return [.. requests.Select(r => r.StepsDone > 0 ? null : new AgingStep { Name = "first", DaysAfterDue = 1, Actions = [new AgingAction(AgingActionKind.Notify)] })];
        }

        public async ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
        {
            await WorkAsync("notification");
            return [.. notifications.Select(_ => NotificationResult.Delivered)];
        }

        public async ValueTask<IReadOnlyList<NotificationResult>> HandleAsync(IReadOnlyList<OutboxMessage> events, CancellationToken cancellationToken)
        {
            await WorkAsync("events");
            return [.. events.Select(_ => NotificationResult.Delivered)];
        }

        public async ValueTask<IReadOnlyList<string?>> HoldBackAsync(IReadOnlyList<string> payerIds, Instant asOf, CancellationToken cancellationToken)
        {
            await WorkAsync("billing-selection");
            return [.. payerIds.Select(_ => (string?)null)];
        }

        /// <summary>What is held now: told by EF Core, and by the database itself.</summary>
        public async Task<IReadOnlyList<string>> HoldsNowAsync()
        {
            var found = new List<string>();
            if (open.Open > 0)
            {
                found.Add(FormattableString.Invariant($"{open.Open} connections and transactions are open"));
            }

            var transactions = store.PostgreSqlDatabase is { } database ? await BusySessionsAsync(database) : BusyFile(store.Database);
            if (transactions > 0)
            {
                found.Add(FormattableString.Invariant($"{transactions} transactions are open in the database"));
            }

            return found;
        }

        /// <summary>Sessions of the application that are not waiting for a next statement outside of any transaction.</summary>
        private static Task<long> BusySessionsAsync(TestDatabase database) => PostgresServer.ScalarAsync<long>(
            database.AsOwner,
            $"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = '{database.Role}' AND (state <> 'idle' OR xact_start IS NOT NULL)");

        /// <summary>Somebody who wants the file for himself and will not wait: a reader's or writer's transaction keeps the log from being emptied.</summary>
        private static long BusyFile(string path)
        {
            using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA busy_timeout = 0";
            command.ExecuteNonQuery();
            command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
            return (long)command.ExecuteScalar()!;
        }

        private async Task WorkAsync(string what)
        {
            await Task.Yield();
            Called.Add(what);
            Found.AddRange((await HoldsNowAsync()).Select(f => $"during {what}: {f}"));
        }
    }
}
