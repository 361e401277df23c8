using System.Data.Common;
using Billing.EntityFrameworkCore;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.Invoicing;
using Billing.Subscriptions;
using Billing.Testing.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using SQLitePCL;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.Storage.Tests;

/// <summary>The engine's tables in the host's own context and transaction.</summary>
public sealed class HostContextTests : IDisposable
{
    private readonly SqliteFiles _files = new();
    private readonly RowSamples _samples = new();
    private readonly Statements _statements = new();
    private readonly Contexts _contexts;

    public HostContextTests()
    {
        _contexts = new Contexts(new DbContextOptionsBuilder<HostContext>().UseSqlite($"Data Source={_files.Path()};Pooling=False").AddInterceptors(_statements).Options);
        using var context = _contexts.CreateDbContext();
        context.Database.EnsureCreated();
    }

    public static TheoryData<bool> Paths => [true, false];

    public void Dispose() => _files.Dispose();

    [Theory, MemberData(nameof(Paths))]
    public async Task A_command_commits_with_the_rows_of_the_host_or_not_at_all(bool useFastPath)
    {
        var storage = Storage(useFastPath);
        var line = _samples.Row<InvoiceLine>(Acme, "p1");
        foreach (var commit in new[] { false, true })
        {
            using var context = _contexts.CreateDbContext();
            using var transaction = await context.Database.BeginTransactionAsync();
            context.Orders.Add(new HostOrder { Text = "an order" });
            await context.SaveChangesAsync();
            var result = await storage.CommitAsync(Batch(Changes("p1", 0, RowChange.Insert(line))), context, CancellationToken.None);
            Assert.Equal(CommitOutcome.Committed, result.Payers.Single().Outcome);
            Assert.Single(context.ChangeTracker.Entries());
            await (commit ? transaction.CommitAsync() : transaction.RollbackAsync());
            using var after = _contexts.CreateDbContext();
            Assert.Equal(commit ? 1 : 0, await after.Orders.CountAsync());
            Assert.Equal(commit ? 1 : 0, (await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None)).Count);
        }

