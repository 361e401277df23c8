using Microsoft.Extensions.Logging;
using Npgsql;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>Warns of settings and rights under which the promises of the storage do not hold.</summary>
internal static partial class StartCheck
{
    public static async Task RunAsync(NpgsqlConnection connection, PostgreSqlStorageOptions options, ILogger log, CancellationToken cancellationToken)
    {
        var command = connection.CreateCommand();
        await using var _ = command.ConfigureAwait(false);
        command.CommandText = """
            SELECT name, setting FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
            UNION ALL
            SELECT 'role', rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)
            ORDER BY 1
            """;
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var __ = reader.ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var (name, value) = (reader.GetString(0), reader.GetString(1));
            if (name != "role")
            {
                Unsafe(log, name, value);
            }
            else if (options.RowSecurity)
            {
                Bypassed(log, value);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "PostgreSQL runs with {Setting} = {Value}: commits that were confirmed, invoices and payment attempts among them, can be lost when the machine fails.")]
    private static partial void Unsafe(ILogger log, string setting, string value);

    [LoggerMessage(2, LogLevel.Warning, "The role {Role} is a superuser or has BYPASSRLS: row security does not hold for it. Use a role of its own for the application.")]
    private static partial void Bypassed(ILogger log, string role);
}
