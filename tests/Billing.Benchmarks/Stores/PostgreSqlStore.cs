using System.Diagnostics;
using System.Globalization;
using Billing.Benchmarks.Plain;
using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Billing.Benchmarks.Stores;

/// <summary>A PostgreSQL database. The limit: binary COPY of bytes that are ready, by a role that row security does not hold back.</summary>
internal sealed class PostgreSqlStore : Store
{
    private const string Application = "billing_benchmark";
    private static readonly string[] Settings = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size"];

    private readonly List<PostgreSqlBillingStorage> _opened = [];
    private readonly string _database;
    private readonly bool _rowSecurity;
    private readonly bool _owned;
    private readonly long? _since;
    private int _copies;

    private PostgreSqlStore(string database, bool rowSecurity, bool owned, long? since = null) =>
        (_database, _rowSecurity, _owned, _since) = (database, rowSecurity, owned, since);

    /// <summary>Name, and for a copy the transaction from which on rows are newer than it.</summary>
    public override string Location => string.Create(CultureInfo.InvariantCulture, $"{_database}@{_since}");

    private string Admin => PostgreSqlServer.AddressOf(_database);

    public static PostgreSqlStore Make(Settings settings, string name)
    {
        var database = string.Create(CultureInfo.InvariantCulture, $"billing_benchmark_{Environment.ProcessId}_{name}");
        PostgreSqlServer.Execute("postgres", $"CREATE DATABASE {database}");
        var store = new PostgreSqlStore(database, settings.RowSecurity, owned: true);
        PostgreSqlServer.Execute(database, PostgreSqlBillingSchema.Script(0, new PostgreSqlSchemaOptions { RowSecurity = settings.RowSecurity }));
        PostgreSqlServer.Execute("postgres", $"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{Application}') THEN CREATE ROLE {Application} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{Application}'; END IF; END $$");
        PostgreSqlServer.Execute(database, PostgreSqlBillingSchema.GrantScript(Application));
        return store;
    }

