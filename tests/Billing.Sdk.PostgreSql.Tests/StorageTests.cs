using System.Diagnostics;
using Billing.EntityFrameworkCore;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Storage.Tests;
using Billing.Testing.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using NodaTime;
using Npgsql;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.PostgreSql.Tests;

public sealed class StorageTests(TestDatabase database) : IClassFixture<TestDatabase>, IAsyncLifetime
{
    private readonly RowSamples _samples = new();

    public Task InitializeAsync() => database.EmptyAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_page_of_payers_and_of_usage_queries_takes_a_constant_number_of_exchanges(bool rowSecurity)
    {
        // The owner of the tables is a superuser here, whom row security does not hold back: both ways of asking see the rows.
        var storage = await database.StartAsync(o => o with { ConnectionString = database.AsOwner, RowSecurity = rowSecurity });
        await storage.CommitAsync([.. Enumerable.Range(0, 100).Select(i => Changes("p" + i, 0, RowChange.Insert(_samples.Row<InvoiceLine>(Acme, "p" + i))))]);
        var (pages, usage) = (new List<int>(), new List<int>());
        foreach (var size in new[] { 1, 10, 100 })
        {
            using (var counter = new ExchangeCounter(database.AsOwner))
            {
                var page = await storage.ReadPayersAsync(Acme, [.. Enumerable.Range(0, size).Select(i => "p" + i)], SnapshotParts.All, CancellationToken.None);
                Assert.Equal(size, page.Count);
                pages.Add(counter.Count);
            }

            var queries = Enumerable.Range(0, size).Select(i => new UsageQuery
            {
                SubscriptionId = "s" + i, Meter = "m" + i, EventType = "t", From = Noon, To = Noon + Duration.FromMinutes(70), NeedsEvents = i % 3 == 1,
            });
            using (var counter = new ExchangeCounter(database.AsOwner))
            {
                await storage.ReadUsageAsync(Acme, [.. queries], CancellationToken.None);
                usage.Add(counter.Count);
            }
        }

        // The first is what begins the transaction.
        Assert.Equal([18, 18, 18], pages);
        Assert.All(usage, count => Assert.InRange(count, 3, 6));
    }

    [Fact]
    public async Task A_page_of_commits_takes_a_number_of_exchanges_that_does_not_grow()
    {
        var storage = await database.StartAsync(o => o with { ConnectionString = database.AsOwner, RowSecurity = false });
        var counts = new List<int>();
        foreach (var size in new[] { 1000, 3000 })
        {
            var payers = Enumerable.Range(0, size).Select(i => Changes($"{size}-{i}", 0, RowChange.Insert(_samples.Row<InvoiceLine>(Acme, $"{size}-{i}")))).ToArray();
            using var counter = new ExchangeCounter(database.AsOwner);
            Assert.All(await storage.CommitAsync(payers), o => Assert.Equal(CommitOutcome.Committed, o));
            counts.Add(counter.Count);
        }

        Assert.Equal(counts[0], counts[1]);
        Assert.InRange(counts[0], 2, 12);
    }

