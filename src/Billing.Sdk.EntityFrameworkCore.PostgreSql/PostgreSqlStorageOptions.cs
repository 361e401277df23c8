using Npgsql;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>Where the database is and how its tables are kept.</summary>
public sealed record PostgreSqlStorageOptions
{
    /// <summary>An Npgsql connection string. The storage makes a pool of its own from it and closes that when it is disposed.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>The host's own pool, in place of <see cref="ConnectionString"/>; the host disposes it.</summary>
    public NpgsqlDataSource? DataSource { get; init; }

    /// <summary>
    /// Whether every transaction says whose rows it is about, so that the row security of the tables lets it see and write those alone. Default true. The tables must have been made
    /// alike (<see cref="PostgreSqlSchemaOptions.RowSecurity"/>); start-up refuses tables without it. Turn it off for one tenant, or where nobody but the engine uses the tables.
    /// </summary>
    public bool RowSecurity { get; init; } = true;

    /// <summary>The schema that holds the tables. Default <see langword="null"/>: the first of the connection's search path, usually <c>public</c>.</summary>
    public string? Schema { get; init; }

    /// <summary>Whether start-up creates the tables when there are none. The role needs the right to. Default true.</summary>
    public bool CreateTables { get; init; } = true;

    /// <summary>Whether rows are written in sets (binary COPY, one statement per kind of row) instead of by <c>SaveChanges</c>. The result is the same. Default true.</summary>
    public bool UseFastPath { get; init; } = true;

    internal PostgreSqlSchemaOptions Tables => new() { Schema = Schema, RowSecurity = RowSecurity };
}

/// <summary>How the tables are made.</summary>
public sealed record PostgreSqlSchemaOptions
{
    /// <summary>The schema that holds them; it is created when it is missing. Default <see langword="null"/>: the first of the connection's search path.</summary>
    public string? Schema { get; init; }

    /// <summary>Whether the tables show a transaction the rows of one tenant only, whatever it asks, also to their owner. Default true.</summary>
    public bool RowSecurity { get; init; } = true;

    /// <summary>Into how many parts the tables that grow with usage and invoices are divided by tenant. Default 0: they are not. At most 1,024.</summary>
    public int HashPartitions { get; init; }
}
