using System.Data;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Billing.Benchmarks.Plain;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Billing.Benchmarks.Stores;

/// <summary>A SQLite file. The limit: prepared inserts with the engine's own settings.</summary>
/// <param name="path">Path of the file.</param>
/// <param name="owned">Whether the file goes with the object.</param>
internal sealed class SqliteStore(string path, bool owned) : Store
{
    private static readonly string[] Settings = ["journal_mode", "synchronous", "wal_autocheckpoint", "page_size", "cache_size", "locking_mode"];

    private readonly List<SqliteBillingStorage> _opened = [];
    private int _copies;

    private string ConnectionString { get; } = new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, ForeignKeys = false }.ToString();

    public override IBillingStorage OpenStorage(IIdGenerator ids)
    {
        var storage = new SqliteBillingStorage(new SqliteStorageOptions { Path = path }, ids);
        _opened.Add(storage);
        return storage;
    }

    public override async Task<string> DescribeAsync()
    {
        var settings = await EngineSettingsAsync().ConfigureAwait(false);
        return $"SQLite {raw()}; PRAGMA {string.Join(", ", settings.Select(s => $"{s.Name}={s.Value}"))} (synchronous 2 = FULL: each commit waits for fsync)";

        static string raw() => SQLitePCL.raw.sqlite3_libversion().utf8_to_string();
    }

    public override async Task<Store> CopyAsync()
    {
        await CheckpointAsync().ConfigureAwait(false);
        var copy = new SqliteStore($"{path}.copy{_copies++}", owned: true);
        File.Copy(path, copy.FilePath, overwrite: true);
        return copy;
    }

    public override string Location => path;

    public override DbContextOptions<LoopContext> LoopDatabase() =>
        new DbContextOptionsBuilder<LoopContext>().UseSqlite($"Data Source={path}.loop").Options;

    private string FilePath => path;

    public override async Task<Rewrite> PrepareAsync(Store engine, int commits, Part? part = null)
    {
        var other = (SqliteStore)engine;
        if (part is null)
        {
            await other.CheckpointAsync().ConfigureAwait(false);
        }

        var connection = await OpenAsync(await other.EngineSettingsAsync().ConfigureAwait(false)).ConfigureAwait(false);
        Execute(connection, $"ATTACH DATABASE '{other.FilePath}' AS engine");
        var tables = Tables(connection).Select(t => Table.Read(connection, t)).ToList();
        if (part is null)
        {
            tables.ForEach(t => t.TakeOutWhatChanged(connection));
            Execute(connection, "PRAGMA main.wal_checkpoint(TRUNCATE)");
        }

        var prepared = new PreparedInserts(connection, tables.FindAll(t => t.Rows.Count > 0), commits, part);
        if (part is null)
        {
            prepared.WarmUp();
        }

        return prepared;
    }

    public override async Task<double> CommitOneByOneAsync(Store engine, int count)
    {
        var other = (SqliteStore)engine;
        await other.CheckpointAsync().ConfigureAwait(false);
        using var connection = await OpenAsync(await other.EngineSettingsAsync().ConfigureAwait(false)).ConfigureAwait(false);
        Execute(connection, $"ATTACH DATABASE '{other.FilePath}' AS engine");
        var table = Table.Read(connection, "billing_usage_record");
        if (table.Rows.Count < count)
        {
            throw new InvalidOperationException($"{count} rows are wanted, the engine has written {table.Rows.Count}.");
        }

        using var insert = table.Insert(connection);
        var started = Stopwatch.GetTimestamp();
        foreach (var row in table.Rows.Take(count))
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            insert.Run(transaction, row);
            transaction.Commit();
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public override async Task<Totals> TotalsAsync()
    {
        using var connection = await OpenAsync([]).ConfigureAwait(false);
        var totals = Tables(connection).Select(t => TotalsOf(connection, "main", t)).ToList();
        return new Totals(totals.Sum(t => t.Rows), totals.Sum(t => t.Bytes));
    }

    public override ValueTask DisposeAsync()
    {
        _opened.ForEach(s => s.Dispose());
        SqliteConnection.ClearAllPools();
        if (!owned)
        {
            return ValueTask.CompletedTask;
        }

        foreach (var file in new[] { path, path + "-wal", path + "-shm", path + ".loop", path + ".loop-wal", path + ".loop-shm" })
        {
            File.Delete(file);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The settings as a connection of the engine's own has them.</summary>
    private async Task<IReadOnlyList<(string Name, string Value)>> EngineSettingsAsync()
    {
        if (_opened.Count == 0)
        {
            OpenStorage(new TimeOrderedIdGenerator(new BenchmarkClock(World.Month(0))));
        }

        await using var context = _opened[0].CreateContext();
        await context.Database.OpenConnectionAsync().ConfigureAwait(false);
        var connection = (SqliteConnection)context.Database.GetDbConnection();
        return [.. Settings.Select(s => (s, Convert.ToString(Scalar(connection, $"PRAGMA {s}"), CultureInfo.InvariantCulture)!))];
    }

    private async Task<SqliteConnection> OpenAsync(IReadOnlyList<(string Name, string Value)> settings)
    {
        var connection = new SqliteConnection(ConnectionString);
        await connection.OpenAsync().ConfigureAwait(false);
        foreach (var (name, value) in settings)
        {
            Execute(connection, $"PRAGMA {name} = {value}");
        }

        foreach (var (name, value) in settings)
        {
            var has = Convert.ToString(Scalar(connection, $"PRAGMA {name}"), CultureInfo.InvariantCulture);
            if (has != value)
            {
                throw new InvalidOperationException($"PRAGMA {name} is {has} for the limit and {value} for the engine.");
            }
        }

        return connection;
    }

    private async Task CheckpointAsync()
    {
        using var connection = await OpenAsync([]).ConfigureAwait(false);
        Execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    }

    private static List<string> Tables(SqliteConnection connection)
    {
        using var command = Command(connection, "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
        using var reader = command.ExecuteReader();
        var names = new List<string>();
        while (reader.Read())
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    private static Totals TotalsOf(SqliteConnection connection, string schema, string table)
    {
        var columns = Table.Columns(connection, table).Select(c => $"ifnull(length(CAST(\"{c.Name}\" AS BLOB)), 0)");
        using var command = Command(connection, $"SELECT count(*), ifnull(sum({string.Join(" + ", columns)}), 0) FROM {schema}.{table}");
        using var reader = command.ExecuteReader();
        reader.Read();
        return new Totals(reader.GetInt64(0), reader.GetInt64(1));
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = Command(connection, sql);
        command.ExecuteNonQuery();
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = Command(connection, sql);
        return command.ExecuteScalar();
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // Names of tables and columns come from the database's own catalog.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.CommandTimeout = 600;
        return command;
    }

    /// <summary>A table as the catalog describes it, and the rows that the engine has and the copy has not.</summary>
    private sealed class Table
    {
        private readonly string[] _columns;
        private string _sameRow = "";

        private Table(string name, string[] columns, string[] key)
        {
            Name = name;
            _columns = columns;
            SameKey = string.Join(" AND ", key.Select(k => $"b.\"{k}\" = a.\"{k}\""));
            SameValues = string.Join(" AND ", columns.Select(c => $"b.\"{c}\" IS a.\"{c}\""));
        }

        public string Name { get; }

        public string SameKey { get; }

        public string SameValues { get; }

        /// <summary>In the order in which the engine inserted them.</summary>
        public IReadOnlyList<object[]> Rows { get; private set; } = [];

        /// <summary>What the copy holds before the limit writes.</summary>
        public Totals Before { get; private set; }

        public static Table Read(SqliteConnection connection, string name)
        {
            var columns = Columns(connection, name);
            string[] key = [.. columns.Where(c => c.Key > 0).OrderBy(c => c.Key).Select(c => c.Name)];
            var table = new Table(name, [.. columns.Select(c => c.Name)], key);
            var withoutRowId = ((string)Scalar(connection, $"SELECT sql FROM main.sqlite_master WHERE name = '{name}'")!).Contains("WITHOUT ROWID", StringComparison.OrdinalIgnoreCase);
            var order = withoutRowId ? string.Join(", ", key.Select(k => $"a.\"{k}\"")) : "a.rowid";

            // Both files come from one: a row that was left alone has its old row id, which is found faster than a key.
            table._sameRow = withoutRowId ? table.SameKey : "b.rowid = a.rowid";
            table.Rows = Select(connection, $"SELECT a.* FROM engine.{name} a WHERE NOT EXISTS (SELECT 1 FROM main.{name} b WHERE {table._sameRow} AND {table.SameValues}) ORDER BY {order}");
            return table;
        }

        public static List<(string Name, long Key)> Columns(SqliteConnection connection, string table)
        {
            using var command = Command(connection, $"SELECT name, pk FROM pragma_table_info('{table}') ORDER BY cid");
            using var reader = command.ExecuteReader();
            var columns = new List<(string, long)>();
            while (reader.Read())
            {
                columns.Add((reader.GetString(0), reader.GetInt64(1)));
            }

            return columns;
        }

        /// <summary>Removes from the copy what the engine has changed or removed.</summary>
        public void TakeOutWhatChanged(SqliteConnection connection)
        {
            Execute(connection, $"DELETE FROM main.{Name} AS b WHERE NOT EXISTS (SELECT 1 FROM engine.{Name} a WHERE {_sameRow} AND {SameValues})");
            Before = TotalsOf(connection, "main", Name);
        }

        public InsertStatement Insert(SqliteConnection connection)
        {
            var text = new StringBuilder($"INSERT INTO main.{Name} (").AppendJoin(", ", _columns.Select(c => $"\"{c}\"")).Append(") VALUES (")
                .AppendJoin(", ", _columns.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"$p{i}"))).Append(')');
            return new InsertStatement(Command(connection, text.ToString()), _columns.Length);
        }

        private static List<object[]> Select(SqliteConnection connection, string sql)
        {
            using var command = Command(connection, sql);
            using var reader = command.ExecuteReader();
            var rows = new List<object[]>();
            while (reader.Read())
            {
                var row = new object[reader.FieldCount];
                reader.GetValues(row);
                rows.Add(row);
            }

            return rows;
        }
    }

    /// <summary>One prepared statement per table, run for each row.</summary>
    private sealed class PreparedInserts(SqliteConnection connection, List<Table> tables, int commits, Part? part) : Rewrite
    {
        public override Task<double> WriteAsync()
        {
            var started = Stopwatch.GetTimestamp();
            var inserts = tables.ConvertAll(t => t.Insert(connection));
            for (var commit = 0; commit < commits; commit++)
            {
                if (part is null || commit % part.Of == part.Number)
                {
                    Write(inserts, commit);
                }
            }

            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            inserts.ForEach(i => i.Dispose());
            return Task.FromResult(seconds);
        }

        public override Task<(Totals Engine, Totals Limit, string Tables)> CompareAsync()
        {
            var (engine, limit) = (default(Totals), default(Totals));
            foreach (var table in tables)
            {
                var (of, and) = (TotalsOf(connection, "engine", table.Name), TotalsOf(connection, "main", table.Name));
                var missing = (long)Scalar(connection, $"SELECT count(*) FROM engine.{table.Name} a WHERE NOT EXISTS (SELECT 1 FROM main.{table.Name} b WHERE {table.SameKey} AND {table.SameValues})")!;
                if (of != and || missing != 0)
                {
                    throw new InvalidOperationException($"{table.Name}: the engine wrote {of}, the limit {and}; {missing} rows differ.");
                }

                engine = new Totals(engine.Rows + of.Rows - table.Before.Rows, engine.Bytes + of.Bytes - table.Before.Bytes);
                limit = new Totals(limit.Rows + and.Rows - table.Before.Rows, limit.Bytes + and.Bytes - table.Before.Bytes);
            }

            return Task.FromResult((engine, limit, string.Join(' ', tables.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Name}:{t.Rows.Count}")))));
        }

        public override ValueTask DisposeAsync() => connection.DisposeAsync();

        private void Write(List<InsertStatement> inserts, int commit)
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            for (var t = 0; t < tables.Count; t++)
            {
                var rows = tables[t].Rows;
                for (var i = (int)((long)rows.Count * commit / commits); i < (int)((long)rows.Count * (commit + 1) / commits); i++)
                {
                    inserts[t].Run(transaction, rows[i]);
                }
            }

            transaction.Commit();
        }

        /// <summary>Compiles the path that is timed, on rows that are taken back.</summary>
        public void WarmUp()
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            foreach (var table in tables)
            {
                using var insert = table.Insert(connection);
                foreach (var row in table.Rows.Take(1000))
                {
                    insert.Run(transaction, row);
                }
            }

            transaction.Rollback();
        }
    }

    private sealed class InsertStatement : IDisposable
    {
        private readonly SqliteCommand _command;

        public InsertStatement(SqliteCommand command, int columns)
        {
            _command = command;
            for (var i = 0; i < columns; i++)
            {
                command.Parameters.Add(new SqliteParameter { ParameterName = string.Create(CultureInfo.InvariantCulture, $"$p{i}") });
            }

            command.Prepare();
        }

        public void Run(SqliteTransaction transaction, object[] row)
        {
            _command.Transaction = transaction;
            for (var i = 0; i < row.Length; i++)
            {
                _command.Parameters[i].Value = row[i];
            }

            _command.ExecuteNonQuery();
        }

        public void Dispose() => _command.Dispose();
    }
}
