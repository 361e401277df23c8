using System.Globalization;
using Billing.EntityFrameworkCore;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.Invoicing;
using Billing.Subscriptions;
using Billing.Testing.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.Storage.Tests;

public sealed class SqliteStorageTests : IDisposable
{
    private readonly SqliteFiles _files = new();
    private readonly RowSamples _samples = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_second_opening_of_the_file_finds_everything()
    {
        var line = _samples.Row<InvoiceLine>(Acme, "p1");
        using (var first = await OpenAsync())
        {
            Assert.Equal([CommitOutcome.Committed], await first.CommitAsync(Changes("p1", 0, RowChange.Insert(line))));
        }

        using var second = await OpenAsync();
        Assert.Equal([line], (await second.ReadAsync("p1")).Lines);
        Assert.Equal([CommitOutcome.Committed], await second.CommitAsync(Changes("p1", 1)));
    }

    [Fact]
    public async Task Connections_have_the_durable_settings()
    {
        using var storage = await OpenAsync();
        using var context = storage.CreateContext();
        await context.Database.OpenConnectionAsync();
        var settings = new[] { "journal_mode", "synchronous", "busy_timeout", "wal_autocheckpoint", "foreign_keys", "page_size", "cache_size", "temp_store" };
        Assert.Equal("wal 2 5000 25000 0 4096 -32768 2", string.Join(' ', settings.Select(name => Scalar(context.Database.GetDbConnection(), $"PRAGMA {name}"))));
    }

    [Fact]
    public async Task Two_storages_on_one_file_write_side_by_side_and_number_without_gaps()
    {
        using var first = await OpenAsync();
        using var second = await OpenAsync();
        var numbers = await Task.WhenAll(new[] { first, second }.Select((storage, n) => Task.Run(async () =>
        {
            var given = new List<long>();
            for (var i = 0; i < 40; i++)
            {
                var payer = $"p{n}-{i}";
                var invoice = new RowSamples().Row<Invoice>(Acme, payer) with { Id = Guid.NewGuid(), SeriesNumber = null, Number = null };
                var changes = Changes(payer, 0, RowChange.Insert(invoice)) with { Numbers = [new NumberRequest(invoice.Id, "e", "s", "{n}")] };
                given.AddRange((await storage.CommitAsync(Batch(changes), CancellationToken.None)).Numbers.Select(a => a.SeriesNumber));
            }

            return given;
        })));
        Assert.Equal(Enumerable.Range(1, 80).Select(n => (long)n), numbers.SelectMany(n => n).Order());
        Assert.Equal(80, (await first.ListPayersAsync(Acme, null, 100, CancellationToken.None)).Count);
    }