        Assert.Equal([line], (await storage.ReadAsync("p1")).Lines);
    }

    [Theory, MemberData(nameof(Paths))]
    public async Task A_payer_that_loses_leaves_the_rows_of_the_host_alone(bool useFastPath)
    {
        var storage = Storage(useFastPath);
        var subscription = _samples.Row<Subscription>(Acme, "p1");
        await storage.CommitAsync(Changes("p1", 0, RowChange.Insert(subscription)));
        using var context = _contexts.CreateDbContext();
        using var transaction = await context.Database.BeginTransactionAsync();
        context.Orders.Add(new HostOrder { Text = "an order" });
        await context.SaveChangesAsync();
        var batch = Batch(Changes("p2", 0, RowChange.Insert(subscription with { PayerId = "p2" })), Changes("p3", 0));
        var result = await storage.CommitAsync(batch, context, CancellationToken.None);
        Assert.Equal([CommitOutcome.Duplicate, CommitOutcome.Committed], result.Payers.Select(p => p.Outcome));
        await transaction.CommitAsync();
        Assert.Equal(["p1", "p3"], await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
        Assert.Equal(1, await context.Orders.CountAsync());
    }

    [Theory, MemberData(nameof(Paths))]
    public async Task Without_a_transaction_of_the_host_the_batch_has_its_own(bool useFastPath)
    {
        var storage = Storage(useFastPath);
        using var context = _contexts.CreateDbContext();
        await storage.CommitAsync(Batch(Changes("p1", 0)), context, CancellationToken.None);
        Assert.Null(context.Database.CurrentTransaction);
        Assert.Equal(["p1"], await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
    }

    [Fact]
    public async Task A_context_with_unsaved_changes_is_refused()
    {
        using var context = _contexts.CreateDbContext();
        context.Orders.Add(new HostOrder { Text = "an order" });
        await Assert.ThrowsAsync<InvalidOperationException>(() => Storage(true).CommitAsync(Batch(Changes("p1", 0)), context, CancellationToken.None));
    }

    [Fact]
    public async Task A_database_without_the_tables_is_refused_at_the_start()
    {
        var options = new DbContextOptionsBuilder<HostContext>().UseSqlite($"Data Source={_files.Path("empty.db")};Pooling=False").Options;
        var storage = new EfBillingStorage<HostContext>(new Contexts(options), StorageContracts.Ids());
        var error = await Assert.ThrowsAsync<BillingException>(() => storage.InitializeAsync(CancellationToken.None));
        Assert.Equal(BillingErrorCodes.Storage, error.Code);
        await Storage(true).InitializeAsync(CancellationToken.None);
    }

    [Theory, MemberData(nameof(Paths))]
    public async Task A_page_of_payers_and_of_usage_queries_takes_a_constant_number_of_statements(bool useFastPath)
    {
        var storage = Storage(useFastPath);
        await storage.CommitAsync([.. Enumerable.Range(0, 100).Select(i => Changes("p" + i, 0, RowChange.Insert(_samples.Row<InvoiceLine>(Acme, "p" + i))))]);
        var (pages, open, few, usage) = (new List<int>(), new List<int>(), new List<int>(), new List<int>());
        foreach (var size in new[] { 1, 10, 100 })
        {
            string[] payers = [.. Enumerable.Range(0, size).Select(i => "p" + i)];
            pages.Add(await CountAsync(() => ReadAsync(SnapshotParts.All)));
            open.Add(await CountAsync(() => ReadAsync(SnapshotParts.All | SnapshotParts.OpenOnly)));
            few.Add(await CountAsync(() => ReadAsync(SnapshotParts.Invoices)));
            var queries = Enumerable.Range(0, size).Select(i => new UsageQuery
            {
                SubscriptionId = "s" + i, Meter = "m" + i, EventType = "t", From = Noon, To = Noon + NodaTime.Duration.FromMinutes(70), NeedsEvents = i % 3 == 1,
            });
            usage.Add(await CountAsync(() => storage.ReadUsageAsync(Acme, [.. queries], CancellationToken.None)));

            async Task ReadAsync(SnapshotParts parts) => Assert.Equal(size, (await storage.ReadPayersAsync(Acme, payers, parts, CancellationToken.None)).Count);
        }

        Assert.Equal([17, 17, 17], pages);
        Assert.Equal([17, 17, 17], open);
        Assert.Equal([3, 3, 3], few);
        Assert.All(usage, count => Assert.InRange(count, 3, 4));

        async Task<int> CountAsync(Func<Task> read)
        {
            _statements.Texts.Clear();
            await read();
            return _statements.Texts.Count(sql => sql.StartsWith("SELECT", StringComparison.Ordinal));
        }
    }

    /// <summary>The tenant is a condition of every statement: the belt that query filters would be, also where statements go past Entity Framework.</summary>
    [Theory, MemberData(nameof(Paths))]
    public async Task Every_statement_names_the_tenant(bool useFastPath)
    {
        var storage = Storage(useFastPath);
        var subscription = _samples.Row<Subscription>(Acme, "p1");
        var rows = new[] { RowChange.Insert(_samples.Row<InvoiceLine>(Acme, "p1")), RowChange.Insert(subscription) };
        var record = _samples.Row<Usage.UsageRecord>(Acme, "p1") with { Removed = false };
        var rollup = _samples.Row<Usage.UsageRollup>(Acme, "p1");
        _statements.Texts.Clear();
        await storage.CommitAsync(Changes("p1", 0, rows));
        await storage.CommitAsync(Changes("p1", 1) with { Due = new Dictionary<DueKind, NodaTime.Instant?> { [DueKind.Aging] = null, [DueKind.Billing] = Noon } });
        await storage.AppendUsageAsync(Acme, [new UsageAppend { Record = record, Rollups = [rollup], MakesDue = new DueItem { Tenant = Acme, Kind = DueKind.Billing, PayerId = "p1", DueAt = Noon } }], CancellationToken.None);
        await storage.CorrectUsageAsync(Acme, record with { Version = record.Version + 1 }, [rollup with { Replaces = true }], null, CancellationToken.None);
        await storage.ReadPayersAsync(Acme, ["p1", "p2"], SnapshotParts.All, CancellationToken.None);
        await storage.ReadPayersAsync(Acme, ["p1", "p2"], SnapshotParts.Lines | SnapshotParts.PendingItems | SnapshotParts.Invoices | SnapshotParts.OpenOnly, CancellationToken.None);
        foreach (var needsEvents in new[] { false, true })
        {
            var query = new UsageQuery { SubscriptionId = rollup.SubscriptionId, Meter = rollup.Meter, EventType = "t", From = rollup.Bucket - Minutes(20), To = rollup.Bucket + Minutes(20), NeedsEvents = needsEvents };
            await storage.ReadUsageAsync(Acme, [query], CancellationToken.None);
        }

        await storage.LeaseOutboxAsync(Acme, Noon, Minutes(1), 10, CancellationToken.None);
        await storage.SplitDueAsync(Acme, DueKind.Billing, Noon, 10, CancellationToken.None);
        await storage.ReadSubscriptionsOfCustomersAsync(Acme, [subscription.CustomerId], CancellationToken.None);
        var ours = _statements.Texts.Where(sql => sql.Contains("billing_", StringComparison.Ordinal)).ToArray();
        Assert.True(ours.Length > 40, $"Only {ours.Length} statements were seen.");
        Assert.All(ours, sql => Assert.Contains("'acme'", sql, StringComparison.Ordinal));
        Assert.All(
            ours.Where(sql => sql.StartsWith("SELECT", StringComparison.Ordinal)),
            sql => Assert.True(Count(sql, "\"tenant\" = ") >= Count(sql, " \"billing_"), $"A table is read without the tenant: {sql}"));

        static int Count(string text, string part) => text.Split(part).Length - 1;

        static NodaTime.Duration Minutes(int minutes) => NodaTime.Duration.FromMinutes(minutes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public async Task A_commit_writes_each_row_once_and_reads_the_last_number_only(int size)
    {
        var storage = Storage(useFastPath: true);
        var payers = Enumerable.Range(0, size).Select(i => $"p{i}").ToArray();
        await storage.CommitAsync([.. payers.Select(p => Changes(p, 0) with { Due = Due(Noon) })]);
        _statements.Texts.Clear();
        var result = await storage.CommitAsync(Batch([.. payers.Select(Billed)]), CancellationToken.None);
        Assert.Equal(Enumerable.Range(1, size).Select(n => (long)n), result.Numbers.Select(n => n.SeriesNumber));

        // An invoice, two lines and a number; the payer and its due item are updated.
        Assert.Equal((4 * size, 2 * size, 1), (Count("INSERT"), Count("UPDATE"), Count("SELECT")));
        Assert.DoesNotContain(_statements.Texts, sql => sql.Contains("SAVEPOINT", StringComparison.OrdinalIgnoreCase));

        int Count(string word) => _statements.Texts.Count(sql => sql.StartsWith(word, StringComparison.Ordinal));

        PayerChanges Billed(string payer)
        {
            var invoice = _samples.Row<Invoice>(Acme, payer) with { SeriesNumber = null, Number = null };
            var rows = new[] { RowChange.Insert(invoice), RowChange.Insert(_samples.Row<InvoiceLine>(Acme, payer)), RowChange.Insert(_samples.Row<InvoiceLine>(Acme, payer)) };
            return Changes(payer, 1, rows) with
            {
                Numbers = [new NumberRequest(invoice.Id, "e", "s", "{n}")],
                Due = Due(Noon + NodaTime.Duration.FromDays(30)),
                DueSeen = new Dictionary<DueKind, long> { [DueKind.Billing] = 1 },
            };
        }

        static Dictionary<DueKind, NodaTime.Instant?> Due(NodaTime.Instant at) => new() { [DueKind.Billing] = at };
    }

    private EfBillingStorage<HostContext> Storage(bool useFastPath) => new(_contexts, StorageContracts.Ids(), new SqliteBillingDatabase(useFastPath));

    private sealed class HostOrder
    {
        public int Id { get; set; }

        public required string Text { get; set; }
    }

    private sealed class HostContext(DbContextOptions<HostContext> options) : DbContext(options)
    {
        public DbSet<HostOrder> Orders => Set<HostOrder>();

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.UseBilling();
    }

    private sealed class Contexts(DbContextOptions<HostContext> options) : IDbContextFactory<HostContext>
    {
        public HostContext CreateDbContext() => new(options);
    }

    /// <summary>The texts of all statements that SQLite ran, whoever prepared them.</summary>
    private sealed class Statements : DbConnectionInterceptor
    {
        public List<string> Texts { get; } = [];

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) =>
            raw.sqlite3_trace(((SqliteConnection)connection).Handle, (_, sql) => Texts.Add(sql.utf8_to_string()), null);

        public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            ConnectionOpened(connection, eventData);
            return Task.CompletedTask;
        }
    }
}