    [Fact]
    public async Task Reads_see_one_moment_and_cannot_write()
    {
        var storage = await database.StartAsync();
        await using var context = storage.CreateContext();
        await using var transaction = await new PostgreSqlBillingDatabase().BeginReadAsync(context, Acme, CancellationToken.None);
        Assert.Equal("repeatable read", await ShowAsync(context, "transaction_isolation"));
        Assert.Equal("on", await ShowAsync(context, "transaction_read_only"));
        Assert.Empty(await context.Set<Customers.Customer>().ToListAsync());
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0)));
        Assert.Empty(await context.Set<Customers.Customer>().ToListAsync());
    }

    [Fact]
    public async Task Pages_side_by_side_number_without_gaps_and_without_losing_a_transaction()
    {
        var storage = await database.StartAsync();
        using var counter = new ExchangeCounter(database.AsApplication);
        var numbers = await Task.WhenAll(Enumerable.Range(0, 6).Select(worker => Task.Run(async () =>
        {
            var given = new List<long>();
            for (var i = 0; i < 15; i++)
            {
                var payer = $"p{worker}-{i}";
                var invoice = new RowSamples().Row<Invoice>(Acme, payer) with { Id = Guid.NewGuid(), SeriesNumber = null, Number = null };
                var changes = Changes(payer, 0, RowChange.Insert(invoice)) with { Numbers = [new NumberRequest(invoice.Id, "e", "s", "{n}")] };
                given.AddRange((await storage.CommitAsync(Batch(changes), CancellationToken.None)).Numbers.Select(a => a.SeriesNumber));
            }

            return given;
        })));
        Assert.Equal(Enumerable.Range(1, 90).Select(n => (long)n), numbers.SelectMany(n => n).Order());
        Assert.Equal(0, counter.Errors);
    }

    [Fact]
    public async Task Batches_of_usage_that_mark_the_same_payers_do_not_lose_to_each_other()
    {
        var storage = await database.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                var appends = Enumerable.Range(0, 20).Select(n => new UsageAppend
                {
                    Record = _samples.Row<Usage.UsageRecord>(Acme, "p") with { Hash = Guid.NewGuid() },
                    Rollups = [],
                    MakesDue = new DueItem { Tenant = Acme, Kind = DueKind.Billing, PayerId = "p" + n, DueAt = Noon + Duration.FromMinutes((worker * 10) + i), ReopensFrom = n % 2 == 0 ? Noon : null },
                });
                await storage.AppendUsageAsync(Acme, [.. appends], CancellationToken.None);
            }
        })));
        var due = await storage.ReadDueAsync(Acme, DueKind.Billing, Noon, 100, CancellationToken.None);
        Assert.Equal(20, due.Count);
        Assert.All(due, d => Assert.Equal((80L, Noon), (d.Version, d.DueAt)));
        Assert.Equal(10, due.Count(d => d.ReopensFrom == Noon));
    }

    [Fact]
    public async Task Amounts_and_quantities_are_numbers_that_can_be_summed_and_ids_sort_by_time()
    {
        var storage = await database.StartAsync();
        var line = _samples.Row<InvoiceLine>(Acme, "p1") with { Amount = -12.3456m, ExactAmount = 0.333333333333m };
        await storage.CommitAsync(Changes("p1", 0, RowChange.Insert(line)));
        Assert.Equal("-12.3456 0.333333333333 uuid", await database.ScalarAsync<string>("SELECT sum(amount) || ' ' || sum(exact_amount) || ' ' || min(pg_typeof(id)::text) FROM billing_invoice_line"));
        var ids = TestDatabase.Ids();
        var made = Enumerable.Range(0, 50).Select(_ => ids.NewId()).ToArray();
        await using var connection = new NpgsqlConnection(database.AsOwner);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT array_agg(id ORDER BY id) FROM unnest($1) AS n(id)", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = made.Reverse().ToArray() });
        Assert.Equal(made, (Guid[])(await command.ExecuteScalarAsync())!);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_amount_with_more_than_four_decimals_is_refused_and_nothing_is_written(bool useFastPath)
    {
        var storage = await database.StartAsync(o => o with { UseFastPath = useFastPath });
        foreach (var amount in new[] { 0.00001m, 1_000_000_000_000_000m })
        {
            var line = _samples.Row<InvoiceLine>(Acme, "p1") with { Amount = amount };
            var error = await Assert.ThrowsAnyAsync<Exception>(() => storage.CommitAsync(Changes("p1", 0, RowChange.Insert(line))));
            Assert.Equal(BillingErrorCodes.Validation, Assert.IsType<BillingException>(error is BillingException ? error : error.InnerException).Code);
        }

        Assert.Empty(await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
    }

    [Fact]
    public async Task Settings_that_lose_commits_and_roles_that_row_security_does_not_hold_are_warned_of()
    {
        var log = new List<string>();
        var options = new PostgreSqlStorageOptions { ConnectionString = database.AsOwner + ";Options=-c synchronous_commit=off" };
        using (var storage = new PostgreSqlBillingStorage(options, TestDatabase.Ids(), new Lines(log)))
        {
            await storage.InitializeAsync(CancellationToken.None);
        }

        Assert.Equal(2, log.Count);
        Assert.Contains(log, l => l.Contains("synchronous_commit = off", StringComparison.Ordinal));
        Assert.Contains(log, l => l.Contains("BYPASSRLS", StringComparison.Ordinal));
        log.Clear();
        using (var storage = new PostgreSqlBillingStorage(new PostgreSqlStorageOptions { ConnectionString = database.AsApplication }, TestDatabase.Ids(), new Lines(log)))
        {
            await storage.InitializeAsync(CancellationToken.None);
        }

        Assert.Empty(log);
    }

    [Fact]
    public void Options_name_one_database()
    {
        Assert.Throws<ArgumentException>(() => new PostgreSqlBillingStorage(new PostgreSqlStorageOptions(), TestDatabase.Ids()));
        using var source = NpgsqlDataSource.Create(database.AsApplication);
        Assert.Throws<ArgumentException>(() => new PostgreSqlBillingStorage(new PostgreSqlStorageOptions { DataSource = source, ConnectionString = database.AsApplication }, TestDatabase.Ids()));
    }

    [Fact]
    public async Task The_hosts_own_pool_can_be_used_and_stays_open()
    {
        await using var source = NpgsqlDataSource.Create(database.AsApplication);
        using (var storage = new PostgreSqlBillingStorage(new PostgreSqlStorageOptions { DataSource = source }, TestDatabase.Ids()))
        {
            await storage.InitializeAsync(CancellationToken.None);
            Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0)));
        }

        await using var connection = await source.OpenConnectionAsync();
        Assert.Equal(System.Data.ConnectionState.Open, connection.State);
    }

    private static async Task<string> ShowAsync(DbContext context, string setting) =>
        await context.Database.SqlQuery<string>($"SELECT current_setting({setting}) AS \"Value\"").SingleAsync();

    private sealed class Lines(List<string> lines) : ILogger<PostgreSqlBillingStorage>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning)
            {
                lines.Add(formatter(state, exception));
            }
        }
    }

    /// <summary>Counts what is sent to one database: commands, batches and copies as one each.</summary>
    private sealed class ExchangeCounter : IDisposable
    {
        private readonly ActivityListener _listener;
        private int _count;
        private int _errors;

        public ExchangeCounter(string address)
        {
            var database = new NpgsqlConnectionStringBuilder(address).Database;
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Npgsql",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = activity =>
                {
                    if (activity.TagObjects.Any(t => Equals(t.Value, database)) && !activity.OperationName.Contains("connect", StringComparison.OrdinalIgnoreCase))
                    {
                        Interlocked.Increment(ref _count);
                        Interlocked.Add(ref _errors, activity.Status == ActivityStatusCode.Error ? 1 : 0);
                    }
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public int Count => _count;

        public int Errors => _errors;

        public void Dispose() => _listener.Dispose();
    }
}
