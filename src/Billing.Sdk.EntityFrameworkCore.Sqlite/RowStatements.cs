using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>The statements that write rows of one entity type: columns, keys and conversions come from the model. Immutable.</summary>
internal sealed class RowStatements
{
    private readonly Action<object, Statement> _bind;
    private readonly int _versionParameter;

    public RowStatements(IEntityType entity)
    {
        var table = new TableNames(entity);
        var properties = entity.GetProperties().ToArray();
        var columns = Array.ConvertAll(properties, table.Column);
        var key = entity.FindPrimaryKey()!.Properties;
        var sameKey = string.Join(" AND ", key.Select(p => $"{table.Column(p)} = ?{Array.IndexOf(properties, p) + 1}"));
        var version = Array.Find(properties, p => p.IsConcurrencyToken);
        var set = properties.Select((p, i) => (p, Text: $"{columns[i]} = ?{i + 1}")).Where(c => !c.p.IsPrimaryKey()).Select(c => c.Text);
        _versionParameter = properties.Length + 1;
        var sameVersion = version is null ? $"?{_versionParameter} IS NULL" : $"(?{_versionParameter} IS NULL OR {table.Column(version)} = ?{_versionParameter})";
        Key = string.Join(", ", key.Select(table.Column));
        Where = $"WHERE {sameKey} AND {sameVersion}";
        Insert = $"INSERT INTO {table.Name} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select((_, i) => $"?{i + 1}"))})";
        InsertNew = Insert + " ON CONFLICT DO NOTHING";
        Update = $"UPDATE {table.Name} SET {string.Join(", ", set)} {Where}";
        Delete = $"DELETE FROM {table.Name} {Where}";
        _bind = Binder(entity.ClrType, properties);
    }

    /// <summary>The names of the key's columns.</summary>
    public string Key { get; }

    /// <summary>Compares the key with that of the bound row, and the version with the one that is bound, if one is.</summary>
    public string Where { get; }

    public string Insert { get; }

    /// <summary>Inserts the row if its keys are free.</summary>
    public string InsertNew { get; }

    /// <summary>Replaces the row with the key, and with the version if one is bound.</summary>
    public string Update { get; }

    /// <summary>Deletes the row with the key, and with the version if one is bound.</summary>
    public string Delete { get; }

    /// <summary>Binds all columns.</summary>
    public void Bind(object row, Statement statement) => _bind(row, statement);

    /// <summary>Binds what <see cref="Update"/> or <see cref="Delete"/> needs.</summary>
    public void Bind(object row, long? storedVersion, Statement statement)
    {
        _bind(row, statement);
        if (storedVersion is { } version)
        {
            SqliteBinding.Bind(statement, _versionParameter, version);
        }
        else
        {
            SqliteBinding.BindNull(statement, _versionParameter);
        }
    }

    /// <summary>One compiled function that converts and binds all columns, without boxing.</summary>
    private static Action<object, Statement> Binder(Type type, IProperty[] properties)
    {
        var (row, statement, typed) = (Expression.Parameter(typeof(object)), Expression.Parameter(typeof(Statement)), Expression.Variable(type));
        var steps = new List<Expression> { Expression.Assign(typed, Expression.Convert(row, type)) };
        for (var i = 0; i < properties.Length; i++)
        {
            steps.Add(BindColumn(statement, i + 1, Expression.Property(typed, properties[i].PropertyInfo!), properties[i]));
        }

        return Expression.Lambda<Action<object, Statement>>(Expression.Block([typed], steps), row, statement).Compile();
    }

    private static Expression BindColumn(Expression statement, int index, Expression value, IProperty property)
    {
        var nullable = Nullable.GetUnderlyingType(value.Type) is not null;
        var present = nullable ? Expression.Property(value, "Value") : value;
        var bind = BindPresent(statement, Expression.Constant(index), present, property);
        if (nullable || !value.Type.IsValueType)
        {
            var isNull = nullable ? Expression.Not(Expression.Property(value, "HasValue")) : (Expression)Expression.Equal(value, Expression.Constant(null, value.Type));
            return Expression.IfThenElse(isNull, Expression.Call(typeof(SqliteBinding), nameof(SqliteBinding.BindNull), null, statement, Expression.Constant(index)), bind);
        }

        return bind;
    }

    private static MethodCallExpression BindPresent(Expression statement, Expression index, Expression value, IProperty property)
    {
        var converter = property.GetTypeMapping().Converter;
        if (converter is not null && PortableColumns.Binder(converter) is { } method)
        {
            return Expression.Call(typeof(SqliteBinding), method, null, statement, index, value);
        }

        var converted = converter is null ? value : Expression.Invoke(converter.ConvertToProviderExpression, value);
        return Expression.Call(typeof(SqliteBinding), nameof(SqliteBinding.Bind), null, statement, index, converted);
    }
}

/// <summary>Quoted names of a table and its columns.</summary>
internal readonly struct TableNames(IEntityType entity)
{
    private readonly StoreObjectIdentifier _table = StoreObjectIdentifier.Create(entity, StoreObjectType.Table)!.Value;

    public string Name => $"\"{_table.Name}\"";

    public string Column(IProperty property) => $"\"{property.GetColumnName(_table)}\"";

    public string Column(string property) => Column(entity.FindProperty(property) ?? throw new InvalidOperationException($"{entity.DisplayName()} has no {property}."));
}
