using System.Linq.Expressions;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>Names of a table and its columns, quoted, as the model has them. Immutable.</summary>
internal sealed class TableNames
{
    private readonly IEntityType _entity;
    private readonly StoreObjectIdentifier _table;

    public TableNames(IEntityType entity)
    {
        _entity = entity;
        _table = StoreObjectIdentifier.Create(entity, StoreObjectType.Table)!.Value;
        Name = entity.GetSchema() is { } schema ? $"\"{schema}\".\"{_table.Name}\"" : $"\"{_table.Name}\"";
    }

    public string Name { get; }

    public string Column(string property) => Column(_entity.FindProperty(property) ?? throw new ArgumentException($"{_entity.Name} has no {property}.", nameof(property)));

    public string Column(IReadOnlyProperty property) => $"\"{property.GetColumnName(_table)}\"";
}

/// <summary>Makes rows of one entity type from columns: names and conversions come from the model. Immutable.</summary>
/// <remarks>What the caller knows already, the tenant and up to two texts, is not read.</remarks>
/// <typeparam name="T">The entity type.</typeparam>
internal sealed class RowReader<T>
{
    private readonly Func<NpgsqlDataReader, TenantId, string, string, T> _read;

    /// <param name="entity">The entity type.</param>
    /// <param name="known">Properties that the caller knows, beside the tenant.</param>
    public RowReader(IEntityType entity, params string[] known)
    {
        Table = new TableNames(entity);
        var (reader, tenant) = (Expression.Parameter(typeof(NpgsqlDataReader)), Expression.Parameter(typeof(TenantId)));
        var given = new[] { Expression.Parameter(typeof(string)), Expression.Parameter(typeof(string)) };
        var columns = new List<string>();
        var values = new List<MemberAssignment>();
        foreach (var property in entity.GetProperties())
        {
            Expression value;
            if (property.Name == nameof(IBillingRow.Tenant))
            {
                value = tenant;
            }
            else if (Array.IndexOf(known, property.Name) is var place and >= 0)
            {
                value = given[place];
            }
            else
            {
                columns.Add("t." + Table.Column(property));
                value = Read(reader, Expression.Constant(columns.Count), property);
            }

            values.Add(Expression.Bind(property.PropertyInfo!, value));
        }

        Columns = string.Join(", ", columns);
        var body = Expression.MemberInit(Expression.New(entity.ClrType), values);
        _read = Expression.Lambda<Func<NpgsqlDataReader, TenantId, string, string, T>>(body, reader, tenant, given[0], given[1]).Compile();
    }

    public TableNames Table { get; }

    /// <summary>What a query selects, of the table <c>t</c>, behind one column of its own.</summary>
    public string Columns { get; }

    public T Read(NpgsqlDataReader reader, TenantId tenant, string first, string second) => _read(reader, tenant, first, second);

    private static Expression Read(Expression reader, Expression index, IProperty property)
    {
        var converter = property.GetTypeMapping().Converter;
        var provider = converter?.ProviderClrType ?? Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
        Expression value = Expression.Call(reader, nameof(NpgsqlDataReader.GetFieldValue), [provider], index);
        if (converter is not null)
        {
            value = Expression.Invoke(converter.ConvertFromProviderExpression, value);
        }

        if (value.Type != property.ClrType)
        {
            value = Expression.Convert(value, property.ClrType);
        }

        return property.IsNullable
            ? Expression.Condition(Expression.Call(reader, nameof(NpgsqlDataReader.IsDBNull), null, index), Expression.Default(property.ClrType), value)
            : value;
    }
}
