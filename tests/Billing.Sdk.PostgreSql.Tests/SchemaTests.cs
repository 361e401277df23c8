using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Storage;
using Billing.Storage.Tests;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.PostgreSql.Tests;

public sealed class SchemaTests(BareDatabase database) : IClassFixture<BareDatabase>
{
    private const string Describe = """
        SELECT c.relname || ' column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(co.collname, '') AS line
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_collation co ON co.oid = a.attcollation
        WHERE c.relnamespace = '{0}'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'billing_schema'
        UNION ALL
        SELECT t.relname || ' index ' || i.relname || ' ' || x.indisunique || ' ' || x.indisprimary || ' ' || (SELECT string_agg(pg_get_indexdef(i.oid, n, true), ',' ORDER BY n) FROM generate_series(1, x.indnatts) n)
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        WHERE t.relnamespace = '{0}'::regnamespace AND t.relname <> 'billing_schema'
        ORDER BY 1
        """;

    [Fact]
    public async Task The_script_makes_the_tables_columns_keys_and_indexes_of_the_model()
    {
        await FreshAsync("script");
        await FreshAsync("model");
        await database.ExecuteAsync($"BEGIN; {PostgreSqlBillingSchema.Script(0, new PostgreSqlSchemaOptions { Schema = "script" })} COMMIT");
        using var storage = new PostgreSqlBillingStorage(new PostgreSqlStorageOptions { ConnectionString = database.AsOwner }, TestDatabase.Ids());
        using var context = storage.CreateContext();
        await database.ExecuteAsync($"SET search_path TO model; {context.Database.GenerateCreateScript()}");
        var expected = await LinesAsync("model");
        Assert.Equal(expected, await LinesAsync("script"));
        Assert.True(expected.Count > 300, $"Only {expected.Count} columns and indexes were compared.");
        await database.ExecuteAsync($"BEGIN; {PostgreSqlBillingSchema.Script(0, new PostgreSqlSchemaOptions { Schema = "script" })} COMMIT");
    }

    [Fact]
    public async Task Every_key_begins_with_the_tenant()
    {
        await FreshAsync("keys");
        await database.ExecuteAsync($"BEGIN; {PostgreSqlBillingSchema.Script(0, new PostgreSqlSchemaOptions { Schema = "keys" })} COMMIT");
        var keys = (await LinesAsync("keys")).Where(l => l.Contains(" index ", StringComparison.Ordinal) && l.Contains(" true ", StringComparison.Ordinal)).Select(l => l.Split(' ')).ToArray();
        Assert.True(keys.Length > 30, $"Only {keys.Length} keys were looked at.");
        Assert.All(keys, k => Assert.Equal(k[0] == "billing_tenant" ? "id" : "tenant", k[^1].Split(',')[0]));
    }

    [Fact]
    public async Task All_text_compares_byte_by_byte()
    {
        await FreshAsync("texts");
        await database.ExecuteAsync($"BEGIN; {PostgreSqlBillingSchema.Script(0, new PostgreSqlSchemaOptions { Schema = "texts" })} COMMIT");
        var texts = (await LinesAsync("texts")).Where(l => l.Contains(" text ", StringComparison.Ordinal)).ToArray();
        Assert.True(texts.Length > 100, $"Only {texts.Length} columns were looked at.");
        Assert.All(texts, t => Assert.EndsWith(" C", t, StringComparison.Ordinal));
        Assert.True(await database.ScalarAsync<bool>("SELECT 'a' < 'B'"), "The database itself compares byte by byte; the test shows nothing here.");
    }

    [Theory]
    [InlineData(0, "older")]
    [InlineData(PostgreSqlBillingSchema.Version + 1, "newer")]
    public async Task An_older_or_newer_schema_is_refused_and_left_as_it_is(int version, string word)
    {
        await FreshAsync("other");
        await Open("other").InitializeAsync(CancellationToken.None);
        await database.ExecuteAsync($"UPDATE other.billing_schema SET version = {version}");
        var error = await Assert.ThrowsAsync<BillingException>(() => Open("other").InitializeAsync(CancellationToken.None));
        Assert.Equal(BillingErrorCodes.Storage, error.Code);
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
        Assert.Equal(version, await database.ScalarAsync<int>("SELECT max(version) FROM other.billing_schema"));
    }

