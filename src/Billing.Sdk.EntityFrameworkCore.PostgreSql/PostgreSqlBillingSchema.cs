using System.Globalization;
using System.Reflection;
using System.Text;
using Npgsql;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>The tables of the PostgreSQL adapter: numbered scripts, applied in order, and the table <c>billing_schema</c> that says which ones were.</summary>
public static class PostgreSqlBillingSchema
{
    /// <summary>The schema version that this package works with.</summary>
    public const int Version = 1;

    /// <summary>One start-up or upgrade at a time works on the tables of a database.</summary>
    private const long UpgradeLock = 6_204_871_125_501;

    private const string PartitionMark = " /* by tenant */";

    /// <summary>The scripts that lead from a version to the present one, to be run in one transaction (<c>psql -1</c>). Each statement can be run again without harm.</summary>
    /// <param name="fromVersion">The version that is there; 0 for a database without the tables.</param>
    /// <param name="options">How the tables are made. Default: in the first schema of the search path, with row security.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such version, or the number of partitions is not one.</exception>
    public static string Script(int fromVersion = 0, PostgreSqlSchemaOptions? options = null)
    {
        options ??= new PostgreSqlSchemaOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(fromVersion);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fromVersion, Version);
        ArgumentOutOfRangeException.ThrowIfNegative(options.HashPartitions);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.HashPartitions, 1024);
        var script = new StringBuilder(Preamble(options.Schema));
        for (var version = fromVersion + 1; version <= Version; version++)
        {
            script.Append(Divided(Resource(version.ToString("0000", CultureInfo.InvariantCulture)), options.HashPartitions));
        }

        if (options.RowSecurity)
        {
            script.Append(Resource("row-security"));
        }

        return script.Append(CultureInfo.InvariantCulture, $"\nDELETE FROM billing_schema;\nINSERT INTO billing_schema (version) VALUES ({Version});\n").ToString();
    }

    /// <summary>What gives a role the rights that the application needs and no more: it neither owns the tables nor changes them.</summary>
    /// <param name="role">The role of the application. It must not be the owner, no superuser and without <c>BYPASSRLS</c>.</param>
    /// <param name="schema">The schema of the tables. Default: the first of the search path.</param>
    public static string GrantScript(string role, string? schema = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(role);
        return Preamble(schema) + Resource("grants").Replace(":role", Literal(role), StringComparison.Ordinal);
    }

    /// <summary>Makes the tables, or brings older ones to the present version, in one transaction. Take a backup before an upgrade.</summary>
    /// <param name="dataSource">Connections of a role that may create tables.</param>
    /// <param name="options">How the tables are made. Default: in the first schema of the search path, with row security.</param>
    /// <param name="cancellationToken">Cancels; nothing has then been changed.</param>
    /// <exception cref="BillingException">With code <c>storage</c>: the tables are newer than this package.</exception>
    public static async Task ApplyAsync(NpgsqlDataSource dataSource, PostgreSqlSchemaOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        var connection = await dataSource.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var _ = connection.ConfigureAwait(false);
        await ApplyAsync(connection, options ?? new PostgreSqlSchemaOptions(), upgrade: true, cancellationToken).ConfigureAwait(false);
    }

    internal static async Task EnsureAsync(NpgsqlConnection connection, PostgreSqlStorageOptions options, CancellationToken cancellationToken)
    {
        var version = await ReadVersionAsync(connection, options.Schema, cancellationToken).ConfigureAwait(false);
        if (version is null && !options.CreateTables)
        {
            throw Refused("has no tables of the billing engine. Apply the script of PostgreSqlBillingSchema with a role that may create them.");
        }

        if (version is null)
        {
            await ApplyAsync(connection, options.Tables, upgrade: false, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            Check(version.Value);
        }

        if (options.RowSecurity && await FindOpenTableAsync(connection, options.Schema, cancellationToken).ConfigureAwait(false) is { } open)
        {
            throw Refused($"has no row security on table {open}, which the options ask for. Apply the script with row security, or turn the option off.");
        }
    }

    private static async Task ApplyAsync(NpgsqlConnection connection, PostgreSqlSchemaOptions options, bool upgrade, CancellationToken cancellationToken)
    {
        var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await using var _ = transaction.ConfigureAwait(false);
        await ExecuteAsync(connection, string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock({UpgradeLock})"), cancellationToken).ConfigureAwait(false);

        // Another process may have been faster.
        var version = await ReadVersionAsync(connection, options.Schema, cancellationToken).ConfigureAwait(false);
        if (version is { } stored && (!upgrade || stored > Version))
        {
            Check(stored);
            return;
        }

        await ExecuteAsync(connection, Script(version ?? 0, options), cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static void Check(int version)
    {
        if (version != Version)
        {
            var help = version < Version
                ? "They are older: bring them up to date with PostgreSqlBillingSchema.ApplyAsync or its script (after a backup)."
                : "They are newer: use the version of the packages that made them.";
            throw Refused($"has tables of billing schema {version}, these packages work with {Version}. {help}");
        }
    }

    private static BillingException Refused(string why) => new(BillingErrorCodes.Storage, "The PostgreSQL database " + why) { Subject = "database" };

    private static async Task<int?> ReadVersionAsync(NpgsqlConnection connection, string? schema, CancellationToken cancellationToken)
    {
        var table = TableOf(schema);
        if (await ScalarAsync(connection, $"SELECT to_regclass({Literal(table)})::oid::bigint", cancellationToken).ConfigureAwait(false) is null)
        {
            return null;
        }

        return await ScalarAsync(connection, $"SELECT max(version) FROM {table}", cancellationToken).ConfigureAwait(false) as int? ?? 0;
    }

    /// <summary>A table with a tenant whose rows are not confined, apart from those that work over all tenants.</summary>
    private static async Task<string?> FindOpenTableAsync(NpgsqlConnection connection, string? schema, CancellationToken cancellationToken) => await ScalarAsync(
        connection,
        $"""
        SELECT min(c.relname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
        WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass({Literal(TableOf(schema))}))
          AND c.relkind IN ('r', 'p') AND starts_with(c.relname, 'billing_') AND c.relname <> 'billing_due_item' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        """,
        cancellationToken).ConfigureAwait(false) as string;

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = Command(connection, sql);
        await using var _ = command.ConfigureAwait(false);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = Command(connection, sql);
        await using var _ = command.ConfigureAwait(false);
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is var value and not DBNull ? value : null;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // The texts are the package's own scripts; names in them are quoted.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }

    /// <summary>The tables that grow, in parts by tenant.</summary>
    private static string Divided(string script, int parts)
    {
        var result = new StringBuilder();
        var table = "";
        foreach (var line in script.Split('\n'))
        {
            if (line.StartsWith("CREATE TABLE", StringComparison.Ordinal))
            {
                table = line.Split(' ')[5];
            }

            var marked = line.EndsWith(PartitionMark + ";", StringComparison.Ordinal);
            result.Append(marked && parts > 0 ? ") PARTITION BY HASH (tenant);" : line.Replace(PartitionMark, "", StringComparison.Ordinal)).Append('\n');
            for (var part = 0; marked && part < parts; part++)
            {
                result.Append(CultureInfo.InvariantCulture, $"CREATE TABLE IF NOT EXISTS {table}_p{part} PARTITION OF {table} FOR VALUES WITH (MODULUS {parts}, REMAINDER {part});\n");
            }
        }

        return result.ToString();
    }

    private static string Preamble(string? schema) =>
        schema is null ? "" : $"CREATE SCHEMA IF NOT EXISTS {Quoted(schema)};\nSET LOCAL search_path TO {Quoted(schema)};\n";

    private static string TableOf(string? schema) => (schema is null ? "" : Quoted(schema) + ".") + "billing_schema";

    private static string Quoted(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static string Literal(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    private static string Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name + ".sql") ?? throw new InvalidOperationException($"The schema script {name} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
