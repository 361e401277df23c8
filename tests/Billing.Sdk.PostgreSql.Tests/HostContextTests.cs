using Billing.EntityFrameworkCore;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Storage.Tests;
using Billing.Subscriptions;
using Billing.Testing.Storage;
using Microsoft.EntityFrameworkCore;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.PostgreSql.Tests;

/// <summary>The engine's tables in the host's own context and transaction, under row security.</summary>
public sealed class HostContextTests(TestDatabase database) : IClassFixture<TestDatabase>, IAsyncLifetime
{
    private readonly RowSamples _samples = new();

    public static TheoryData<bool> Paths => [true, false];

    public async Task InitializeAsync()
    {
        await database.EmptyAsync();
        await database.ExecuteAsync($"CREATE TABLE IF NOT EXISTS host_order (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL); GRANT ALL ON host_order TO {database.Role}; DELETE FROM host_order");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory, MemberData(nameof(Paths))]
    public async Task A_command_commits_with_the_rows_of_the_host_or_not_at_all(bool useFastPath)
    {
        var storage = Storage(useFastPath);
        var line = _samples.Row<InvoiceLine>(Acme, "p1");
        foreach (var commit in new[] { false, true })
        {
            await using var context = Context();
            await using var transaction = await context.Database.BeginTransactionAsync();
            context.Orders.Add(new HostOrder { Text = "an order" });
            await context.SaveChangesAsync();
            var result = await storage.CommitAsync(Batch(Changes("p1", 0, RowChange.Insert(line))), context, CancellationToken.None);
            Assert.Equal(CommitOutcome.Committed, result.Payers.Single().Outcome);
            Assert.Single(context.ChangeTracker.Entries());
            await (commit ? transaction.CommitAsync() : transaction.RollbackAsync());
            Assert.Equal(commit ? 1 : 0, await database.ScalarAsync<long>("SELECT count(*) FROM host_order"));
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
        await using var context = Context();
        await using var transaction = await context.Database.BeginTransactionAsync();
        context.Orders.Add(new HostOrder { Text = "an order" });
        await context.SaveChangesAsync();
        var batch = Batch(Changes("p2", 0, RowChange.Insert(subscription with { PayerId = "p2" })), Changes("p3", 0));
        var result = await storage.CommitAsync(batch, context, CancellationToken.None);
        Assert.Equal([CommitOutcome.Duplicate, CommitOutcome.Committed], result.Payers.Select(p => p.Outcome));
        await transaction.CommitAsync();
        Assert.Equal(["p1", "p3"], await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM host_order"));
    }

    [Fact]
    public async Task Without_a_transaction_of_the_host_the_batch_has_its_own()
    {
        var storage = Storage(useFastPath: true);
        await using var context = Context();
        await storage.CommitAsync(Batch(Changes("p1", 0)), context, CancellationToken.None);
        Assert.Null(context.Database.CurrentTransaction);
        Assert.Equal(["p1"], await storage.ListPayersAsync(Acme, null, 10, CancellationToken.None));
    }

    private EfBillingStorage<HostContext> Storage(bool useFastPath) => new(new Contexts(Context), TestDatabase.Ids(), new PostgreSqlBillingDatabase(useFastPath: useFastPath));

    private HostContext Context() => new(new DbContextOptionsBuilder<HostContext>().UseNpgsql(database.AsApplication).Options);

    private sealed class HostOrder
    {
        public int Id { get; set; }

        public required string Text { get; set; }
    }

    private sealed class HostContext(DbContextOptions<HostContext> options) : DbContext(options)
    {
        public DbSet<HostOrder> Orders => Set<HostOrder>();

        protected override void OnModelCreating(ModelBuilder modelBuilder)
        {
            modelBuilder.UseBilling(PostgreSqlBillingColumns.Instance);
            var order = modelBuilder.Entity<HostOrder>().ToTable("host_order");
            order.Property(o => o.Id).HasColumnName("id").UseIdentityAlwaysColumn();
            order.Property(o => o.Text).HasColumnName("text");
        }
    }

    private sealed class Contexts(Func<HostContext> create) : IDbContextFactory<HostContext>
    {
        public HostContext CreateDbContext() => create();
    }
}
