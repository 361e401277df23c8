using System.Globalization;
using System.Reflection;
using Microsoft.Data.Sqlite;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>The schema of the SQLite adapter: numbered scripts, applied in order, and the table <c>billing_schema</c> that says which ones were.</summary>
public static class SqliteBillingSchema
{
    /// <summary>The schema version that this package works with.</summary>
    public const int Version = 1;

    /// <summary>The scripts that lead from a version to the present one. Each statement can be run again without harm.</summary>
    /// <param name="fromVersion">The version that is there; 0 for an empty database.</param>
    public static string Script(int fromVersion = 0) =>
        string.Join('\n', Enumerable.Range(fromVersion + 1, Version - fromVersion).Select(Step));

    /// <summary>Brings the tables of the engine in a database to the present version, in one transaction. For upgrades of older databases; take a backup first.</summary>
    /// <param name="connectionString">A Microsoft.Data.Sqlite connection string.</param>
    /// <param name="cancellationToken">Cancels; nothing has then been changed.</param>
    /// <exception cref="BillingException">With code <c>storage</c>: the database is newer than this package.</exception>
    public static async Task ApplyAsync(string connectionString, CancellationToken cancellationToken)
    {
        var connection = new SqliteConnection(connectionString);
        await using var _ = connection.ConfigureAwait(false);
        await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        await ApplyAsync(connection, connection.DataSource, upgrade: true, cancellationToken).ConfigureAwait(false);
    }

    internal static async Task EnsureAsync(SqliteConnection connection, string path, CancellationToken cancellationToken)
    {
        if (await ReadVersionAsync(connection, cancellationToken).ConfigureAwait(false) is { } version)
        {
            Check(version, path);
            return;
        }

        await ApplyAsync(connection, path, upgrade: false, cancellationToken).ConfigureAwait(false);
    }

    internal static async Task ExecuteAsync(SqliteConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = connection.CreateCommand();
        await using var _ = command.ConfigureAwait(false);
#pragma warning disable CA2100 // The texts are the package's own scripts and settings.
        command.CommandText = sql;
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task ApplyAsync(SqliteConnection connection, string path, bool upgrade, CancellationToken cancellationToken)
    {
        var transaction = connection.BeginTransaction(deferred: false);
        await using var _ = transaction.ConfigureAwait(false);

        // Another process may have been faster.
        var version = await ReadVersionAsync(connection, cancellationToken).ConfigureAwait(false);
        if (version is { } stored && (!upgrade || stored > Version))
        {
            Check(stored, path);
            return;
        }

        if (version == Version)
        {
            return;
        }

        await ExecuteAsync(connection, Script((int)(version ?? 0)), cancellationToken).ConfigureAwait(false);
        var number = Version.ToString(CultureInfo.InvariantCulture);
        await ExecuteAsync(connection, $"DELETE FROM billing_schema; INSERT INTO billing_schema (version) VALUES ({number});", cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static void Check(long version, string path)
    {
        if (version == Version)
        {
            return;
        }

        var help = version < Version
            ? "It is older: bring it up to date with 'billing schema apply' (after a backup)."
            : "It is newer: use the version of the packages that wrote it.";
        throw new BillingException(BillingErrorCodes.Storage, $"The database file '{path}' has billing schema {version}, these packages work with {Version}. {help}") { Subject = "database", SubjectId = path };
    }

    private static async Task<long?> ReadVersionAsync(SqliteConnection connection, CancellationToken cancellationToken)
    {
        var command = connection.CreateCommand();
        await using var _ = command.ConfigureAwait(false);
        command.CommandText = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'billing_schema'";
        if ((long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))! == 0)
        {
            return null;
        }

        command.CommandText = "SELECT max(version) FROM billing_schema";
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as long?;
    }

    private static string Step(int version)
    {
        var name = version.ToString("0000", CultureInfo.InvariantCulture) + ".sql";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The schema script {name} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
