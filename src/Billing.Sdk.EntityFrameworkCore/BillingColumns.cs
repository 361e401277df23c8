using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using NodaTime;

namespace Billing.EntityFrameworkCore;

/// <summary>How values become columns. The defaults suit every relational database; a provider with better types overrides them.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public class BillingColumns
{
    /// <summary>Instants as whole Unix ticks, dates as ISO text, ids as 16 big-endian bytes, rounded amounts as whole ten-thousandths, other decimals as text.</summary>
    public static BillingColumns Portable { get; } = new();

    /// <summary>Instants. Default: Unix ticks of 100 ns in a 64-bit integer; nanoseconds below a tick are cut off.</summary>
    public virtual ValueConverter? Instant { get; } = new InstantTicksConverter();

    /// <summary>Dates. Default: ISO 8601 text.</summary>
    public virtual ValueConverter? Date { get; } = new LocalDateTextConverter();

    /// <summary>Ids of the engine. Default: 16 bytes, big-endian, so that they sort by time.</summary>
    public virtual ValueConverter? Id { get; } = new GuidBytesConverter();

    /// <summary>Rounded amounts. Default: whole ten-thousandths of the currency unit in a 64-bit integer; more decimals are an error.</summary>
    public virtual ValueConverter? Money { get; } = new MoneyConverter();

    /// <summary>Quantities and unrounded amounts. Default: invariant text with all digits; SQL must not sum, compare or order it.</summary>
    public virtual ValueConverter? Decimal { get; } = new DecimalTextConverter();

    /// <summary>The collation of text, when the database's own may compare otherwise than byte by byte. Default: none is stated.</summary>
    public virtual string? TextCollation => null;

    internal ValueConverter? For(Type type, bool isMoney)
    {
        var value = Nullable.GetUnderlyingType(type) ?? type;
        if (value == typeof(string) || value == typeof(int) || value == typeof(long) || value == typeof(bool))
        {
            return null;
        }

        if (value == typeof(decimal))
        {
            return isMoney ? Money : Decimal;
        }

        if (value == typeof(Instant) || value == typeof(LocalDate) || value == typeof(Guid))
        {
            return value == typeof(Instant) ? Instant : value == typeof(LocalDate) ? Date : Id;
        }

        if (value == typeof(TenantId))
        {
            return new TenantIdConverter();
        }

        var converter = value.IsEnum ? typeof(EnumNameConverter<>) : typeof(JsonTextConverter<>);
        return (ValueConverter)Activator.CreateInstance(converter.MakeGenericType(value))!;
    }
}
