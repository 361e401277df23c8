using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore;

namespace Billing.Benchmarks.Plain;

/// <summary>
/// Billing as an ordinary program does it: for each account a context, its usage read and summed up, an invoice with two lines and tax, <c>SaveChanges</c>. No ledger, no outbox, no
/// protection against being run twice.
/// </summary>
internal static class OrdinaryLoop
{
    /// <summary>Fills the tables.</summary>
    public static async Task PrepareAsync(DbContextOptions<LoopContext> options, int accounts, int eventsEach)
    {
        await using var context = new LoopContext(options);
        await context.Database.EnsureCreatedAsync();
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        for (var i = 0; i < accounts; i++)
        {
            context.Add(new LoopAccount { Id = World.CustomerId(i), Name = $"Customer {World.CustomerId(i)}", Country = "DE", BilledThrough = Day(0) });
        }

        await context.SaveChangesAsync();
        context.ChangeTracker.Clear();
        foreach (var part in World.UsageOf(0, accounts, eventsEach).Chunk(10_000))
        {
            context.AddRange(part.Select(e => new LoopUsage
            {
                Id = e.Event.Id,
                AccountId = e.SubscriptionId!,
                At = e.Event.At.ToDateTimeUtc(),
                Minutes = decimal.Parse(e.Event.Properties["minutes"], NumberStyles.Number, CultureInfo.InvariantCulture),
            }));
            await context.SaveChangesAsync();
            context.ChangeTracker.Clear();
        }
    }

    /// <summary>Bills all accounts; gives seconds.</summary>
    public static async Task<double> BillAsync(DbContextOptions<LoopContext> options)
    {
        await using var list = new LoopContext(options);
        var (from, to) = (Day(0), Day(1));
        var due = await list.Accounts.Where(a => a.BilledThrough < to).OrderBy(a => a.Id).Select(a => a.Id).ToListAsync();
        var number = await list.Invoices.CountAsync();
        var started = Stopwatch.GetTimestamp();
        foreach (var id in due)
        {
            await BillAsync(options, id, ++number, from, to);
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task BillAsync(DbContextOptions<LoopContext> options, string id, int number, DateTime from, DateTime to)
    {
        await using var context = new LoopContext(options);
        var account = await context.Accounts.SingleAsync(a => a.Id == id);
        var usage = await context.Usage.Where(u => u.AccountId == id && u.At >= from && u.At < to).Select(u => u.Minutes).ToListAsync();
        var calls = Math.Round(PlainRating.PriceEach([usage.Sum()], World.Tiers), 2);
        var net = 20m + calls;
        var tax = Math.Round(net * 0.20m, 2);
        account.BilledThrough = to;
        context.Add(new LoopInvoice
        {
            Id = Guid.CreateVersion7(),
            AccountId = id,
            Number = string.Create(CultureInfo.InvariantCulture, $"INV-{number:000000}"),
            Date = to,
            Net = net,
            Tax = tax,
            Total = net + tax,
            Lines =
            [
                new LoopLine { Id = Guid.CreateVersion7(), Description = "Line", Quantity = 1m, Amount = 20m, From = from, To = to },
                new LoopLine { Id = Guid.CreateVersion7(), Description = "Calls", Quantity = usage.Sum(), Amount = calls, From = from, To = to },
            ],
        });
        await context.SaveChangesAsync();
    }

    private static DateTime Day(int month) => World.Month(month).ToDateTimeUtc();
}

internal sealed class LoopContext(DbContextOptions<LoopContext> options) : DbContext(options)
{
    public DbSet<LoopAccount> Accounts => Set<LoopAccount>();

    public DbSet<LoopUsage> Usage => Set<LoopUsage>();

    public DbSet<LoopInvoice> Invoices => Set<LoopInvoice>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<LoopUsage>().HasIndex(u => new { u.AccountId, u.At });
        modelBuilder.Entity<LoopInvoice>().HasIndex(i => i.Number).IsUnique();
        modelBuilder.Entity<LoopInvoice>().HasIndex(i => i.AccountId);
    }
}

internal sealed class LoopAccount
{
    public required string Id { get; set; }

    public required string Name { get; set; }

    public required string Country { get; set; }

    public DateTime BilledThrough { get; set; }
}

internal sealed class LoopUsage
{
    public required string Id { get; set; }

    public required string AccountId { get; set; }

    public DateTime At { get; set; }

    public decimal Minutes { get; set; }
}

internal sealed class LoopInvoice
{
    public Guid Id { get; set; }

    public required string AccountId { get; set; }

    public required string Number { get; set; }

    public DateTime Date { get; set; }

    public decimal Net { get; set; }

    public decimal Tax { get; set; }

    public decimal Total { get; set; }

    public required List<LoopLine> Lines { get; set; }
}

internal sealed class LoopLine
{
    public Guid Id { get; set; }

    public Guid LoopInvoiceId { get; set; }

    public required string Description { get; set; }

    public decimal Quantity { get; set; }

    public decimal Amount { get; set; }

    public DateTime From { get; set; }

    public DateTime To { get; set; }
}
