using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Makes rows of one entity type from columns: names and conversions come from the model. Immutable.</summary>
/// <remarks>What the caller knows already, the tenant and up to two texts, is not read.</remarks>
/// <typeparam name="T">The entity type.</typeparam>
internal sealed class RowReader<T>
{
    private readonly Func<Statement, TenantId, string, string, TextCache, T> _read;

    /// <param name="entity">The entity type.</param>
    /// <param name="tenant">The property that is the tenant.</param>
    /// <param name="known">Properties that the caller knows.</param>
    public RowReader(IEntityType entity, string tenant, params string[] known)
    {
        Table = new TableNames(entity);
        var (statement, tenantId, texts) = (Expression.Parameter(typeof(Statement)), Expression.Parameter(typeof(TenantId)), Expression.Parameter(typeof(TextCache)));
        var given = new[] { Expression.Parameter(typeof(string)), Expression.Parameter(typeof(string)) };
        var columns = new List<string>();
        var values = new List<MemberAssignment>();
        foreach (var property in entity.GetProperties())
        {
            var place = Array.IndexOf(known, property.Name);
            Expression value;
            if (property.Name == tenant)
            {
                value = tenantId;
            }
            else if (place >= 0)
            {
                value = given[place];
            }
            else
            {
                columns.Add("t." + Table.Column(property));
                value = Read(statement, columns.Count, property, texts);
            }

            values.Add(Expression.Bind(property.PropertyInfo!, value));
        }

        Columns = string.Join(", ", columns);
        var body = Expression.MemberInit(Expression.New(entity.ClrType), values);
        _read = Expression.Lambda<Func<Statement, TenantId, string, string, TextCache, T>>(body, statement, tenantId, given[0], given[1], texts).Compile();
    }

    public TableNames Table { get; }

    /// <summary>What a query selects, of the table <c>t</c>, behind one column of its own.</summary>
    public string Columns { get; }

    public T Read(Statement statement, TenantId tenant, string first, string second, TextCache texts) => _read(statement, tenant, first, second, texts);

    private static Expression Read(Expression statement, int index, IProperty property, Expression texts)
    {
        var type = property.ClrType;
        var value = Present(statement, Expression.Constant(index), property, texts);
        if (value.Type != type)
        {
            value = Expression.Convert(value, type);
        }

        return property.IsNullable
            ? Expression.Condition(Expression.Call(typeof(SqliteColumns), nameof(SqliteColumns.IsNull), null, statement, Expression.Constant(index)), Expression.Default(type), value)
            : value;
    }

    private static Expression Present(Expression statement, Expression index, IProperty property, Expression texts)
    {
        var converter = property.GetTypeMapping().Converter;
        if (converter is not null && PortableColumns.Reader(converter) is { } method)
        {
            return Expression.Call(typeof(SqliteColumns), method, null, statement, index);
        }

        var provider = converter?.ProviderClrType ?? Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
        var column = Column(statement, index, provider, texts);
        return converter is null ? column
            : EmptyCollections.For(property.ClrType, converter) is { } collections ? Expression.Call(Expression.Constant(collections), "Read", null, column)
            : Expression.Invoke(converter.ConvertFromProviderExpression, column);
    }

    private static MethodCallExpression Column(Expression statement, Expression index, Type type, Expression texts) =>
        type == typeof(string) ? Expression.Call(typeof(SqliteColumns), nameof(SqliteColumns.Text), null, statement, index, texts)
        : Expression.Call(typeof(SqliteColumns), Method(type), null, statement, index);

    private static string Method(Type type) =>
        type == typeof(long) ? nameof(SqliteColumns.Int64)
        : type == typeof(int) ? nameof(SqliteColumns.Int32)
        : type == typeof(bool) ? nameof(SqliteColumns.Bool)
        : type == typeof(byte[]) ? nameof(SqliteColumns.Bytes)
        : throw new NotSupportedException($"Columns of {type.Name} are not read by the fast path: turn it off for this model.");
}

/// <summary>Reads lists and maps; those without entries, which most are, are made once.</summary>
internal static class EmptyCollections
{
    public static object? For(Type type, Microsoft.EntityFrameworkCore.Storage.ValueConversion.ValueConverter converter) =>
        type.IsGenericType && type.GetGenericTypeDefinition() is var definition && (definition == typeof(EquatableList<>) || definition == typeof(EquatableMap<>))
            && converter.ProviderClrType == typeof(string)
            ? Activator.CreateInstance(typeof(Reader<>).MakeGenericType(type), converter)
            : null;

    private sealed class Reader<T>(Microsoft.EntityFrameworkCore.Storage.ValueConversion.ValueConverter converter)
    {
        private readonly Func<string, T> _convert = ((Expression<Func<string, T>>)converter.ConvertFromProviderExpression).Compile();
        private T? _list;
        private T? _map;

        public T Read(string json) => json switch
        {
            "[]" => _list ??= _convert(json),
            "{}" => _map ??= _convert(json),
            _ => _convert(json),
        };
    }
}
