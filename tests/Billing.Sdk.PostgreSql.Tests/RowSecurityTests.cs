using Billing.Customers;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Storage;
using Billing.Storage.Tests;
using Billing.Testing.Storage;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using Npgsql;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.PostgreSql.Tests;

public sealed class RowSecurityTests(TestDatabase database) : IClassFixture<TestDatabase>, IAsyncLifetime
{
    private static readonly TenantId Other = new("other");
    private readonly RowSamples _samples = new();

    public async Task InitializeAsync()
    {
        await database.EmptyAsync();
        var storage = await database.StartAsync();
        foreach (var tenant in new[] { Acme, Other })
        {
            await storage.CommitAsync(new BillingBatch { Tenant = tenant, Rows = [RowChange.Insert(_samples.Row<Tenant>(tenant, "p1"))] }, CancellationToken.None);
            await storage.CommitAsync(Of(tenant, "p1"), CancellationToken.None);
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Every_table_with_a_tenant_is_confined_but_the_one_that_feeds_workers()
    {
        var open = await database.ScalarAsync<string>("""
            SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
            WHERE c.relkind IN ('r', 'p') AND starts_with(c.relname, 'billing_') AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive))
            """);
        Assert.Equal("billing_due_item billing_schema billing_tenant", open);
        Assert.True(await database.ScalarAsync<long>("SELECT count(*) FROM pg_policy WHERE polname = 'billing_tenant_rows'") > 25);
    }

    [Fact]
    public async Task A_query_that_forgets_the_tenant_sees_its_own_rows_only()
    {
        using var context = (await database.StartAsync()).CreateContext();
        foreach (var tenant in new[] { Acme, Other })
        {
            await using var transaction = await context.Database.BeginTransactionAsync();
            await new PostgreSqlBillingDatabase().EnterTenantAsync(context, tenant, CancellationToken.None);
            Assert.Equal([tenant], await context.Set<Customer>().Select(c => c.Tenant).ToListAsync());
            Assert.Equal([tenant], await context.Set<InvoiceLine>().Select(c => c.Tenant).ToListAsync());
        }

        Assert.Equal(2, await context.Set<DueItem>().CountAsync());
    }

    [Fact]
    public async Task Without_a_tenant_nothing_is_seen_and_after_a_transaction_nothing_of_it_stays()
    {
        await using var connection = new NpgsqlConnection(database.AsApplication);
        await connection.OpenAsync();
        Assert.Equal(0L, await CountAsync(connection, "SELECT count(*) FROM billing_customer"));
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await CountAsync(connection, "SELECT length(set_config('billing.tenant', 'acme', true))::bigint");
            Assert.Equal(1L, await CountAsync(connection, "SELECT count(*) FROM billing_customer"));
            await transaction.CommitAsync();
        }

        Assert.Equal(0L, await CountAsync(connection, "SELECT count(*) FROM billing_customer"));
    }

    [Theory]
    [InlineData("INSERT INTO billing_run_record SELECT * FROM jsonb_populate_record(NULL::billing_run_record, '{\"tenant\": \"other\"}')")]
    [InlineData("UPDATE billing_customer SET tenant = 'other'")]
    [InlineData("COPY billing_customer FROM STDIN")]
    public async Task Rows_of_another_tenant_cannot_be_written(string sql)
    {
        await using var connection = new NpgsqlConnection(database.AsApplication);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await CountAsync(connection, "SELECT length(set_config('billing.tenant', 'acme', true))::bigint");
        var error = await Assert.ThrowsAsync<PostgresException>(() => new NpgsqlCommand(sql, connection).ExecuteNonQueryAsync());
        Assert.Contains(error.SqlState, new[] { PostgresErrorCodes.InsufficientPrivilege, PostgresErrorCodes.FeatureNotSupported });
    }

    [Fact]
    public async Task Changes_without_a_tenant_in_their_condition_leave_other_tenants_alone()
    {
        await using var connection = new NpgsqlConnection(database.AsApplication);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await CountAsync(connection, "SELECT length(set_config('billing.tenant', 'acme', true))::bigint");
        Assert.Equal(1, await new NpgsqlCommand("UPDATE billing_customer SET currency = 'USD'", connection).ExecuteNonQueryAsync());
        Assert.Equal(1, await new NpgsqlCommand("DELETE FROM billing_invoice_line", connection).ExecuteNonQueryAsync());
        await transaction.CommitAsync();
        Assert.Equal("other", await database.ScalarAsync<string>("SELECT string_agg(tenant, ' ') FROM billing_invoice_line"));
    }

    [Fact]
    public async Task The_policies_hold_for_the_owner_of_the_tables_too()
    {
        var owner = database.Role + "_owner";
        await database.ExecuteAsync($"CREATE ROLE {owner} NOLOGIN; ALTER TABLE billing_customer OWNER TO {owner}");
        try
        {
            Assert.Equal(0, await database.ScalarAsync<long>($"GRANT USAGE ON SCHEMA public TO {owner}; SET ROLE {owner}; SELECT count(*) FROM billing_customer"));
        }
        finally
        {
            await database.ExecuteAsync($"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}; DROP ROLE {owner}");
        }
    }

    [Fact]
    public async Task Messages_of_all_tenants_are_leased_and_completed()
    {
        var storage = await database.StartAsync();
        var leased = await storage.LeaseOutboxAsync(null, Noon + Duration.FromDays(1), Duration.FromMinutes(5), 10, CancellationToken.None);
        Assert.Equal([Acme, Other], leased.Select(m => m.Tenant));
        await storage.CompleteOutboxAsync([.. leased.Select(m => m with { State = OutboxState.Done, LeasedUntil = null, Version = m.Version + 1 })], CancellationToken.None);
        Assert.Equal(2, await database.ScalarAsync<long>("SELECT count(*) FROM billing_outbox_message WHERE state = 'done'"));
    }

    [Fact]
    public async Task Many_rows_are_written_at_once()
    {
        var storage = await database.StartAsync();
        var payers = Enumerable.Range(0, 500).Select(i => Of(Acme, $"many-{i}").Payers[0]).ToArray();
        var outcomes = await storage.CommitAsync(payers);
        Assert.Equal(500, outcomes.Count(o => o == CommitOutcome.Committed));
        Assert.Equal(501, await database.ScalarAsync<long>("SELECT count(*) FROM billing_invoice_line WHERE tenant = 'acme'"));
    }

    private BillingBatch Of(TenantId tenant, string payer)
    {
        var own = new Customer { Tenant = tenant, Id = payer, PayerId = payer, Currency = "EUR", CreatedAt = Noon, BillingVersion = 1 };
        var message = _samples.Row<OutboxMessage>(tenant, payer) with { State = OutboxState.Pending, DueAt = Noon, LeasedUntil = null, Sequence = 1 };
        var changes = new PayerChanges
        {
            PayerId = payer,
            ExpectedVersion = 0,
            Rows = [RowChange.Insert(own), RowChange.Insert(_samples.Row<InvoiceLine>(tenant, payer)), RowChange.Insert(message)],
            Due = new Dictionary<DueKind, Instant?> { [DueKind.Billing] = Noon },
        };
        return new BillingBatch { Tenant = tenant, Payers = [changes] };
    }

    private static async Task<long> CountAsync(NpgsqlConnection connection, string sql) => (long)(await new NpgsqlCommand(sql, connection).ExecuteScalarAsync())!;
}