    [Fact]
    public async Task A_file_that_another_process_keeps_locked_is_an_error_after_a_bounded_wait()
    {
        using var storage = new SqliteBillingStorage(new SqliteStorageOptions { Path = _files.Path(), BusyTimeout = Duration.FromMilliseconds(50) }, StorageContracts.Ids());
        await storage.InitializeAsync(CancellationToken.None);
        using var other = Connect();
        using var held = other.BeginTransaction(deferred: false);
        var error = await Assert.ThrowsAsync<BillingException>(() => storage.CommitAsync(Changes("p1", 0)));
        Assert.Equal(BillingErrorCodes.Storage, error.Code);
        Assert.Empty(await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
        held.Rollback();
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0)));
    }

    [Fact]
    public async Task Calls_wait_for_another_process_that_writes_and_reads_do_not()
    {
        using var storage = await OpenAsync();
        await storage.CommitAsync(Changes("p1", 0));
        using var other = Connect();
        using var held = other.BeginTransaction(deferred: false);
        Scalar(other, "UPDATE billing_customer SET currency = 'USD'");
        var usage = new UsageAppend { Record = _samples.Row<Usage.UsageRecord>(Acme, "p1") };
        var commit = Task.Run(() => storage.CommitAsync(Changes("p1", 1)));
        var append = Task.Run(() => storage.AppendUsageAsync(Acme, [usage], CancellationToken.None));
        Assert.Equal("EUR", (await storage.ReadAsync("p1")).Payer.Currency);
        Assert.False(commit.IsCompleted || append.IsCompleted);
        held.Rollback();
        Assert.Equal([CommitOutcome.Committed], await commit);
        Assert.Equal([UsageOutcome.Accepted], await append);
    }

    [Fact]
    public async Task A_page_is_one_moment_while_another_process_writes()
    {
        using var storage = await OpenAsync();
        var payers = Enumerable.Range(0, 50).Select(i => $"p{i:00}").ToArray();
        await storage.CommitAsync([.. payers.Select(p => Changes(p, 0))]);
        using var second = await OpenAsync();
        var writing = Task.Run(async () =>
        {
            for (var version = 1; version <= 20; version++)
            {
                await second.CommitAsync([.. payers.Select(p => Changes(p, version, RowChange.Insert(new RowSamples().Row<Subscription>(Acme, p) with { Id = $"{p} {version}" })))]);
            }
        });
        while (!writing.IsCompleted)
        {
            var page = await storage.ReadPayersAsync(Acme, payers, SnapshotParts.All, CancellationToken.None);
            Assert.Single(page.Select(p => p.Payer.BillingVersion).Distinct());
            Assert.All(page, p => Assert.Equal(p.Payer.BillingVersion - 1, p.Subscriptions.Count));
        }

        await writing;
    }

    [Fact]
    public async Task Decimals_come_back_with_all_their_digits()
    {
        using var storage = await OpenAsync();
        string[] texts =
        [
            "0", "0.0", "-0.5", "1.500", "7", "-7.25", "0.0000000000000000000000000001", "79228162514264337593543950335", "-79228162514264337593543950335",
            "123456789012345678", "-12345678901234567", "1234567890.12345678", "12345678901234567.8", "2147483648", "4294967296", "9.999999999999999",
        ];
        var lines = texts.Select(t => _samples.Row<InvoiceLine>(Acme, "p1") with { Quantity = decimal.Parse(t, CultureInfo.InvariantCulture) }).ToArray();
        await storage.CommitAsync(Changes("p1", 0, [.. lines.Select(RowChange.Insert)]));
        Assert.Equal(texts, (await storage.ReadAsync("p1")).Lines.Select(l => l.Quantity.ToString(CultureInfo.InvariantCulture)));
        var bucket = _samples.Row<Usage.UsageRollup>(Acme, "p1") with { Group = "", Replaces = false, Count = 1 };
        var sums = texts[..7].Concat(texts[9..]).Select(t => decimal.Parse(t, CultureInfo.InvariantCulture)).ToArray();
        foreach (var sum in sums)
        {
            var append = new UsageAppend { Record = _samples.Row<Usage.UsageRecord>(Acme, "p1"), Rollups = [bucket with { Sum = sum, Min = sum, Max = sum }] };
            await storage.AppendUsageAsync(Acme, [append], CancellationToken.None);
        }

        var query = new UsageQuery { SubscriptionId = bucket.SubscriptionId, Meter = bucket.Meter, EventType = "-", From = bucket.Bucket, To = bucket.Bucket + Duration.FromMinutes(15) };
        var group = (await storage.ReadUsageAsync(Acme, [query], CancellationToken.None))[0].Groups.Single();
        Assert.Equal(new UsageGroup("", sums.Length, sums.Sum(), sums.Min(), sums.Max()), group);
    }

    [Theory]
    [InlineData("This is a letter and no database at all, but it is long enough to hold a header of one hundred bytes, as you see.")]
    [InlineData("SQLite format 3\0 and then nothing that makes sense; and again it is long enough to hold a header of one hundred bytes.")]
    public async Task A_file_that_is_no_database_is_refused_by_name_and_left_as_it_is(string content)
    {
        await File.WriteAllTextAsync(_files.Path(), content);
        await RefusedAsync(_files.Path());
        Assert.Equal(content, await File.ReadAllTextAsync(_files.Path()));
    }

    [Theory]
    [InlineData(0, "older")]
    [InlineData(SqliteBillingSchema.Version + 1, "newer")]
    public async Task An_older_or_newer_schema_is_refused_and_left_as_it_is(int version, string word)
    {
        using (var storage = await OpenAsync())
        {
            await storage.CommitAsync(Changes("p1", 0));
        }

        using (var connection = Connect())
        {
            Scalar(connection, $"UPDATE billing_schema SET version = {version}; PRAGMA journal_mode = DELETE");
        }

        SqliteConnection.ClearAllPools();
        var before = await File.ReadAllBytesAsync(_files.Path());
        var error = await RefusedAsync(_files.Path());
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
        SqliteConnection.ClearAllPools();
        Assert.Equal(before, await File.ReadAllBytesAsync(_files.Path()));
    }

    [Fact]
    public async Task A_directory_that_is_not_there_is_refused_by_name() => await RefusedAsync(Path.Combine(_files.Directory, "missing", "billing.db"));

    [Fact]
    public async Task An_older_database_is_upgraded_by_applying_the_scripts()
    {
        using (var connection = Connect())
        {
            Scalar(connection, "CREATE TABLE billing_schema (version INTEGER NOT NULL PRIMARY KEY); INSERT INTO billing_schema VALUES (0); CREATE TABLE host_order (id INTEGER)");
        }

        await RefusedAsync(_files.Path());
        await SqliteBillingSchema.ApplyAsync($"Data Source={_files.Path()}", CancellationToken.None);
        await SqliteBillingSchema.ApplyAsync($"Data Source={_files.Path()}", CancellationToken.None);
        using var storage = await OpenAsync();
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0)));
    }

    [Fact]
    public async Task Storages_that_start_on_one_new_file_at_once_create_the_schema_once()
    {
        var storages = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(OpenAsync)));
        Assert.Equal([CommitOutcome.Committed], await storages[0].CommitAsync(Changes("p1", 0)));
        Assert.Equal("p1", (await storages[3].ReadAsync("p1")).Payer.Id);
        using var connection = Connect();
        Assert.Equal((long)SqliteBillingSchema.Version, Scalar(connection, "SELECT sum(version) FROM billing_schema"));
    }

    [Fact]
    public async Task The_script_makes_the_tables_columns_keys_and_indexes_of_the_model()
    {
        using var storage = await OpenAsync();
        using var context = storage.CreateContext();
        await context.Database.OpenConnectionAsync();
        using var model = new SqliteConnection("Data Source=:memory:");
        model.Open();
        Scalar(model, context.Database.GenerateCreateScript());
        var expected = Describe(model);
        Assert.Equal(expected, Describe(context.Database.GetDbConnection()).Where(line => !line.StartsWith("billing_schema", StringComparison.Ordinal)));
        Assert.True(expected.Count > 300, $"Only {expected.Count} columns and indexes were compared.");
        Scalar(context.Database.GetDbConnection(), SqliteBillingSchema.Script());
    }

    [Fact]
    public async Task Rounded_amounts_are_integers_and_other_decimals_texts()
    {
        using var storage = await OpenAsync();
        var line = _samples.Row<InvoiceLine>(Acme, "p1") with { Amount = -12.3456m, ExactAmount = 0.333333333333m };
        await storage.CommitAsync(Changes("p1", 0, RowChange.Insert(line)));
        using var connection = Connect();
        Assert.Equal("-123456 integer 0.333333333333 text blob", Scalar(
            connection, "SELECT amount || ' ' || typeof(amount) || ' ' || exact_amount || ' ' || typeof(exact_amount) || ' ' || typeof(id) FROM billing_invoice_line"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_amount_with_more_than_four_decimals_is_refused_and_nothing_is_written(bool useFastPath)
    {
        using var storage = _files.Open(useFastPath: useFastPath);
        await storage.InitializeAsync(CancellationToken.None);
        foreach (var amount in new[] { 0.00001m, 1_000_000_000_000_000m })
        {
            var line = _samples.Row<InvoiceLine>(Acme, "p1") with { Amount = amount };
            var error = await Assert.ThrowsAnyAsync<Exception>(() => storage.CommitAsync(Changes("p1", 0, RowChange.Insert(line))));
            Assert.Equal(BillingErrorCodes.Validation, Assert.IsType<BillingException>(error is BillingException ? error : error.InnerException).Code);
        }

        Assert.Empty(await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
    }

    [Fact]
    public void Every_decimal_column_is_either_a_rounded_amount_or_a_known_other_decimal()
    {
        var other = new HashSet<string>
        {
            "InvoiceLine.Quantity", "InvoiceLine.ExactAmount", "InvoiceLine.LayerFrom", "InvoiceLine.LayerTo", "UsageRollup.Sum", "UsageRollup.Min", "UsageRollup.Max",
        };
        using var context = new SqliteBillingStorage(_files.Path(), StorageContracts.Ids()).CreateContext();
        var texts = context.Model.GetEntityTypes().SelectMany(e => e.GetProperties())
            .Where(p => (Nullable.GetUnderlyingType(p.ClrType) ?? p.ClrType) == typeof(decimal) && p.GetColumnType() != "INTEGER")
            .Select(p => $"{p.DeclaringType.ClrType.Name}.{p.Name}");
        Assert.Equal(other.Order(), texts.Order());
    }

    [Fact]
    public async Task Nanoseconds_below_a_tick_are_cut_off()
    {
        using var storage = await OpenAsync();
        var item = _samples.Row<PendingItem>(Acme, "p1") with { RecordedAt = Noon + Duration.FromNanoseconds(1299) };
        await storage.CommitAsync(Changes("p1", 0, RowChange.Insert(item)));
        Assert.Equal(Noon + Duration.FromNanoseconds(1200), (await storage.ReadAsync("p1")).PendingItems.Single().RecordedAt);
    }

    private async Task<SqliteBillingStorage> OpenAsync()
    {
        var storage = _files.Open();
        await storage.InitializeAsync(CancellationToken.None);
        return storage;
    }

    private static async Task<BillingException> RefusedAsync(string path)
    {
        using var storage = new SqliteBillingStorage(path, StorageContracts.Ids());
        var error = await Assert.ThrowsAsync<BillingException>(() => storage.InitializeAsync(CancellationToken.None));
        Assert.Equal(BillingErrorCodes.Storage, error.Code);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        return error;
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={_files.Path()};Pooling=False");
        connection.Open();
        return connection;
    }

    private static object? Scalar(System.Data.Common.DbConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    private static List<string> Describe(System.Data.Common.DbConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT t.name || ' column ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' key ' || c.pk FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'
            UNION ALL
            SELECT t.name || ' index ' || i.name || ' ' || i."unique" || ' ' || group_concat(c.name, ',') FROM sqlite_master t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
            WHERE t.type = 'table' AND i.origin = 'c' GROUP BY t.name, i.name, i."unique"
            ORDER BY 1
            """;
        using var reader = command.ExecuteReader();
        var lines = new List<string>();
        while (reader.Read())
        {
            lines.Add(reader.GetString(0));
        }

        return lines;
    }
}
