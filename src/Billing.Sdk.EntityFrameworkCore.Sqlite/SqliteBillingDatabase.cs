using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>What SQLite does in its own way; also for a host that keeps the engine's tables in its own SQLite context.</summary>
public sealed class SqliteBillingDatabase : BillingDatabase, IDisposable
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int PrimaryKeyViolation = 1555;
    private const int UniqueViolation = 2067;

    private readonly ConcurrentDictionary<IEntityType, RowStatements> _statements = new();
    private readonly SemaphoreSlim _writer = new(1, 1);
    private readonly bool _useFastPath;

    /// <summary>Creates the object.</summary>
    /// <param name="useFastPath">Whether rows are written by prepared statements instead of by <c>SaveChanges</c>.</param>
    public SqliteBillingDatabase(bool useFastPath = true) => _useFastPath = useFastPath;

    /// <inheritdoc/>
    public override int MaximumAttempts => 3;

    /// <inheritdoc/>
    public override async Task<IDbContextTransaction> BeginReadAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        await context.Database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);

        // Deferred: a reader takes no write lock. The connection rolls it back when it closes.
        var transaction = ((SqliteConnection)context.Database.GetDbConnection()).BeginTransaction(deferred: true);
        return new ReadTransaction(context, (await context.Database.UseTransactionAsync(transaction, cancellationToken).ConfigureAwait(false))!, transaction);
    }

    /// <inheritdoc/>
    public override async ValueTask<IDisposable?> EnterWriteAsync(CancellationToken cancellationToken)
    {
        await _writer.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Turn(_writer);
    }

    /// <inheritdoc/>
    public override bool IsUniqueViolation(Exception exception) =>
        Cause(exception) is SqliteException { SqliteExtendedErrorCode: PrimaryKeyViolation or UniqueViolation };

    /// <inheritdoc/>
    public override bool IsTransient(Exception exception) => Cause(exception) is SqliteException { SqliteErrorCode: Busy or Locked };

    /// <inheritdoc/>
    public override Task InsertAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        if (!_useFastPath)
        {
            return base.InsertAsync(context, rows, cancellationToken);
        }

        using var session = new StatementSession(context);
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            session.Run(StatementsOf(context, row), RowStatement.Insert, row, null);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<object>> UpdateAsync(DbContext context, IReadOnlyList<StoredRow> rows, bool each, CancellationToken cancellationToken) =>
        _useFastPath ? Task.FromResult(Change(context, rows, RowStatement.Update, each, cancellationToken)) : base.UpdateAsync(context, rows, each, cancellationToken);

    /// <inheritdoc/>
    public override Task<IReadOnlyList<object>> DeleteAsync(DbContext context, IReadOnlyList<StoredRow> rows, CancellationToken cancellationToken) =>
        _useFastPath ? Task.FromResult(Change(context, rows, RowStatement.Delete, each: false, cancellationToken)) : base.DeleteAsync(context, rows, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private IReadOnlyList<object> Change(DbContext context, IReadOnlyList<StoredRow> rows, RowStatement statement, bool each, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        using var session = new StatementSession(context);
        var missing = new List<object>();
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (session.Run(StatementsOf(context, row.Row), statement, row.Row, row.StoredVersion) == 0)
            {
                missing.Add(row.Row);
                if (!each)
                {
                    break;
                }
            }
        }

        return missing;
    }

    private RowStatements StatementsOf(DbContext context, object row)
    {
        var entity = context.Model.FindEntityType(row.GetType())
            ?? throw new InvalidOperationException($"The model of {context.GetType().Name} has no {row.GetType().Name}: call UseBilling in OnModelCreating.");
        return _statements.GetOrAdd(entity, static type => new RowStatements(type));
    }

    private static Exception? Cause(Exception exception) => exception is DbUpdateException ? exception.InnerException : exception;

    private sealed class Turn(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
