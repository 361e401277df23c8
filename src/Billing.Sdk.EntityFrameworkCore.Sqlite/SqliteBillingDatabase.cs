using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Billing.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using SQLitePCL;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>What SQLite does in its own way; also for a host that keeps the engine's tables in its own SQLite context.</summary>
public sealed partial class SqliteBillingDatabase : BillingDatabase, IDisposable
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int PrimaryKeyViolation = 1555;
    private const int UniqueViolation = 2067;

    private readonly ConcurrentDictionary<IEntityType, RowStatements> _statements = new();
    private readonly ConcurrentDictionary<IEntityType, DueStatements> _due = new();
    private readonly SemaphoreSlim _writer = new(1, 1);
    private readonly bool _useFastPath;
    private readonly ConditionalWeakTable<sqlite3, StatementCache>? _kept;

    /// <summary>Creates the object.</summary>
    /// <param name="useFastPath">Whether rows are written and read by prepared statements instead of by Entity Framework.</param>
    public SqliteBillingDatabase(bool useFastPath = true)
        : this(useFastPath, keepsStatements: false)
    {
    }

    /// <param name="useFastPath">Whether rows are written and read by prepared statements instead of by Entity Framework.</param>
    /// <param name="keepsStatements">
    /// Whether statements stay prepared as long as their connection is open: for connections of a pool that is closed together with this object. A host's connection could not be closed
    /// as long as a statement is open on it.
    /// </param>
    internal SqliteBillingDatabase(bool useFastPath, bool keepsStatements)
    {
        _useFastPath = useFastPath;
        _kept = keepsStatements ? [] : null;
    }

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

        using var session = Open(context);
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            session.For(row, static s => s.Insert).Bind(row, session.Statement);
            session.Cache.Run(session.Statement);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<bool>?> InsertNewAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        if (!_useFastPath)
        {
            return base.InsertNewAsync(context, rows, cancellationToken);
        }

        using var session = Open(context);
        var isNew = new bool[rows.Count];
        for (var i = 0; i < isNew.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            session.For(rows[i], static s => s.InsertNew).Bind(rows[i], session.Statement);
            isNew[i] = session.Cache.RunCounted(session.Statement) > 0;
        }

        return Task.FromResult<IReadOnlyList<bool>?>(isNew);
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<object>> UpdateAsync(DbContext context, IReadOnlyList<StoredRow> rows, bool each, CancellationToken cancellationToken) =>
        _useFastPath ? Task.FromResult(Change(context, rows, static s => s.Update, each, cancellationToken)) : base.UpdateAsync(context, rows, each, cancellationToken);

    /// <inheritdoc/>
    public override Task<IReadOnlyList<object>> DeleteAsync(DbContext context, IReadOnlyList<StoredRow> rows, CancellationToken cancellationToken) =>
        _useFastPath ? Task.FromResult(Change(context, rows, static s => s.Delete, each: false, cancellationToken)) : base.DeleteAsync(context, rows, cancellationToken);

    /// <inheritdoc/>
    public override Task<bool> SetDueAsync(DbContext context, TenantId tenant, IReadOnlyList<DueChange> changes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(changes);
        if (!_useFastPath)
        {
            return base.SetDueAsync(context, tenant, changes, cancellationToken);
        }

        using var session = Open(context);
        var due = _due.GetOrAdd(EntityOf(context, typeof(DueItem)), static entity => new DueStatements(entity));
        foreach (var change in changes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            due.Set(session.Cache, tenant, change);
        }

        return Task.FromResult(true);
    }

    /// <inheritdoc/>
    public override Task<bool> MarkDueAsync(DbContext context, IReadOnlyList<DueItem> marks, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(marks);
        if (!_useFastPath)
        {
            return base.MarkDueAsync(context, marks, cancellationToken);
        }

        using var session = Open(context);
        var due = _due.GetOrAdd(EntityOf(context, typeof(DueItem)), static entity => new DueStatements(entity));
        foreach (var mark in marks)
        {
            due.Mark(session.Cache, mark);
        }

        return Task.FromResult(true);
    }

    /// <summary>Frees what is kept. No call may be under way.</summary>
    public void Dispose()
    {
        foreach (var (_, cache) in _kept ?? [])
        {
            cache.Dispose();
        }

        _kept?.Clear();
        _writer.Dispose();
    }

    private IReadOnlyList<object> Change(
        DbContext context, IReadOnlyList<StoredRow> rows, Func<RowStatements, string> sql, bool each, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        using var session = Open(context);
        List<object>? missing = null;
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            session.For(row.Row, sql).Bind(row.Row, row.StoredVersion, session.Statement);
            if (session.Cache.RunCounted(session.Statement) == 0)
            {
                (missing ??= []).Add(row.Row);
                if (!each)
                {
                    break;
                }
            }
        }

        return missing ?? [];
    }

    private Session Open(DbContext context)
    {
        var handle = ((SqliteConnection)context.Database.GetDbConnection()).Handle ?? throw new InvalidOperationException("The connection is not open.");
        return _kept is null
            ? new Session(this, context, new StatementCache(handle), isKept: false)
            : new Session(this, context, _kept.GetValue(handle, static h => new StatementCache(h)), isKept: true);
    }

    private static IEntityType EntityOf(DbContext context, Type type) =>
        context.Model.FindEntityType(type)
        ?? throw new InvalidOperationException($"The model of {context.GetType().Name} has no {type.Name}: call UseBilling in OnModelCreating.");

    private static Exception? Cause(Exception exception) => exception is DbUpdateException ? exception.InnerException : exception;

    /// <summary>One call's use of a connection.</summary>
    private sealed class Session(SqliteBillingDatabase database, DbContext context, StatementCache cache, bool isKept) : IDisposable
    {
        private Type? _type;
        private RowStatements? _statements;

        public StatementCache Cache => cache;

        /// <summary>The statement for the type of the last row.</summary>
        public Statement Statement { get; private set; } = null!;

        /// <summary>What binds the row to <see cref="Statement"/>. Rows of one type follow each other mostly.</summary>
        public RowStatements For(object row, Func<RowStatements, string> sql)
        {
            if (row.GetType() != _type || _statements is null)
            {
                _type = row.GetType();
                _statements = database._statements.GetOrAdd(EntityOf(context, _type), static type => new RowStatements(type));
                Statement = cache.Prepare(sql(_statements));
            }

            return _statements;
        }

        public void Dispose()
        {
            if (!isKept)
            {
                cache.Dispose();
            }
        }
    }

    private sealed class Turn(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
