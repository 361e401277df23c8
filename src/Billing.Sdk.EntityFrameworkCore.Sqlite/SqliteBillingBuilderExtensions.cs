using Microsoft.Extensions.DependencyInjection;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Chooses the SQLite store.</summary>
public static class SqliteBillingBuilderExtensions
{
    /// <summary>Keeps everything in one SQLite file, which is created with its schema when it is first used.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="path">Path of the file.</param>
    public static BillingBuilder UseSqlite(this BillingBuilder builder, string path) =>
        builder.UseSqlite(new SqliteStorageOptions { Path = path });

    /// <summary>Keeps everything in one SQLite file.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="options">Path, time limits, checkpoints.</param>
    public static BillingBuilder UseSqlite(this BillingBuilder builder, SqliteStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        return builder.UseStorage(services => new SqliteBillingStorage(options, services.GetRequiredService<IIdGenerator>()));
    }
}
