using System.Runtime.InteropServices;
using SQLitePCL;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>A prepared statement: its handle, and what the handle holds, for calls that go to the library directly.</summary>
internal sealed class Statement(sqlite3_stmt handle) : IDisposable
{
    public sqlite3_stmt Handle => handle;

    /// <summary>Valid as long as the statement is not disposed.</summary>
    public nint Pointer { get; } = handle.DangerousGetHandle();

    public void Dispose() => handle.Dispose();
}

/// <summary>
/// The few functions of SQLite that are called for every value of every row. Through SQLitePCLRaw each call counts the uses of a safe handle and waits for the garbage
/// collector's leave, which costs more than what SQLite does for a value; here the statement is kept alive by its cache.
/// </summary>
/// <remarks>Another library than the one that SQLitePCLRaw uses must never be called: when it is not known for sure, everything goes through SQLitePCLRaw.</remarks>
internal static unsafe class NativeSqlite
{
    private const string Library = "e_sqlite3";
    private const string Provider = "SQLitePCL.SQLite3Provider_e_sqlite3, SQLitePCLRaw.provider.e_sqlite3";

    /// <summary>SQLITE_TRANSIENT: SQLite copies the bytes.</summary>
    private const nint Transient = -1;

    private static readonly nint Handle = Find();

    private static readonly delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, long, int> BindInt64Function =
        (delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, long, int>)Export("sqlite3_bind_int64");

    private static readonly delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, int> BindNullFunction =
        (delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, int>)Export("sqlite3_bind_null");

    private static readonly delegate* unmanaged[Cdecl]<nint, int, byte*, int, nint, int> BindTextFunction =
        (delegate* unmanaged[Cdecl]<nint, int, byte*, int, nint, int>)Export("sqlite3_bind_text");

    private static readonly delegate* unmanaged[Cdecl]<nint, int, byte*, int, nint, int> BindBlobFunction =
        (delegate* unmanaged[Cdecl]<nint, int, byte*, int, nint, int>)Export("sqlite3_bind_blob");

    private static readonly delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, int> ColumnTypeFunction =
        (delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, int>)Export("sqlite3_column_type");

    private static readonly delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, long> ColumnInt64Function =
        (delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, long>)Export("sqlite3_column_int64");

    private static readonly delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, int> ColumnBytesFunction =
        (delegate* unmanaged[Cdecl, SuppressGCTransition]<nint, int, int>)Export("sqlite3_column_bytes");

    private static readonly delegate* unmanaged[Cdecl]<nint, int, byte*> ColumnTextFunction =
        (delegate* unmanaged[Cdecl]<nint, int, byte*>)Export("sqlite3_column_text");

    private static readonly delegate* unmanaged[Cdecl]<nint, int, byte*> ColumnBlobFunction =
        (delegate* unmanaged[Cdecl]<nint, int, byte*>)Export("sqlite3_column_blob");

    public static int Bind(Statement statement, int index, long value) =>
        Handle != 0 ? BindInt64Function(statement.Pointer, index, value) : raw.sqlite3_bind_int64(statement.Handle, index, value);

    public static int BindNull(Statement statement, int index) =>
        Handle != 0 ? BindNullFunction(statement.Pointer, index) : raw.sqlite3_bind_null(statement.Handle, index);

    public static int BindText(Statement statement, int index, ReadOnlySpan<byte> utf8)
    {
        if (Handle == 0)
        {
            return raw.sqlite3_bind_text(statement.Handle, index, utf8);
        }

        // A null pointer would bind NULL instead of an empty text.
        byte nothing = 0;
        fixed (byte* bytes = utf8)
        {
            return BindTextFunction(statement.Pointer, index, bytes == null ? &nothing : bytes, utf8.Length, Transient);
        }
    }

    public static int BindBlob(Statement statement, int index, ReadOnlySpan<byte> value)
    {
        if (Handle == 0)
        {
            return raw.sqlite3_bind_blob(statement.Handle, index, value);
        }

        byte nothing = 0;
        fixed (byte* bytes = value)
        {
            return BindBlobFunction(statement.Pointer, index, bytes == null ? &nothing : bytes, value.Length, Transient);
        }
    }

    public static int ColumnType(Statement statement, int index) =>
        Handle != 0 ? ColumnTypeFunction(statement.Pointer, index) : raw.sqlite3_column_type(statement.Handle, index);

    public static long ColumnInt64(Statement statement, int index) =>
        Handle != 0 ? ColumnInt64Function(statement.Pointer, index) : raw.sqlite3_column_int64(statement.Handle, index);

    /// <summary>The text of a column, until the next step.</summary>
    public static ReadOnlySpan<byte> ColumnText(Statement statement, int index)
    {
        if (Handle == 0)
        {
            var text = raw.sqlite3_column_text(statement.Handle, index);
            var length = raw.sqlite3_column_bytes(statement.Handle, index);
            return length == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(in text.GetPinnableReference(), length);
        }

        // The text first: it decides the encoding that the length is of.
        var bytes = ColumnTextFunction(statement.Pointer, index);
        return new ReadOnlySpan<byte>(bytes, ColumnBytesFunction(statement.Pointer, index));
    }

    /// <summary>The bytes of a column, until the next step.</summary>
    public static ReadOnlySpan<byte> ColumnBlob(Statement statement, int index)
    {
        if (Handle == 0)
        {
            return raw.sqlite3_column_blob(statement.Handle, index);
        }

        var bytes = ColumnBlobFunction(statement.Pointer, index);
        return new ReadOnlySpan<byte>(bytes, ColumnBytesFunction(statement.Pointer, index));
    }

    /// <summary>The library that SQLitePCLRaw calls, found as its own calls find it; 0 when it is another one.</summary>
    private static nint Find() =>
        raw.GetNativeLibraryName() == Library && Type.GetType(Provider, throwOnError: false) is { } type && NativeLibrary.TryLoad(Library, type.Assembly, null, out var found)
            ? found
            : 0;

    private static nint Export(string name) => Handle == 0 ? 0 : NativeLibrary.GetExport(Handle, name);
}
