using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>Chooses the PostgreSQL store.</summary>
public static class PostgreSqlBillingBuilderExtensions
{
    /// <summary>Keeps everything in a PostgreSQL database (version 15 or newer), with row security; the tables are created when there are none.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="connectionString">An Npgsql connection string.</param>
    public static BillingBuilder UsePostgreSql(this BillingBuilder builder, string connectionString) =>
        builder.UsePostgreSql(new PostgreSqlStorageOptions { ConnectionString = connectionString });

    /// <summary>Keeps everything in a PostgreSQL database (version 15 or newer).</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="options">Database, schema, row security.</param>
    public static BillingBuilder UsePostgreSql(this BillingBuilder builder, PostgreSqlStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        return builder.UseStorage(services => new PostgreSqlBillingStorage(
            options, services.GetRequiredService<IIdGenerator>(), services.GetService<ILogger<PostgreSqlBillingStorage>>()));
    }
}
