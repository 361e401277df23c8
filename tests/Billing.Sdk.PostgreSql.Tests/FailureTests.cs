using Billing.Invoicing;
using Billing.Storage;
using Billing.Storage.Tests;
using Billing.Testing.Storage;
using Npgsql;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.PostgreSql.Tests;

/// <summary>Errors that go away by themselves are survived, as a whole call and without anything written twice.</summary>
public sealed class FailureTests(TestDatabase database) : IClassFixture<TestDatabase>, IAsyncLifetime
{
    private readonly RowSamples _samples = new();

    public Task InitializeAsync() => database.EmptyAsync();

    public Task DisposeAsync() => database.ExecuteAsync("DROP FUNCTION IF EXISTS test_fault CASCADE; DROP SEQUENCE IF EXISTS test_calls");

    [Fact]
    public async Task A_serialisation_failure_is_tried_again()
    {
        await FailOnceAsync("RAISE EXCEPTION 'not now' USING ERRCODE = '40001'");
        await CommitsOnceAsync(await database.StartAsync(), calls: 2);
    }

    [Fact]
    public async Task A_connection_that_is_ended_in_a_statement_is_replaced()
    {
        await FailOnceAsync("PERFORM pg_terminate_backend(pg_backend_pid())");
        await CommitsOnceAsync(await database.StartAsync(), calls: 2);
    }

    [Fact]
    public async Task A_connection_that_is_ended_by_the_commit_is_replaced()
    {
        await FailOnceAsync("PERFORM pg_terminate_backend(pg_backend_pid())", "CONSTRAINT TRIGGER test_fault AFTER INSERT", "DEFERRABLE INITIALLY DEFERRED");
        await CommitsOnceAsync(await database.StartAsync(), calls: 2);
    }

    [Fact]
    public async Task Idle_connections_that_were_ended_are_replaced()
    {
        var storage = await database.StartAsync();
        await storage.CommitAsync(Changes("p1", 0));
        await database.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{database.Role}'");
        Assert.Equal("p1", (await storage.ReadAsync("p1")).Payer.Id);
    }

    [Fact]
    public async Task An_error_that_does_not_go_away_ends_the_call_with_nothing_written()
    {
        await database.ExecuteAsync("""
            CREATE FUNCTION test_fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'never' USING ERRCODE = '40001'; END $$;
            CREATE TRIGGER test_fault BEFORE INSERT ON billing_invoice_line FOR EACH STATEMENT EXECUTE FUNCTION test_fault()
            """);
        var storage = await database.StartAsync();
        var error = await Assert.ThrowsAsync<BillingException>(() => storage.CommitAsync(Changes("p1", 0, RowChange.Insert(_samples.Row<InvoiceLine>(Acme, "p1")))));
        Assert.Equal(BillingErrorCodes.Storage, error.Code);
        Assert.Empty(await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_is_not_made_twice()
    {
        using var proxy = new LossyProxy(PostgresServer.Address);
        var storage = await database.StartAsync(o => o with { ConnectionString = proxy.Through(o.ConnectionString!) });
        proxy.LoseNextCommit();
        var line = _samples.Row<InvoiceLine>(Acme, "p1");
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0, RowChange.Insert(line))));
        Assert.Equal(1, proxy.Lost);
        Assert.Equal([line], (await storage.ReadAsync("p1")).Lines);
        Assert.Equal(1, (await storage.ReadAsync("p1")).Payer.BillingVersion);
    }

    [Fact]
    public async Task The_victim_of_a_deadlock_tries_again()
    {
        // The test's own session never looks for deadlocks in time, so the storage's is the one that is ended.
        await database.ExecuteAsync($"ALTER ROLE {database.Role} SET deadlock_timeout = '4s'");
        var storage = await database.StartAsync();
        await storage.CommitAsync(Changes("p1", 0), Changes("p2", 0));
        await using var other = new NpgsqlConnection(database.AsOwner);
        await other.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync();
        await RunAsync(other, "SET LOCAL deadlock_timeout = '10min'; SELECT 1 FROM billing_customer WHERE id = 'p2' FOR UPDATE");
        var commit = Task.Run(() => storage.CommitAsync(Changes("p1", 1), Changes("p2", 1)));
        await WaitUntilAsync($"SELECT count(*) FROM pg_stat_activity WHERE usename = '{database.Role}' AND wait_event_type = 'Lock'");
        await RunAsync(other, "SELECT 1 FROM billing_customer WHERE id = 'p1' FOR UPDATE");
        await transaction.CommitAsync();
        Assert.Equal([CommitOutcome.Committed, CommitOutcome.Committed], await commit);
    }

    [Fact]
    public async Task Two_workers_with_the_same_page_write_each_payer_once()
    {
        var (first, second) = (await database.StartAsync(), await database.StartAsync());
        var payers = Enumerable.Range(0, 200).Select(i => $"p{i:000}").ToArray();
        await first.CommitAsync([.. payers.Select(p => Changes(p, 0))]);
        var page = payers.Select(p => Changes(p, 1, RowChange.Insert(_samples.Row<InvoiceLine>(Acme, p)))).ToArray();
        var other = payers.Reverse().Select(p => Changes(p, 1, RowChange.Insert(_samples.Row<InvoiceLine>(Acme, p)))).ToArray();
        var outcomes = await Task.WhenAll(Task.Run(() => first.CommitAsync(page)), Task.Run(() => second.CommitAsync(other)));
        Assert.Equal(200, outcomes.SelectMany(o => o).Count(o => o == CommitOutcome.Committed));
        Assert.Equal(200, outcomes.SelectMany(o => o).Count(o => o == CommitOutcome.Conflict));
        Assert.Equal(200, await database.ScalarAsync<long>("SELECT count(*) FROM billing_invoice_line"));
    }

    /// <summary>Commits a line although its table's trigger fails the first time, and asks how often the trigger was called.</summary>
    private async Task CommitsOnceAsync(IBillingStorage storage, long calls)
    {
        var line = _samples.Row<InvoiceLine>(Acme, "p1");
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0, RowChange.Insert(line))));
        Assert.Equal([line], (await storage.ReadAsync("p1")).Lines);
        Assert.Equal(calls, await database.ScalarAsync<long>("SELECT last_value FROM test_calls"));
    }

    /// <summary>A sequence goes on although its transaction fails, so it can tell the first call from later ones.</summary>
    private Task FailOnceAsync(string fault, string trigger = "TRIGGER test_fault AFTER INSERT", string when = "") => database.ExecuteAsync($"""
        CREATE SEQUENCE test_calls;
        GRANT USAGE ON SEQUENCE test_calls TO {database.Role};
        CREATE FUNCTION test_fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('test_calls') = 1 THEN {fault}; END IF; RETURN NULL; END $$;
        CREATE {trigger} ON billing_invoice_line {when} FOR EACH ROW EXECUTE FUNCTION test_fault()
        """);

    private async Task WaitUntilAsync(string sql)
    {
        for (var i = 0; await database.ScalarAsync<long>(sql) == 0; i++)
        {
            Assert.True(i < 600, "What the test waits for does not come: " + sql);
            await Task.Delay(20);
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 };
        await command.ExecuteNonQueryAsync();
    }
}
