using System.Reflection;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Storage;

/// <summary>Makes rows with every property set to a value that is not its default, so that a store that loses one is seen.</summary>
/// <remarks>Rows made by one object differ in all texts, numbers, ids and times. Not thread-safe.</remarks>
public sealed class RowSamples
{
    private static readonly Instant Start = Instant.FromUtc(2031, 3, 14, 15, 9);

    private static readonly string[] Unrounded =
    [
        nameof(InvoiceLine.Quantity), nameof(InvoiceLine.ExactAmount), nameof(InvoiceLine.LayerFrom), nameof(InvoiceLine.LayerTo),
        nameof(UsageRollup.Sum), nameof(UsageRollup.Min), nameof(UsageRollup.Max),
    ];

    /// <summary>The run that all sample shards belong to.</summary>
    internal static readonly Guid Run = new("0193a000-0000-7000-9000-000000000001");

    private int _count;

    /// <summary>A row of a type of <see cref="StorageKeys.Primary"/>, with version 1.</summary>
    /// <param name="type">The type.</param>
    /// <param name="tenant">Its tenant.</param>
    /// <param name="payerId">Its payer; a <see cref="Customer"/> becomes a child of it.</param>
    public IBillingRow Row(Type type, TenantId tenant, string payerId)
    {
        ArgumentNullException.ThrowIfNull(type);
        var row = (IBillingRow)Fill(type, 0);
        Set(row, type == typeof(Tenant) ? nameof(Tenant.Id) : nameof(IBillingRow.Tenant), tenant);
        if (type.GetProperty(nameof(IPayerRow.PayerId)) is not null)
        {
            Set(row, nameof(IPayerRow.PayerId), payerId);
        }

        if (row is IVersionedRow)
        {
            Set(row, type == typeof(Customer) ? nameof(Customer.BillingVersion) : nameof(IVersionedRow.Version), 1L);
        }

        if (row is RunShard)
        {
            Set(row, nameof(RunShard.RunId), Run);
        }

        if (row is UsageRollup rollup)
        {
            Set(row, nameof(UsageRollup.Bucket), UsageRollup.BucketOf(rollup.Bucket));
        }

        return row;
    }

    /// <summary>A row of a type.</summary>
    public T Row<T>(TenantId tenant, string payerId)
        where T : IBillingRow => (T)Row(typeof(T), tenant, payerId);

    /// <summary>An id that is greater than all before it.</summary>
    public Guid Id()
    {
        var number = ++_count;
        return new Guid([1, 0x93, 0xA0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, (byte)(number >> 24), (byte)((number >> 16) & 0xFF), (byte)((number >> 8) & 0xFF), (byte)(number & 0xFF)], bigEndian: true);
    }

    /// <summary>The row with a property set to another value.</summary>
    public static T With<T>(T row, string property, object? value)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(row);
        var copy = (T)row.GetType().GetMethod("<Clone>$")!.Invoke(row, null)!;
        Set(copy, property, value);
        return copy;
    }

    private static void Set(object row, string property, object? value) => row.GetType().GetProperty(property)!.SetValue(row, value);

    private object Fill(Type type, int depth)
    {
        var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).FirstOrDefault(c => c.GetParameters().All(p => p.ParameterType != type));
        var positional = constructor?.GetParameters() ?? [];
        if (positional.Length > 0)
        {
            return constructor!.Invoke(positional.Select(p => Value(p.ParameterType, p.Name!, null, depth + 1)).ToArray());
        }

        var filled = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is not null))
        {
            property.SetValue(filled, Value(property.PropertyType, property.Name, property.GetValue(filled), depth + 1));
        }

        return filled;
    }

    private object? Value(Type declared, string name, object? initial, int depth)
    {
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        var number = ++_count;
        if (type == typeof(string))
        {
            return name.Contains("Currency", StringComparison.Ordinal) ? "EUR" : $"{name} {number} \u00e4\u20ac\U0001F642 \"'";
        }

        if (type == typeof(bool))
        {
            return initial is not true;
        }

        if (type == typeof(decimal))
        {
            return Unrounded.Contains(name) ? -number - 0.123456789012m : number + 0.1234m;
        }

        if (type.IsEnum)
        {
            return Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1);
        }

        return type switch
        {
            _ when type == typeof(int) => number + 1,
            _ when type == typeof(long) => number + 3_000_000_000L,
            _ when type == typeof(Guid) => Id(),
            _ when type == typeof(Instant) => Start + Duration.FromTicks((number * 36_000_000_000L) + number),
            _ when type == typeof(LocalDate) => new LocalDate(2031, 1, 1).PlusDays(number),
            _ when type == typeof(TenantId) => new TenantId("t" + number),
            _ => Composite(type, depth),
        };
    }

    private object? Composite(Type type, int depth)
    {
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(EquatableList<>))
        {
            var item = type.GenericTypeArguments[0];
            var items = Array.CreateInstance(item, depth > 5 ? 0 : 2);
            for (var i = 0; i < items.Length; i++)
            {
                items.SetValue(Value(item, "Item", null, depth + 1), i);
            }

            return typeof(RowSamples).GetMethod(nameof(List), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(item).Invoke(null, [items]);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(EquatableMap<>))
        {
            return typeof(RowSamples).GetMethod(nameof(Map), BindingFlags.NonPublic | BindingFlags.Instance)!.MakeGenericMethod(type.GenericTypeArguments[0]).Invoke(this, [depth]);
        }

        // Prices may hold prices; somewhere the sample has to end.
        return depth > 6 && type == typeof(Catalog.Price) ? Catalog.Price.Flat(1m) : Fill(type, depth);
    }

    private static EquatableList<T> List<T>(T[] items) => [.. items];

    private EquatableMap<T> Map<T>(int depth) => new(Enumerable.Range(0, depth > 5 ? 0 : 2).Select(_ =>
        KeyValuePair.Create($"Key {++_count} \u00e4", (T)Value(typeof(T), "Item", null, depth + 1)!)));
}
