using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Keeps the rows of the engine in one SQLite file: the embedded default.</summary>
/// <remarks>
/// Thread-safe. Several storages, in one process or several on one machine, may use one file; one of them writes at a time. A commit is on the disk
/// when its call returns. Call <see cref="InitializeAsync"/> once before anything else. Disposing closes the pooled connections.
/// </remarks>
public sealed class SqliteBillingStorage : EfBillingStorage<BillingDbContext>, IDisposable
{
    private readonly SqliteBillingDatabase _database;
    private readonly PooledDbContextFactory<BillingDbContext> _contexts;
    private readonly string _connectionString;
    private readonly string _path;

    /// <summary>Creates the storage; nothing is opened yet.</summary>
    /// <param name="options">Where the file is and how it is written.</param>
    /// <param name="ids">Gives the ids of merged rollups.</param>
    public SqliteBillingStorage(SqliteStorageOptions options, IIdGenerator ids)
        : this(options, ids, Contexts(options), new SqliteBillingDatabase(options.UseFastPath, keepsStatements: true))
    {
    }

    private SqliteBillingStorage(SqliteStorageOptions options, IIdGenerator ids, PooledDbContextFactory<BillingDbContext> contexts, SqliteBillingDatabase database)
        : base(contexts, ids, database)
    {
        _database = database;
        _contexts = contexts;
        _connectionString = ConnectionString(options);
        _path = options.Path;
    }

    /// <summary>Creates the storage for a file with all defaults.</summary>
    public SqliteBillingStorage(string path, IIdGenerator ids)
        : this(new SqliteStorageOptions { Path = path }, ids)
    {
    }

    /// <summary>
    /// Creates the schema in an empty file; checks it in one that holds it. A file that is damaged, no database, or of an older or newer schema is refused
    /// with a <see cref="BillingException"/> of code <c>storage</c> that names it, and is left as it is.
    /// </summary>
    public override async Task InitializeAsync(CancellationToken cancellationToken)
    {
        try
        {
            var connection = new SqliteConnection(_connectionString);
            await using var _ = connection.ConfigureAwait(false);
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            await SqliteBillingSchema.EnsureAsync(connection, _path, cancellationToken).ConfigureAwait(false);
            await SqliteBillingSchema.ExecuteAsync(connection, "PRAGMA journal_mode = WAL;", cancellationToken).ConfigureAwait(false);
        }
        catch (SqliteException exception)
        {
            throw new BillingException(BillingErrorCodes.Storage, $"The database file '{_path}' cannot be used: {exception.Message}", exception) { Subject = "database", SubjectId = _path };
        }
    }

    /// <summary>A context on the file with the storage's settings: for queries of the host's own and for <see cref="EfBillingStorage{TContext}.CommitAsync(Billing.Storage.BillingBatch, DbContext, CancellationToken)"/>. The caller disposes it.</summary>
    public BillingDbContext CreateContext() => _contexts.CreateDbContext();

    /// <inheritdoc/>
    public void Dispose()
    {
        _database.Dispose();
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
    }

    private static string ConnectionString(SqliteStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new SqliteConnectionStringBuilder
        {
            DataSource = options.Path,
            Mode = SqliteOpenMode.ReadWriteCreate,
            ForeignKeys = false,
            DefaultTimeout = Math.Max(1, (int)options.BusyTimeout.TotalSeconds),
        }.ToString();
    }

    private static PooledDbContextFactory<BillingDbContext> Contexts(SqliteStorageOptions options)
    {
        var pragmas = string.Create(
            CultureInfo.InvariantCulture,
            $"PRAGMA synchronous = FULL; PRAGMA busy_timeout = {(long)options.BusyTimeout.TotalMilliseconds}; PRAGMA wal_autocheckpoint = {options.CheckpointPages}; PRAGMA cache_size = -{options.CacheKibibytes}; PRAGMA temp_store = MEMORY;");
        var builder = new DbContextOptionsBuilder<BillingDbContext>()
            .UseSqlite(ConnectionString(options), sqlite => sqlite.UseParameterizedCollectionMode(ParameterTranslationMode.Parameter))
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
            .EnableThreadSafetyChecks(false)
            .AddInterceptors(new ConnectionSettings(pragmas));
        return new PooledDbContextFactory<BillingDbContext>(builder.Options);
    }
}
