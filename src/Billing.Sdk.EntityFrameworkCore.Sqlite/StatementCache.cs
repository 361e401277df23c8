using System.Buffers;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Prepared statements of one connection, and texts that were read from it before. Used by one call at a time, as the connection is.</summary>
internal sealed class StatementCache(sqlite3 handle) : IDisposable
{
    private readonly Dictionary<string, Statement> _prepared = new(StringComparer.Ordinal);

    private readonly ArrayBufferWriter<byte> _json = new();
    private IReadOnlyList<string>? _texts;

    /// <summary>Texts that come again and again: currencies, plans, names.</summary>
    public TextCache Texts { get; } = new();

    /// <summary>The statement for a text of SQL; it is prepared once.</summary>
    public Statement Prepare(string sql)
    {
        if (!_prepared.TryGetValue(sql, out var statement))
        {
            // 1: SQLITE_PREPARE_PERSISTENT, the statement lives long.
            Check(raw.sqlite3_prepare_v3(handle, sql, 1, out var prepared));
            _prepared.Add(sql, statement = new Statement(prepared));
        }

        return statement;
    }

    /// <summary>Runs a statement that gives no rows.</summary>
    public void Run(Statement statement)
    {
        var code = raw.sqlite3_step(statement.Handle);
        if (code == raw.SQLITE_DONE)
        {
            _ = raw.sqlite3_reset(statement.Handle);
            return;
        }

        Fail(statement, code);
    }

    /// <summary>Runs a statement that gives no rows; gives how many rows it changed.</summary>
    public int RunCounted(Statement statement)
    {
        Run(statement);
        return raw.sqlite3_changes(handle);
    }

    /// <summary>Moves to the next row. After the last one, and after an error, the statement is ready to be run again.</summary>
    public bool Read(Statement statement)
    {
        var code = raw.sqlite3_step(statement.Handle);
        if (code == raw.SQLITE_ROW)
        {
            return true;
        }

        if (code != raw.SQLITE_DONE)
        {
            Fail(statement, code);
        }

        _ = raw.sqlite3_reset(statement.Handle);
        return false;
    }

    /// <summary>Reads all rows.</summary>
    public void ReadAll(Statement statement, Action read, CancellationToken cancellationToken)
    {
        try
        {
            while (Read(statement))
            {
                cancellationToken.ThrowIfCancellationRequested();
                read();
            }
        }
        finally
        {
            // A statement that is left in the middle would keep its snapshot open.
            _ = raw.sqlite3_reset(statement.Handle);
        }
    }

    /// <summary>Binds texts as one JSON array. The same list comes for several statements in a row.</summary>
    public void BindTexts(Statement statement, int index, IReadOnlyList<string> texts)
    {
        if (!ReferenceEquals(texts, _texts))
        {
            _json.ResetWrittenCount();
            using var json = new Utf8JsonWriter(_json);
            json.WriteStartArray();
            foreach (var text in texts)
            {
                json.WriteStringValue(text);
            }

            json.WriteEndArray();
            json.Flush();
            _texts = texts;
        }

        SqliteBinding.BindUtf8(statement, index, _json.WrittenSpan);
    }

    /// <summary>Frees the statements; the connection can then be closed for good.</summary>
    public void Dispose()
    {
        foreach (var statement in _prepared.Values)
        {
            statement.Dispose();
        }

        _prepared.Clear();
    }

    private void Fail(Statement statement, int code)
    {
        try
        {
            Check(code);
        }
        finally
        {
            _ = raw.sqlite3_reset(statement.Handle);
        }
    }

    private void Check(int code) => SqliteException.ThrowExceptionForRC(code, handle);
}