    [Fact]
    public async Task Older_tables_are_brought_up_to_date_by_applying_the_scripts()
    {
        await FreshAsync("old");
        await database.ExecuteAsync("CREATE TABLE old.billing_schema (version integer NOT NULL PRIMARY KEY); INSERT INTO old.billing_schema VALUES (0)");
        await Assert.ThrowsAsync<BillingException>(() => Open("old").InitializeAsync(CancellationToken.None));
        await using var owner = NpgsqlDataSource.Create(database.AsOwner);
        await PostgreSqlBillingSchema.ApplyAsync(owner, new PostgreSqlSchemaOptions { Schema = "old" }, CancellationToken.None);
        await PostgreSqlBillingSchema.ApplyAsync(owner, new PostgreSqlSchemaOptions { Schema = "old" }, CancellationToken.None);
        var storage = Open("old");
        await storage.InitializeAsync(CancellationToken.None);
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0)));
    }

    [Fact]
    public async Task Storages_that_start_on_one_new_database_at_once_create_the_tables_once()
    {
        await FreshAsync("race");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Open("race").InitializeAsync(CancellationToken.None))));
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM race.billing_schema"));
    }

    [Fact]
    public async Task Tables_that_are_missing_are_named_as_the_reason_when_they_may_not_be_made()
    {
        await FreshAsync("empty");
        var told = await Assert.ThrowsAsync<BillingException>(() => Open("empty", o => o with { CreateTables = false }).InitializeAsync(CancellationToken.None));
        Assert.Contains("no tables", told.Message, StringComparison.Ordinal);
        var noRight = await Assert.ThrowsAsync<BillingException>(() => Open("empty", o => o with { ConnectionString = database.AsApplication }).InitializeAsync(CancellationToken.None));
        Assert.Equal(BillingErrorCodes.Storage, noRight.Code);
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM pg_class WHERE relnamespace = 'empty'::regnamespace"));
    }

    [Fact]
    public async Task Tables_without_row_security_are_refused_when_it_is_asked_for()
    {
        await FreshAsync("plain");
        await Open("plain", o => o with { RowSecurity = false }).InitializeAsync(CancellationToken.None);
        var error = await Assert.ThrowsAsync<BillingException>(() => Open("plain").InitializeAsync(CancellationToken.None));
        Assert.Contains("row security", error.Message, StringComparison.Ordinal);
        await database.ExecuteAsync($"BEGIN; {PostgreSqlBillingSchema.Script(PostgreSqlBillingSchema.Version, new PostgreSqlSchemaOptions { Schema = "plain" })} COMMIT");
        await Open("plain").InitializeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_an_error_of_the_storage()
    {
        var error = await Assert.ThrowsAsync<BillingException>(() =>
            Open("any", o => o with { ConnectionString = "Host=127.0.0.1;Port=1;Username=nobody;Timeout=2" }).InitializeAsync(CancellationToken.None));
        Assert.Equal(BillingErrorCodes.Storage, error.Code);
    }

    [Fact]
    public async Task Moments_turn_into_times_for_reports()
    {
        await FreshAsync("times");
        await Open("times").InitializeAsync(CancellationToken.None);
        Assert.Equal(
            "2030-05-06 12:00:00.123456+00", await database.ScalarAsync<string>($"SET timezone TO 'UTC'; SELECT times.billing_time({Noon.ToUnixTimeTicks() + 1_234_567})::text"));
    }

    private PostgreSqlBillingStorage Open(string schema, Func<PostgreSqlStorageOptions, PostgreSqlStorageOptions>? change = null)
    {
        var options = new PostgreSqlStorageOptions { ConnectionString = database.AsOwner, Schema = schema };
        return database.Open(_ => change is null ? options : change(options));
    }

    private Task FreshAsync(string schema) => database.ExecuteAsync($"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");

    private async Task<IReadOnlyList<string>> LinesAsync(string schema)
    {
        await using var connection = new NpgsqlConnection(database.AsOwner);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(Describe.Replace("{0}", schema, StringComparison.Ordinal), connection);
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
        {
            lines.Add(reader.GetString(0));
        }

        return lines;
    }
}
