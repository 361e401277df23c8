using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata.Conventions;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>Keeps the rows of the engine in a PostgreSQL database (version 15 or newer).</summary>
/// <remarks>
/// Thread-safe. Any number of storages, in any number of processes, may use one database. Call <see cref="InitializeAsync"/> once before anything else.
/// A connection is held during a call only. Deadlocks, serialisation failures and lost connections are tried again as a whole call.
/// </remarks>
public sealed class PostgreSqlBillingStorage : EfBillingStorage<BillingDbContext>, IAsyncDisposable, IDisposable
{
    private readonly PostgreSqlStorageOptions _options;
    private readonly NpgsqlDataSource _source;
    private readonly PooledDbContextFactory<BillingDbContext> _contexts;
    private readonly ILogger _log;

    /// <summary>Creates the storage; nothing is opened yet.</summary>
    /// <param name="options">Database, schema, row security.</param>
    /// <param name="ids">Gives the ids of merged rollups.</param>
    /// <param name="log">Where warnings of the start-up go. Default: nowhere.</param>
    /// <exception cref="ArgumentException">The options name no database, or two.</exception>
    public PostgreSqlBillingStorage(PostgreSqlStorageOptions options, IIdGenerator ids, ILogger<PostgreSqlBillingStorage>? log = null)
        : this(options, ids, log, Source(options))
    {
    }

    private PostgreSqlBillingStorage(PostgreSqlStorageOptions options, IIdGenerator ids, ILogger? log, NpgsqlDataSource source)
        : this(options, ids, log, source, Contexts(options, source))
    {
    }

    private PostgreSqlBillingStorage(
        PostgreSqlStorageOptions options, IIdGenerator ids, ILogger? log, NpgsqlDataSource source, PooledDbContextFactory<BillingDbContext> contexts)
        : base(contexts, ids, new PostgreSqlBillingDatabase(options.RowSecurity, options.UseFastPath))
    {
        _options = options;
        _source = source;
        _contexts = contexts;
        _log = log ?? NullLogger.Instance;
    }

    /// <summary>
    /// Creates the tables in a database without them; checks them in one that has them. Tables of an older or newer schema, or without the row security that the options ask
    /// for, are refused with a <see cref="BillingException"/> of code <c>storage</c> and left as they are. Settings of the server that lose commits are warned of.
    /// </summary>
    public override async Task InitializeAsync(CancellationToken cancellationToken)
    {
        try
        {
            var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using var _ = connection.ConfigureAwait(false);
            await PostgreSqlBillingSchema.EnsureAsync(connection, _options, cancellationToken).ConfigureAwait(false);
            await StartCheck.RunAsync(connection, _options, _log, cancellationToken).ConfigureAwait(false);
        }
        catch (NpgsqlException exception)
        {
            throw new BillingException(BillingErrorCodes.Storage, $"The PostgreSQL database cannot be used: {exception.Message}", exception) { Subject = "database" };
        }
    }

    /// <summary>
    /// A context on the database: for queries of the host's own and for <see cref="EfBillingStorage{TContext}.CommitAsync(Billing.Storage.BillingBatch, DbContext, CancellationToken)"/>.
    /// The caller disposes it. With row security a query sees nothing until its transaction says whose rows it wants (<see cref="PostgreSqlBillingDatabase.TenantSetting"/>).
    /// </summary>
    public BillingDbContext CreateContext() => _contexts.CreateDbContext();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_options.DataSource is null)
        {
            _source.Dispose();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _options.DataSource is null ? _source.DisposeAsync() : ValueTask.CompletedTask;

    private static NpgsqlDataSource Source(PostgreSqlStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return (options.DataSource, options.ConnectionString) switch
        {
            ({ } source, null) => source,
            (null, { } text) => NpgsqlDataSource.Create(text),
            _ => throw new ArgumentException("The options name either a connection string or a data source.", nameof(options)),
        };
    }

    private static PooledDbContextFactory<BillingDbContext> Contexts(PostgreSqlStorageOptions options, NpgsqlDataSource source)
    {
        var builder = new DbContextOptionsBuilder<BillingDbContext>()
            .UseNpgsql(source, npgsql => npgsql.UseParameterizedCollectionMode(ParameterTranslationMode.Parameter))
            .UseModel(Model(options.Schema))
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
            .EnableThreadSafetyChecks(false);
        return new PooledDbContextFactory<BillingDbContext>(builder.Options);
    }

    private static IModel Model(string? schema)
    {
        var model = NpgsqlConventionSetBuilder.CreateModelBuilder();
        if (schema is not null)
        {
            model.HasDefaultSchema(schema);
        }

        model.UseBilling(PostgreSqlBillingColumns.Instance);
        return model.FinalizeModel();
    }
}
