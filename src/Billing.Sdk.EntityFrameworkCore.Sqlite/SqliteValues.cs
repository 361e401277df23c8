using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SQLitePCL;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Binds the types that conversions end in, and without a detour the values of <see cref="BillingColumns.Portable"/>.</summary>
internal static class SqliteBinding
{
    private const int OnStack = 512;

    public static void Bind(sqlite3_stmt statement, int index, string value)
    {
        if (value.Length * 3 > OnStack)
        {
            Check(raw.sqlite3_bind_text(statement, index, value));
            return;
        }

        Span<byte> utf8 = stackalloc byte[OnStack];
        Check(raw.sqlite3_bind_text(statement, index, utf8[..Encoding.UTF8.GetBytes(value, utf8)]));
    }

    public static void BindUtf8(sqlite3_stmt statement, int index, ReadOnlySpan<byte> value) => Check(raw.sqlite3_bind_text(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, byte[] value) => Check(raw.sqlite3_bind_blob(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, long value) => Check(raw.sqlite3_bind_int64(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, int value) => Check(raw.sqlite3_bind_int64(statement, index, value));

    public static void Bind(sqlite3_stmt statement, int index, bool value) => Check(raw.sqlite3_bind_int(statement, index, value ? 1 : 0));

    public static void BindNull(sqlite3_stmt statement, int index) => Check(raw.sqlite3_bind_null(statement, index));

    public static void BindId(sqlite3_stmt statement, int index, Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        Check(raw.sqlite3_bind_blob(statement, index, bytes));
    }

    public static void BindDecimal(sqlite3_stmt statement, int index, decimal value)
    {
        Span<byte> utf8 = stackalloc byte[40];
        value.TryFormat(utf8, out var length, default, CultureInfo.InvariantCulture);
        Check(raw.sqlite3_bind_text(statement, index, utf8[..length]));
    }

    private static void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"A value could not be bound (SQLite code {code}).");
        }
    }
}

/// <summary>Reads columns of the present row.</summary>
internal static class SqliteColumns
{
    public static bool IsNull(sqlite3_stmt statement, int index) => raw.sqlite3_column_type(statement, index) == raw.SQLITE_NULL;

    public static long Int64(sqlite3_stmt statement, int index) => raw.sqlite3_column_int64(statement, index);

    public static int Int32(sqlite3_stmt statement, int index) => checked((int)raw.sqlite3_column_int64(statement, index));

    public static bool Bool(sqlite3_stmt statement, int index) => raw.sqlite3_column_int(statement, index) != 0;

    public static byte[] Bytes(sqlite3_stmt statement, int index) => raw.sqlite3_column_blob(statement, index).ToArray();

    public static string Text(sqlite3_stmt statement, int index, TextCache texts) => texts.Get(Utf8(statement, index));

    public static Guid Id(sqlite3_stmt statement, int index) => new(raw.sqlite3_column_blob(statement, index), bigEndian: true);

    public static decimal Decimal(sqlite3_stmt statement, int index) => ParseDecimal(Utf8(statement, index));

    public static decimal ParseDecimal(ReadOnlySpan<byte> utf8) =>
        decimal.TryParse(utf8, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new BillingException(BillingErrorCodes.Storage, $"'{Encoding.UTF8.GetString(utf8)}' is not a stored decimal.");

    /// <summary>The text of a column, until the next step.</summary>
    public static ReadOnlySpan<byte> Utf8(sqlite3_stmt statement, int index)
    {
        var text = raw.sqlite3_column_text(statement, index);
        var length = raw.sqlite3_column_bytes(statement, index);
        return length == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AsRef(in text.GetPinnableReference()), length);
    }
}
