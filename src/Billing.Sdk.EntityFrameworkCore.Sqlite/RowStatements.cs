using System.Linq.Expressions;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using SQLitePCL;

namespace Billing.EntityFrameworkCore.Sqlite;

internal enum RowStatement
{
    Insert,
    Update,
    Delete,
}

/// <summary>The statements that write rows of one entity type: columns, keys and conversions come from the model. Immutable.</summary>
internal sealed class RowStatements
{
    private readonly string[] _sql;
    private readonly Action<object, sqlite3_stmt> _bind;

    public RowStatements(IEntityType entity)
    {
        var table = StoreObjectIdentifier.Create(entity, StoreObjectType.Table)!.Value;
        var properties = entity.GetProperties().ToArray();
        var columns = Array.ConvertAll(properties, p => $"\"{p.GetColumnName(table)}\"");
        VersionParameter = properties.Length + 1;
        var key = entity.FindPrimaryKey()!.Properties;
        var where = string.Join(" AND ", key.Select(p => $"{columns[Array.IndexOf(properties, p)]} = ?{Array.IndexOf(properties, p) + 1}"));
        var version = Array.FindIndex(properties, p => p.IsConcurrencyToken);
        where += version < 0 ? $" AND ?{VersionParameter} IS NULL" : $" AND (?{VersionParameter} IS NULL OR {columns[version]} = ?{VersionParameter})";
        var set = properties.Select((p, i) => (p, Text: $"{columns[i]} = ?{i + 1}")).Where(c => !c.p.IsPrimaryKey()).Select(c => c.Text);
        _sql =
        [
            $"INSERT INTO \"{table.Name}\" ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select((_, i) => $"?{i + 1}"))})",
            $"UPDATE \"{table.Name}\" SET {string.Join(", ", set)} WHERE {where}",
            $"DELETE FROM \"{table.Name}\" WHERE {where}",
        ];
        _bind = Binder(entity.ClrType, properties);
    }

    /// <summary>Number of the parameter that takes the stored version, behind those of the columns.</summary>
    public int VersionParameter { get; }

    public string Sql(RowStatement statement) => _sql[(int)statement];

    public void Bind(object row, sqlite3_stmt statement) => _bind(row, statement);

    /// <summary>One compiled function that converts and binds all columns, without boxing.</summary>
    private static Action<object, sqlite3_stmt> Binder(Type type, IProperty[] properties)
    {
        var (row, statement, typed) = (Expression.Parameter(typeof(object)), Expression.Parameter(typeof(sqlite3_stmt)), Expression.Variable(type));
        var steps = new List<Expression> { Expression.Assign(typed, Expression.Convert(row, type)) };
        for (var i = 0; i < properties.Length; i++)
        {
            steps.Add(BindColumn(statement, i + 1, Expression.Property(typed, properties[i].PropertyInfo!), properties[i]));
        }

        return Expression.Lambda<Action<object, sqlite3_stmt>>(Expression.Block([typed], steps), row, statement).Compile();
    }

    private static Expression BindColumn(Expression statement, int index, Expression value, IProperty property)
    {
        var nullable = Nullable.GetUnderlyingType(value.Type) is not null;
        var present = nullable ? Expression.Property(value, "Value") : value;
        var converter = property.GetTypeMapping().Converter;
        var converted = converter is null ? present : Expression.Invoke(converter.ConvertToProviderExpression, present);
        var bind = Expression.Call(typeof(SqliteBinding), nameof(SqliteBinding.Bind), null, statement, Expression.Constant(index), converted);
        if (nullable || !value.Type.IsValueType)
        {
            var isNull = nullable ? Expression.Not(Expression.Property(value, "HasValue")) : (Expression)Expression.Equal(value, Expression.Constant(null, value.Type));
            return Expression.IfThenElse(isNull, Expression.Call(typeof(SqliteBinding), nameof(SqliteBinding.BindNull), null, statement, Expression.Constant(index)), bind);
        }

        return bind;
    }
}

/// <summary>Prepared statements of one call on one connection.</summary>
internal sealed class StatementSession : IDisposable
{
    private readonly Dictionary<(RowStatements, RowStatement), sqlite3_stmt> _prepared = [];
    private readonly sqlite3 _handle;

    public StatementSession(DbContext context) =>
        _handle = ((SqliteConnection)context.Database.GetDbConnection()).Handle ?? throw new InvalidOperationException("The connection is not open.");

    /// <summary>Runs the statement for a row; gives how many rows it changed.</summary>
    public int Run(RowStatements statements, RowStatement kind, object row, long? storedVersion)
    {
        var statement = Prepare(statements, kind);
        statements.Bind(row, statement);
        if (kind != RowStatement.Insert)
        {
            if (storedVersion is { } version)
            {
                SqliteBinding.Bind(statement, statements.VersionParameter, version);
            }
            else
            {
                SqliteBinding.BindNull(statement, statements.VersionParameter);
            }
        }

        var code = raw.sqlite3_step(statement);
        var changed = raw.sqlite3_changes(_handle);
        if (code != raw.SQLITE_DONE)
        {
            try
            {
                SqliteException.ThrowExceptionForRC(code, _handle);
            }
            finally
            {
                raw.sqlite3_reset(statement);
            }
        }

        raw.sqlite3_reset(statement);
        return changed;
    }

    public void Dispose()
    {
        foreach (var statement in _prepared.Values)
        {
            statement.Dispose();
        }
    }

    private sqlite3_stmt Prepare(RowStatements statements, RowStatement kind)
    {
        if (!_prepared.TryGetValue((statements, kind), out var statement))
        {
            SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(_handle, statements.Sql(kind), out statement), _handle);
            _prepared.Add((statements, kind), statement);
        }

        return statement;
    }
}

/// <summary>Binds the types that conversions end in.</summary>
internal static class SqliteBinding
{
    public static void Bind(sqlite3_stmt statement, int index, string value) => Check(raw.sqlite3_bind_text(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, byte[] value) => Check(raw.sqlite3_bind_blob(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, long value) => Check(raw.sqlite3_bind_int64(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, int value) => Check(raw.sqlite3_bind_int64(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, bool value) => Check(raw.sqlite3_bind_int(statement, index, value ? 1 : 0));

    public static void BindNull(sqlite3_stmt statement, int index) => Check(raw.sqlite3_bind_null(statement, index));

    private static void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"A value could not be bound (SQLite code {code}).");
        }
    }
}
