using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata.Conventions;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>Keeps the rows of the engine in a PostgreSQL database (version 15 or newer).</summary>
/// <remarks>
/// Thread-safe. Any number of storages, in any number of processes, may use one database. Call <see cref="InitializeAsync"/> once before anything else.
/// A connection is held during a call only. Deadlocks, serialisation failures and lost connections are tried again as a whole call.
/// </remarks>
public sealed class PostgreSqlBillingStorage : EfBillingStorage<BillingDbContext>, IDisposable
{
    // The same for all storages, so that Entity Framework translates each query once in a process.
    private static readonly Lazy<IModel> DefaultModel = new(() => Model(null));

    private readonly PostgreSqlStorageOptions _options;
    private readonly PooledDbContextFactory<BillingDbContext> _contexts;
    private readonly ILogger _log;

    /// <summary>Creates the storage; nothing is opened yet.</summary>
    /// <param name="options">Database, schema, row security.</param>
    /// <param name="ids">Gives the ids of merged rollups.</param>
    /// <param name="log">Where warnings of the start-up go. Default: nowhere.</param>
    /// <exception cref="ArgumentException">The options name no database, or two.</exception>
    public PostgreSqlBillingStorage(PostgreSqlStorageOptions options, IIdGenerator ids, ILogger<PostgreSqlBillingStorage>? log = null)
        : this(options, ids, log, Contexts(options))
    {
    }

    private PostgreSqlBillingStorage(PostgreSqlStorageOptions options, IIdGenerator ids, ILogger? log, PooledDbContextFactory<BillingDbContext> contexts)
        : base(contexts, ids, new PostgreSqlBillingDatabase(options.RowSecurity, options.UseFastPath))
    {
        _options = options;
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
            var connection = Connect();
            await using var _ = connection.ConfigureAwait(false);
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
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

    /// <summary>Closes the pooled connections, unless the pool is the host's own.</summary>
    public void Dispose()
    {
        if (_options.DataSource is null)
        {
            using var connection = Connect();
            NpgsqlConnection.ClearPool(connection);
        }
    }

    private NpgsqlConnection Connect() => _options.DataSource?.CreateConnection() ?? new NpgsqlConnection(_options.ConnectionString);

    private static PooledDbContextFactory<BillingDbContext> Contexts(PostgreSqlStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var builder = new DbContextOptionsBuilder<BillingDbContext>();
        _ = (options.DataSource, options.ConnectionString) switch
        {
            ({ } source, null) => builder.UseNpgsql(source, Translate),
            (null, { } text) => builder.UseNpgsql(text, Translate),
            _ => throw new ArgumentException("The options name either a connection string or a data source.", nameof(options)),
        };
        builder
            .UseModel(options.Schema is null ? DefaultModel.Value : Model(options.Schema))
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
            .EnableThreadSafetyChecks(false);
        return new PooledDbContextFactory<BillingDbContext>(builder.Options);
    }

    /// <summary>Lists become one array parameter, so that a query has one text whatever it asks for.</summary>
    private static void Translate(NpgsqlDbContextOptionsBuilder npgsql) => npgsql.UseParameterizedCollectionMode(ParameterTranslationMode.Parameter);

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