    public static PostgreSqlStore At(Settings settings, string location)
    {
        var parts = location.Split('@');
        return new PostgreSqlStore(parts[0], settings.RowSecurity, owned: false, parts[1].Length == 0 ? null : long.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    /// <summary>The engine connects as an application does: with a role that owns nothing and that row security holds.</summary>
    public override IBillingStorage OpenStorage(IIdGenerator ids)
    {
        var storage = new PostgreSqlBillingStorage(
            new PostgreSqlStorageOptions { ConnectionString = PostgreSqlServer.AddressOf(_database, Application), RowSecurity = _rowSecurity, CreateTables = false }, ids);
        _opened.Add(storage);
        return storage;
    }

    public override async Task<string> DescribeAsync()
    {
        var (engine, limit) = (new List<string>(), new List<string>());
        foreach (var setting in Settings)
        {
            engine.Add($"{setting}={await ScalarAsync<string>(PostgreSqlServer.AddressOf(_database, Application), $"SHOW {setting}")}");
            limit.Add($"{setting}={await ScalarAsync<string>(Admin, $"SHOW {setting}")}");
        }

        return engine.SequenceEqual(limit)
            ? $"PostgreSQL {string.Join(", ", engine)}; row security {(_rowSecurity ? "on" : "off")}; engine and limit alike"
            : throw new InvalidOperationException($"Settings differ: engine {string.Join(", ", engine)}; limit {string.Join(", ", limit)}.");
    }

    public override Task SettleAsync() => ExecuteAsync(Admin, "CHECKPOINT");

    public override double ProcessorSeconds() => base.ProcessorSeconds() + PostgreSqlServer.ProcessorSeconds();

    public override async Task<Store> CopyAsync()
    {
        NpgsqlConnection.ClearAllPools();
        var name = string.Create(CultureInfo.InvariantCulture, $"{_database}_{_copies++}");
        PostgreSqlServer.Execute("postgres", $"CREATE DATABASE {name} TEMPLATE {_database} STRATEGY FILE_COPY");
        var since = await ScalarAsync<long>(Admin, "SELECT pg_current_xact_id()::text::bigint");
        return new PostgreSqlStore(name, _rowSecurity, owned: true, since);
    }

    public override async Task<Rewrite> PrepareAsync(Store engine, int commits, Part? part = null)
    {
        var other = (PostgreSqlStore)engine;

        // A copy that an engine works on knows since when; else the copy here was made when the engine's work began.
        var since = other._since ?? _since!.Value;
        var tables = new List<Table>();
        foreach (var table in await Table.ListAsync(other.Admin, since))
        {
            if (part is null)
            {
                await table.TakeOutAsync(other.Admin, Admin);
            }

            await table.ReadAsync(other.Admin, commits);
            tables.Add(table);
        }

        if (part is null)
        {
            await ExecuteAsync(Admin, $"VACUUM {string.Join(", ", tables.Select(t => t.Name))}");
        }

        return await RawCopy.OpenAsync(other.Admin, Admin, tables, commits, part);
    }

    public override async Task<double> CommitOneByOneAsync(Store engine, int count)
    {
        var other = (PostgreSqlStore)engine;
        var rows = new List<(object Value, string Type)[]>();
        await using (var source = await OpenAsync(other.Admin))
        {
            await using var read = Command(source, string.Create(CultureInfo.InvariantCulture, $"SELECT * FROM billing_usage_record WHERE xmin::text::bigint >= {other._since ?? _since} LIMIT {count}"));
            await using var reader = await read.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => (reader.GetValue(i), reader.GetDataTypeName(i)))]);
            }
        }

        if (rows.Count < count)
        {
            throw new InvalidOperationException($"{count} rows are wanted, the engine has written {rows.Count}.");
        }

        await using var target = await OpenAsync(Admin);
        await using var insert = Command(target, $"INSERT INTO billing_usage_record VALUES ({string.Join(", ", rows[0].Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"${i + 1}")))})");
        foreach (var (value, type) in rows[0])
        {
            insert.Parameters.Add(new NpgsqlParameter { Value = value, DataTypeName = type });
        }

        await insert.PrepareAsync();
        var started = Stopwatch.GetTimestamp();
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
            {
                insert.Parameters[i].Value = row[i].Value;
            }

            await insert.ExecuteNonQueryAsync();
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public override DbContextOptions<LoopContext> LoopDatabase()
    {
        PostgreSqlServer.Execute("postgres", $"CREATE DATABASE {_database}_loop");
        return new DbContextOptionsBuilder<LoopContext>().UseNpgsql(PostgreSqlServer.AddressOf(_database + "_loop")).Options;
    }

    public override async Task<Totals> TotalsAsync()
    {
        var total = default(Totals);
        foreach (var table in await Table.NamesAsync(Admin))
        {
            var (rows, bytes, _) = await Table.SumAsync(Admin, table);
            total = new Totals(total.Rows + rows, total.Bytes + bytes);
        }

        return total;
    }

    public override ValueTask DisposeAsync()
    {
        _opened.ForEach(s => s.Dispose());
        NpgsqlConnection.ClearAllPools();
        if (_owned)
        {
            PostgreSqlServer.Execute("postgres", $"DROP DATABASE IF EXISTS {_database} WITH (FORCE)");
            PostgreSqlServer.Execute("postgres", $"DROP DATABASE IF EXISTS {_database}_loop WITH (FORCE)");
        }

        return ValueTask.CompletedTask;
    }

    private static async Task<NpgsqlConnection> OpenAsync(string address)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await connection.OpenAsync();
        return connection;
    }

    private static async Task ExecuteAsync(string address, string sql)
    {
        await using var connection = await OpenAsync(address);
        await using var command = Command(connection, sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<T> ScalarAsync<T>(string address, string sql)
    {
        await using var connection = await OpenAsync(address);
        await using var command = Command(connection, sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // Names of tables and columns come from the database's own catalog.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.CommandTimeout = 600;
        return command;
    }

    /// <summary>A table as the catalog describes it, and the rows that the engine has and the copy has not.</summary>
    private sealed class Table(string name, string columns, string[] key, long since)
    {
        /// <summary>Rows that transactions wrote since the copy was made, in the order in which they lie in the table.</summary>
        private readonly string _written = string.Create(CultureInfo.InvariantCulture, $"FROM {name} AS t WHERE t.xmin::text::bigint >= {since}");

        public string Name => name;

        /// <summary>What each commit writes, in the format of binary COPY.</summary>
        public List<byte[]> Chunks { get; } = [];

        public long Rows { get; private set; }

        public (long Rows, long Bytes) Before { get; private set; }

        public string CopyIn => $"COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)";

        public static async Task<List<string>> NamesAsync(string address)
        {
            await using var connection = await OpenAsync(address);
            await using var command = Command(connection, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname");
            await using var reader = await command.ExecuteReaderAsync();
            var names = new List<string>();
            while (await reader.ReadAsync())
            {
                names.Add(reader.GetString(0));
            }

            return names;
        }

        /// <summary>The tables that hold rows which were written since.</summary>
        public static async Task<List<Table>> ListAsync(string address, long since)
        {
            var tables = new List<Table>();
            foreach (var name in await NamesAsync(address))
            {
                var columns = await ScalarAsync<string>(address, $"SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped");
                var key = await ScalarAsync<string[]>(address, $"SELECT array_agg(quote_ident(a.attname)::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = '{name}'::regclass AND i.indisprimary");
                var table = new Table(name, columns, key, since) { Rows = 0 };
                table.Rows = await ScalarAsync<long>(address, $"SELECT count(*) {table._written}");
                if (table.Rows > 0)
                {
                    tables.Add(table);
                }
            }

            return tables;
        }

        /// <summary>Rows, bytes of their text and a sum of their hashes, which does not depend on their order.</summary>
        public static async Task<(long Rows, long Bytes, string Hash)> SumAsync(string address, string table)
        {
            await using var connection = await OpenAsync(address);
            await using var command = Command(connection, $"SELECT count(*), coalesce(sum(octet_length(t::text)), 0)::bigint, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {table} AS t");
            await using var reader = await command.ExecuteReaderAsync();
            await reader.ReadAsync();
            return (reader.GetInt64(0), reader.GetInt64(1), reader.GetString(2));
        }

        /// <summary>Removes from the copy what the engine has replaced.</summary>
        public async Task TakeOutAsync(string engine, string copy)
        {
            await using var source = await OpenAsync(engine);
            await using var target = await OpenAsync(copy);
            var names = string.Join(", ", key);
            await using (var create = Command(target, $"CREATE TEMP TABLE replaced AS SELECT {names} FROM {name} LIMIT 0"))
            {
                await create.ExecuteNonQueryAsync();
            }

            await using (var from = await source.BeginRawBinaryCopyAsync($"COPY (SELECT {names} {_written}) TO STDOUT (FORMAT BINARY)"))
            await using (var to = await target.BeginRawBinaryCopyAsync("COPY replaced FROM STDIN (FORMAT BINARY)"))
            {
                await from.CopyToAsync(to);
            }

            await using var delete = Command(target, $"DELETE FROM {name} AS t USING replaced AS r WHERE {string.Join(" AND ", key.Select(k => $"t.{k} = r.{k}"))}");
            await delete.ExecuteNonQueryAsync();
            var (rows, bytes, _) = await SumAsync(copy, name);
            Before = (rows, bytes);
        }

        public async Task ReadAsync(string engine, int commits)
        {
            await using var source = await OpenAsync(engine);
            for (var commit = 0; commit < commits; commit++)
            {
                var (from, to) = (Rows * commit / commits, Rows * (commit + 1) / commits);
                await using var raw = await source.BeginRawBinaryCopyAsync(string.Create(
                    CultureInfo.InvariantCulture, $"COPY (SELECT {columns} {_written} ORDER BY t.ctid OFFSET {from} LIMIT {to - from}) TO STDOUT (FORMAT BINARY)"));
                using var bytes = new MemoryStream();
                await raw.CopyToAsync(bytes);
                Chunks.Add(bytes.ToArray());
            }
        }
    }

    /// <summary>COPY of bytes as the server gave them: the client does no work.</summary>
    private sealed class RawCopy : Rewrite
    {
        private readonly string _engine;
        private readonly string _copy;
        private readonly List<Table> _tables;
        private readonly int _commits;
        private readonly Part? _part;
        private readonly NpgsqlConnection _connection;

        private RawCopy(string engine, string copy, List<Table> tables, int commits, Part? part, NpgsqlConnection connection) =>
            (_engine, _copy, _tables, _commits, _part, _connection) = (engine, copy, tables, commits, part, connection);

        public static async Task<RawCopy> OpenAsync(string engine, string copy, List<Table> tables, int commits, Part? part) =>
            new(engine, copy, tables, commits, part, await PostgreSqlStore.OpenAsync(copy));

        public override async Task<double> WriteAsync()
        {
            var started = Stopwatch.GetTimestamp();
            for (var commit = 0; commit < _commits; commit++)
            {
                if (_part is null || commit % _part.Of == _part.Number)
                {
                    await using var transaction = await _connection.BeginTransactionAsync();
                    foreach (var table in _tables)
                    {
                        await using var raw = await _connection.BeginRawBinaryCopyAsync(table.CopyIn);
                        await raw.WriteAsync(table.Chunks[commit]);
                    }

                    await transaction.CommitAsync();
                }
            }

            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        public override async Task<(Totals Engine, Totals Limit, string Tables)> CompareAsync()
        {
            var (engine, limit) = (default(Totals), default(Totals));
            foreach (var table in _tables)
            {
                var (of, and) = (await Table.SumAsync(_engine, table.Name), await Table.SumAsync(_copy, table.Name));
                if (of != and)
                {
                    throw new InvalidOperationException($"{table.Name}: the engine wrote {of}, the limit {and}.");
                }

                engine = new Totals(engine.Rows + of.Rows - table.Before.Rows, engine.Bytes + of.Bytes - table.Before.Bytes);
                limit = new Totals(limit.Rows + and.Rows - table.Before.Rows, limit.Bytes + and.Bytes - table.Before.Bytes);
            }

            return (engine, limit, string.Join(' ', _tables.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Name}:{t.Rows}"))));
        }

        public override ValueTask DisposeAsync() => _connection.DisposeAsync();
    }
}
