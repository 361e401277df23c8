using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Conversions of <see cref="BillingColumns.Portable"/> that are done on the bytes of a column, without a string or an array between; the result is the same.</summary>
internal static class PortableColumns
{
    /// <summary>The method of <see cref="SqliteBinding"/>, if there is one.</summary>
    public static string? Binder(ValueConverter converter) =>
        Is(converter, BillingColumns.Portable.Id) ? nameof(SqliteBinding.BindId)
        : Is(converter, BillingColumns.Portable.Decimal) ? nameof(SqliteBinding.BindDecimal)
        : null;

    /// <summary>The method of <see cref="SqliteColumns"/>, if there is one.</summary>
    public static string? Reader(ValueConverter converter) =>
        Is(converter, BillingColumns.Portable.Id) ? nameof(SqliteColumns.Id)
        : Is(converter, BillingColumns.Portable.Decimal) ? nameof(SqliteColumns.Decimal)
        : null;

    private static bool Is(ValueConverter converter, ValueConverter? portable) => converter.GetType() == portable?.GetType();
}
