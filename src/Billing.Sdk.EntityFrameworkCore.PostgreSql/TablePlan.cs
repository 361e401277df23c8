using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using NpgsqlTypes;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>The statements that write rows of one entity type in sets: table, columns, keys and conversions come from the model. Immutable.</summary>
internal sealed class TablePlan
{
    private readonly TableColumn[] _columns;
    private readonly TableColumn[] _keys;
    private readonly TableColumn _tenant;
    private readonly TableColumn? _version;
    private readonly string _copy;
    private readonly string _insert;
    private readonly string _insertNew;
    private readonly string _update;
    private readonly string _delete;

    public TablePlan(IEntityType entity)
    {
        Type = entity.ClrType;
        Table = entity.GetSchema() is { } schema ? $"\"{schema}\".\"{entity.GetTableName()}\"" : $"\"{entity.GetTableName()}\"";
        var properties = entity.GetProperties().ToArray();
        _columns = System.Array.ConvertAll(properties, p => TableColumn.Create(entity, p));
        _keys = [.. entity.FindPrimaryKey()!.Properties.Select(p => _columns[System.Array.IndexOf(properties, p)])];
        _tenant = _keys[0];
        _version = System.Array.Find(_columns, c => c.IsVersion);
        var names = string.Join(", ", _columns.Select(c => c.Name));
        _copy = $"COPY {Table} ({names}) FROM STDIN (FORMAT BINARY)";
        _insert = $"INSERT INTO {Table} AS t ({names}) SELECT {names} FROM {Unnest(_columns, 1)} AS n({names})";
        _insertNew = $"WITH n AS MATERIALIZED (SELECT * FROM {Unnest(_columns, 1)} WITH ORDINALITY AS n({names}, \"place\")), fresh AS (INSERT INTO {Table} ({names})"
            + $" SELECT {names} FROM n ON CONFLICT ({KeyNames}) DO NOTHING RETURNING {KeyNames}) SELECT n.\"place\" FROM n JOIN fresh USING ({KeyNames})";
        var changed = _columns.Where(c => !c.IsKey).Select(c => $"{c.Name} = n.{c.Name}");
        _update = $"UPDATE {Table} AS t SET {string.Join(", ", changed)} FROM {Stated(_columns)} WHERE {Same} RETURNING n.\"place\"";
        _delete = $"DELETE FROM {Table} AS t USING {Stated(_keys)} WHERE {Same} RETURNING n.\"place\"";
    }

    public Type Type { get; }

    /// <summary>The names of the key's columns, quoted, tenant first.</summary>
    public string KeyNames => string.Join(", ", _keys.Select(k => k.Name));

    public string Table { get; }

    /// <summary>Which stored row a stated one is about. The tenant is one value, so that the other parts of a divided table are not looked at.</summary>
    private string Same =>
        $"t.{_tenant.Name} = $1"
        + string.Concat(_keys.Where(k => k != _tenant).Select(k => $" AND t.{k.Name} = n.{k.Name}"))
        + (_version is null ? " AND n.\"stored\" IS NULL" : $" AND (n.\"stored\" IS NULL OR t.{_version.Name} = n.\"stored\")");

    /// <summary>The quoted name of a property's column.</summary>
    public string NameOf(string property) => System.Array.Find(_columns, c => c.Property == property)?.Name ?? throw new ArgumentException($"{Type.Name} has no column for {property}.", nameof(property));

    /// <summary>Writes rows by binary COPY.</summary>
    public async Task CopyAsync(NpgsqlConnection connection, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        var copy = await connection.BeginBinaryImportAsync(_copy, cancellationToken).ConfigureAwait(false);
        await using var _ = copy.ConfigureAwait(false);
        for (var i = 0; i < rows.Count; i++)
        {
            if (i % 1024 == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            // The calls that do not wait are far cheaper per value, and seldom have to wait: only for a full buffer of the socket.
#pragma warning disable CA1849
            copy.StartRow();
            foreach (var column in _columns)
            {
                column.Write(copy, rows[i]);
            }
#pragma warning restore CA1849
        }

        await copy.CompleteAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The rows of each tenant, in the order of their keys.</summary>
    public IEnumerable<(TablePlan Plan, StoredRow[] Rows)> ByTenant(IEnumerable<StoredRow> rows) => rows
        .GroupBy(r => _tenant.Text(r.Row), StringComparer.Ordinal)
        .Select(g => (this, g.Order(Comparer<StoredRow>.Create((a, b) => Compare(a.Row, b.Row))).ToArray()));

    /// <summary>Inserts rows by one statement.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="onConflict">What happens to those whose key is there (the stored row is <c>t</c>). Default: that is an error.</param>
    public NpgsqlBatchCommand Insert(IReadOnlyList<object> rows, string onConflict = "")
    {
        var command = new NpgsqlBatchCommand(_insert + onConflict);
        AddArrays(command, _columns, rows);
        return command;
    }

    /// <summary>Inserts those rows whose keys are free, by one statement, which gives their places (from 1).</summary>
    public NpgsqlBatchCommand InsertNew(IReadOnlyList<object> rows)
    {
        var command = new NpgsqlBatchCommand(_insertNew);
        AddArrays(command, _columns, rows);
        return command;
    }

    /// <summary>Replaces rows of one tenant by one statement, which gives the places (from 1) of those that were there with the version stated.</summary>
    public NpgsqlBatchCommand Update(IReadOnlyList<StoredRow> rows) => Change(_update, _columns, rows);

    /// <summary>Deletes rows of one tenant by one statement, which gives the places (from 1) of those that were there with the version stated.</summary>
    public NpgsqlBatchCommand Delete(IReadOnlyList<StoredRow> rows) => Change(_delete, _keys, rows);

    private NpgsqlBatchCommand Change(string sql, TableColumn[] columns, IReadOnlyList<StoredRow> rows)
    {
        var command = new NpgsqlBatchCommand(sql);
        var objects = rows.Select(r => r.Row).ToArray();
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = _tenant.Text(objects[0]), NpgsqlDbType = NpgsqlDbType.Text });
        AddArrays(command, columns, objects);
        command.Parameters.Add(new NpgsqlParameter<long?[]> { TypedValue = [.. rows.Select(r => r.StoredVersion)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        return command;
    }

    private int Compare(object first, object second)
    {
        foreach (var key in _keys)
        {
            if (key.Compare(first, second) is var order and not 0)
            {
                return order;
            }
        }

        return 0;
    }

    private static void AddArrays(NpgsqlBatchCommand command, TableColumn[] columns, IReadOnlyList<object> rows)
    {
        foreach (var column in columns)
        {
            command.Parameters.Add(column.Array(rows));
        }
    }

    /// <summary>The rows that a change is about, with the version that must be stored and their place.</summary>
    private static string Stated(TableColumn[] columns)
    {
        var names = string.Join(", ", columns.Select(c => c.Name).Append("\"stored\"").Append("\"place\""));
        var arrays = Unnest(columns, 2)[..^1] + $", ${columns.Length + 2}::bigint[])";
        return $"{arrays} WITH ORDINALITY AS n({names})";
    }

    private static string Unnest(TableColumn[] columns, int first) => $"unnest({string.Join(", ", columns.Select((c, i) => $"${i + first}::{c.Type}[]"))})";
}
