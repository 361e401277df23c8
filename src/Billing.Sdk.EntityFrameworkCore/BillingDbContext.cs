using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

/// <summary>The ready context with the engine's tables and nothing else. A host with a context of its own calls <see cref="BillingModel.UseBilling"/> there instead.</summary>
public sealed class BillingDbContext : DbContext
{
    /// <summary>Creates the context.</summary>
    public BillingDbContext(DbContextOptions<BillingDbContext> options)
        : base(options)
    {
    }

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.UseBilling();
}
