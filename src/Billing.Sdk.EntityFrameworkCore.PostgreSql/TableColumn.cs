using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using NpgsqlTypes;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>A column of the model: reads a property, converts it as the model says, and writes it without boxing. Immutable.</summary>
internal abstract class TableColumn
{
    private static readonly Dictionary<string, NpgsqlDbType> Types = new(StringComparer.Ordinal)
    {
        ["text"] = NpgsqlDbType.Text,
        ["bigint"] = NpgsqlDbType.Bigint,
        ["integer"] = NpgsqlDbType.Integer,
        ["boolean"] = NpgsqlDbType.Boolean,
        ["uuid"] = NpgsqlDbType.Uuid,
        ["date"] = NpgsqlDbType.Date,
        ["numeric"] = NpgsqlDbType.Numeric,
        ["bytea"] = NpgsqlDbType.Bytea,
    };

    protected TableColumn(IProperty property)
    {
        var table = StoreObjectIdentifier.Create(property.DeclaringType, StoreObjectType.Table)!.Value;
        Property = property.Name;
        Name = $"\"{property.GetColumnName(table)}\"";
        Type = property.GetColumnType();
        DbType = Types.TryGetValue(Type, out var type)
            ? type
            : throw new NotSupportedException($"Column {Name} of {table.Name} has type {Type}, which the fast path does not write: turn it off for this model.");
        IsKey = property.IsPrimaryKey();
        IsVersion = property.IsConcurrencyToken;
    }

    /// <summary>The property of the row.</summary>
    public string Property { get; }

    /// <summary>Quoted.</summary>
    public string Name { get; }

    /// <summary>As PostgreSQL names it.</summary>
    public string Type { get; }

    public bool IsKey { get; }

    public bool IsVersion { get; }

    protected NpgsqlDbType DbType { get; }

    public static TableColumn Create(IEntityType entity, IProperty property)
    {
        var row = Expression.Parameter(entity.ClrType, "row");
        var value = Expression.Property(row, property.PropertyInfo!);
        var underlying = Nullable.GetUnderlyingType(value.Type);
        var converter = property.GetTypeMapping().Converter;
        var present = underlying is null ? value : (Expression)Expression.Property(value, "Value");
        var converted = converter is null ? present : Expression.Invoke(converter.ConvertToProviderExpression, present);
        var provider = converted.Type;
        if (underlying is not null || (!value.Type.IsValueType && converter is not null))
        {
            // A missing value stays missing; conversions see values only.
            var target = provider.IsValueType ? typeof(Nullable<>).MakeGenericType(provider) : provider;
            var missing = underlying is null ? Expression.Equal(value, Expression.Constant(null, value.Type)) : (Expression)Expression.Not(Expression.Property(value, "HasValue"));
            converted = Expression.Condition(missing, Expression.Constant(null, target), Expression.Convert(converted, target));
        }

        var getter = Expression.Lambda(converted, row).Compile();
        var type = !provider.IsValueType ? typeof(TextColumn<,>) : converted.Type == provider ? typeof(ValueColumn<,>) : typeof(NullableColumn<,>);
        return (TableColumn)Activator.CreateInstance(type.MakeGenericType(entity.ClrType, provider), property, getter)!;
    }

    /// <summary>Writes the column of a row into a COPY.</summary>
    public abstract void Write(NpgsqlBinaryImporter copy, object row);

    /// <summary>The column of all rows as one array parameter.</summary>
    public abstract NpgsqlParameter Array(IReadOnlyList<object> rows);

    /// <summary>The order of two rows by this column; only keys are compared.</summary>
    public virtual int Compare(object first, object second) => throw new NotSupportedException($"{Name} is no key.");

    /// <summary>The text of a row in a text column.</summary>
    public virtual string Text(object row) => throw new NotSupportedException($"{Name} is no text.");

    private sealed class ValueColumn<TRow, TValue>(IProperty property, Func<TRow, TValue> getter) : TableColumn(property)
        where TValue : struct
    {
        public override int Compare(object first, object second) => Comparer<TValue>.Default.Compare(getter((TRow)first), getter((TRow)second));

        public override void Write(NpgsqlBinaryImporter copy, object row) => copy.Write(getter((TRow)row), DbType);

        public override NpgsqlParameter Array(IReadOnlyList<object> rows) => Parameter(rows, getter, DbType);
    }

    private sealed class NullableColumn<TRow, TValue>(IProperty property, Func<TRow, TValue?> getter) : TableColumn(property)
        where TValue : struct
    {
        public override void Write(NpgsqlBinaryImporter copy, object row)
        {
            if (getter((TRow)row) is { } value)
            {
                copy.Write(value, DbType);
            }
            else
            {
                copy.WriteNull();
            }
        }

        public override NpgsqlParameter Array(IReadOnlyList<object> rows) => Parameter(rows, getter, DbType);
    }

    /// <summary>Texts and bytes.</summary>
    private sealed class TextColumn<TRow, TValue>(IProperty property, Func<TRow, TValue?> getter) : TableColumn(property)
        where TValue : class
    {
        public override int Compare(object first, object second) => string.CompareOrdinal(Text(first), Text(second));

        public override string Text(object row) => getter((TRow)row) as string ?? base.Text(row);

        public override void Write(NpgsqlBinaryImporter copy, object row)
        {
            if (getter((TRow)row) is { } value)
            {
                copy.Write(value, DbType);
            }
            else
            {
                copy.WriteNull();
            }
        }

        public override NpgsqlParameter Array(IReadOnlyList<object> rows) => Parameter(rows, getter, DbType);
    }

    private static NpgsqlParameter<TValue[]> Parameter<TRow, TValue>(IReadOnlyList<object> rows, Func<TRow, TValue> getter, NpgsqlDbType type)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = getter((TRow)rows[i]);
        }

        return new NpgsqlParameter<TValue[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type };
    }
}
