using System.Globalization;
using System.Text;
using SQLitePCL;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Binds the types that conversions end in, and without a detour the values of <see cref="BillingColumns.Portable"/>.</summary>
internal static class SqliteBinding
{
    private const int OnStack = 512;

    public static void Bind(Statement statement, int index, string value)
    {
        if (value.Length * 3 > OnStack)
        {
            Check(NativeSqlite.BindText(statement, index, Encoding.UTF8.GetBytes(value)));
            return;
        }

        Span<byte> utf8 = stackalloc byte[OnStack];
        Check(NativeSqlite.BindText(statement, index, utf8[..Encoding.UTF8.GetBytes(value, utf8)]));
    }

    public static void BindUtf8(Statement statement, int index, ReadOnlySpan<byte> value) => Check(NativeSqlite.BindText(statement, index, value));

    public static void Bind(Statement statement, int index, byte[] value) => Check(NativeSqlite.BindBlob(statement, index, value));

    public static void Bind(Statement statement, int index, long value) => Check(NativeSqlite.Bind(statement, index, value));

    public static void Bind(Statement statement, int index, int value) => Check(NativeSqlite.Bind(statement, index, value));

    public static void Bind(Statement statement, int index, bool value) => Check(NativeSqlite.Bind(statement, index, value ? 1 : 0));

    public static void BindNull(Statement statement, int index) => Check(NativeSqlite.BindNull(statement, index));

    public static void BindId(Statement statement, int index, Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        Check(NativeSqlite.BindBlob(statement, index, bytes));
    }

    public static void BindDecimal(Statement statement, int index, decimal value)
    {
        Span<byte> utf8 = stackalloc byte[40];
        value.TryFormat(utf8, out var length, default, CultureInfo.InvariantCulture);
        Check(NativeSqlite.BindText(statement, index, utf8[..length]));
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
    /// <summary>So many characters hold no more digits than 63 bits do.</summary>
    private const int ShortDigits = 18;

    public static bool IsNull(Statement statement, int index) => NativeSqlite.ColumnType(statement, index) == raw.SQLITE_NULL;

    public static long Int64(Statement statement, int index) => NativeSqlite.ColumnInt64(statement, index);

    public static int Int32(Statement statement, int index) => checked((int)NativeSqlite.ColumnInt64(statement, index));

    public static bool Bool(Statement statement, int index) => NativeSqlite.ColumnInt64(statement, index) != 0;

    public static byte[] Bytes(Statement statement, int index) => NativeSqlite.ColumnBlob(statement, index).ToArray();

    public static string Text(Statement statement, int index, TextCache texts) => texts.Get(Utf8(statement, index));

    public static Guid Id(Statement statement, int index) => new(NativeSqlite.ColumnBlob(statement, index), bigEndian: true);

    public static decimal Decimal(Statement statement, int index) => ParseDecimal(Utf8(statement, index));

    /// <summary>A stored decimal with all its digits, trailing zeros among them.</summary>
    public static decimal ParseDecimal(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length <= ShortDigits && IsShort(utf8, out var number, out var scale, out var isNegative))
        {
            return new decimal(unchecked((int)number), (int)(number >> 32), 0, isNegative, scale);
        }

        return decimal.TryParse(utf8, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new BillingException(BillingErrorCodes.Storage, $"'{Encoding.UTF8.GetString(utf8)}' is not a stored decimal.");
    }

    /// <summary>The text of a column, until the next step.</summary>
    public static ReadOnlySpan<byte> Utf8(Statement statement, int index) => NativeSqlite.ColumnText(statement, index);

    /// <summary>Takes a plain number apart: most are short, and this is several times as fast as a parser for all.</summary>
    private static bool IsShort(ReadOnlySpan<byte> utf8, out long number, out byte scale, out bool isNegative)
    {
        (number, scale) = (0, 0);
        isNegative = utf8.Length > 1 && utf8[0] == (byte)'-';
        var digits = isNegative ? utf8[1..] : utf8;
        var point = digits.IndexOf((byte)'.');
        if (digits.IsEmpty || point == 0 || point == digits.Length - 1)
        {
            return false;
        }

        for (var i = 0; i < digits.Length; i++)
        {
            if (i == point)
            {
                continue;
            }

            var digit = digits[i] - '0';
            if (digit is < 0 or > 9)
            {
                return false;
            }

            number = (number * 10) + digit;
        }

        scale = point < 0 ? (byte)0 : (byte)(digits.Length - 1 - point);
        return true;
    }
}
