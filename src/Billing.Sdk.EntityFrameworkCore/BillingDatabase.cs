using System.Data;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage;

namespace Billing.EntityFrameworkCore;

/// <summary>A row to replace or delete, with the version that must be stored.</summary>
/// <param name="Row">The row as it will be (for a delete: as it was).</param>
/// <param name="StoredVersion">The version that must be stored; <see langword="null"/>: the row has no version, it must merely be there.</param>
public sealed record StoredRow(object Row, long? StoredVersion);

/// <summary>What a commit wants of a payer's due item.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="PayerId">The payer.</param>
/// <param name="DueAt">From when on it is due; <see langword="null"/>: it is not.</param>
/// <param name="Seen">The version that the commit was computed from; <see langword="null"/>: there was no item.</param>
public sealed record DueChange(DueKind Kind, string PayerId, NodaTime.Instant? DueAt, long? Seen);

/// <summary>What differs between databases: transactions, errors, and ways to write faster than <c>SaveChanges</c>. The defaults are right for every relational provider.</summary>
/// <remarks>Rows are objects of the model's entity types. Implementations are thread-safe. Nothing stays in the change tracker.</remarks>
public partial class BillingDatabase
{
    /// <summary>How often a call is tried when <see cref="IsTransient"/> says that it may succeed another time. Default 5.</summary>
    public virtual int MaximumAttempts => 5;

    /// <summary>
    /// Whether the database itself shows a transaction one tenant's rows only (row security). Every call then has a transaction that says whose it is, and what
    /// concerns all tenants is done tenant by tenant. Default false.
    /// </summary>
    public virtual bool ConfinesTenants => false;

    /// <summary>Begins a transaction whose reads all see one moment. Default: repeatable read.</summary>
    /// <param name="context">The context.</param>
    /// <param name="tenant">Whose rows are read; <see langword="null"/>: only tables that are not confined.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual Task<IDbContextTransaction> BeginReadAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
    }

    /// <summary>Begins a transaction that writes. Default: the provider's default isolation.</summary>
    /// <param name="context">The context.</param>
    /// <param name="tenant">Whose rows are written; <see langword="null"/>: of several tenants, which happens only where <see cref="ConfinesTenants"/> is false.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual Task<IDbContextTransaction> BeginWriteAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Database.BeginTransactionAsync(cancellationToken);
    }

    /// <summary>Says in the host's open transaction whose rows follow. Default: nothing.</summary>
    public virtual Task EnterTenantAsync(DbContext context, TenantId tenant, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Commits what <see cref="BeginWriteAsync"/> began. A database that can tell whether a commit whose answer was lost took place does so here. Default: commits.</summary>
    public virtual Task CommitAsync(DbContext context, IDbContextTransaction transaction, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        return transaction.CommitAsync(cancellationToken);
    }

    /// <summary>
    /// Waits until no other transaction gives numbers of a series, until this one ends. Without it two pages that number at the same time are right too: the later one is made
    /// again. Default: no waiting.
    /// </summary>
    public virtual Task LockNumbersAsync(DbContext context, TenantId tenant, string legalEntity, string series, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Waits for its turn to write, where a database has one writer at a time; disposed after the transaction. Default: no waiting.</summary>
    public virtual ValueTask<IDisposable?> EnterWriteAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IDisposable?>(null);

    /// <summary>Waits until no other transaction leases messages of the tenant (<see langword="null"/>: of any), until this one ends. Without it a lease that lost is made again. Default: no waiting.</summary>
    public virtual Task LockOutboxAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Waits until no other transaction marks these payers as due, until this one ends. Without it a commit is made again when a payer was marked meanwhile. Default: no waiting.
    /// </summary>
    public virtual Task LockDueAsync(DbContext context, TenantId tenant, IReadOnlyList<string> payerIds, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Marks due items by the rule of <see cref="StorageRules.Mark"/> without reading them first. Gives whether it did; if not, they are read and written. Default: it does not.</summary>
    /// <param name="context">The context, in a transaction that writes.</param>
    /// <param name="marks">At most one for each tenant, kind and payer.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual Task<bool> MarkDueAsync(DbContext context, IReadOnlyList<DueItem> marks, CancellationToken cancellationToken) => Task.FromResult(false);

    /// <summary>
    /// Sets and removes payers' due items by the rule of <see cref="StorageRules.After"/> without reading them first. Gives whether it did; if not, they are read and written. Default: it does not.
    /// </summary>
    /// <param name="context">The context, in a transaction that writes.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="changes">At most one for each kind and payer.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual Task<bool> SetDueAsync(DbContext context, TenantId tenant, IReadOnlyList<DueChange> changes, CancellationToken cancellationToken) => Task.FromResult(false);

    /// <summary>Inserts those rows whose keys are free. Says of each whether it was; <see langword="null"/>: the database has no way of its own, and nothing was done. Default: null.</summary>
    /// <param name="context">The context, in a transaction that writes.</param>
    /// <param name="rows">Rows of one type with different keys.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual Task<IReadOnlyList<bool>?> InsertNewAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<bool>?>(null);

    /// <summary>Whether the error says that a unique key is taken. Default: what SQL states 23505 and 23000 say.</summary>
    public virtual bool IsUniqueViolation(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var cause = exception is DbUpdateException ? exception.InnerException : exception;
        return cause is System.Data.Common.DbException { SqlState: "23505" or "23000" };
    }

    /// <summary>Whether the call may succeed when it is made again (a locked database, a deadlock). Default: what the provider says.</summary>
    public virtual bool IsTransient(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var cause = exception is DbUpdateException ? exception.InnerException : exception;
        return cause is System.Data.Common.DbException { IsTransient: true };
    }

    /// <summary>Inserts rows, of any types. A taken key is an exception that <see cref="IsUniqueViolation"/> knows; the caller then goes back to its savepoint.</summary>
    public virtual async Task InsertAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        await SaveAsync(context, rows.Select(r => Track(context, new StoredRow(r, null), EntityState.Added)), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Replaces rows. Gives those that are not there with the version stated.</summary>
    /// <param name="context">The context.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="each">Whether all others are written when one is not there; else the answer names at least one and the caller goes back to its savepoint.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public virtual Task<IReadOnlyList<object>> UpdateAsync(DbContext context, IReadOnlyList<StoredRow> rows, bool each, CancellationToken cancellationToken) =>
        ChangeAsync(context, rows, EntityState.Modified, each, cancellationToken);

    /// <summary>Deletes rows. Gives those that are not there with the version stated; the caller then goes back to its savepoint.</summary>
    public virtual Task<IReadOnlyList<object>> DeleteAsync(DbContext context, IReadOnlyList<StoredRow> rows, CancellationToken cancellationToken) =>
        ChangeAsync(context, rows, EntityState.Deleted, each: false, cancellationToken);

    private static async Task<IReadOnlyList<object>> ChangeAsync(
        DbContext context, IReadOnlyList<StoredRow> rows, EntityState state, bool each, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        var missing = new List<object>();
        foreach (var part in each ? rows.Chunk(1) : rows.Chunk(Math.Max(1, rows.Count)))
        {
            try
            {
                await SaveAsync(context, part.Select(r => Track(context, r, state)), cancellationToken).ConfigureAwait(false);
            }
            catch (DbUpdateConcurrencyException exception)
            {
                missing.AddRange(exception.Entries.Select(e => e.Entity));
            }
        }

        return missing;
    }

    private static EntityEntry Track(DbContext context, StoredRow row, EntityState state)
    {
        var entry = context.Entry(row.Row);
        try
        {
            entry.State = state;
        }
        catch (InvalidOperationException exception) when (state == EntityState.Added)
        {
            // The tracker refuses a second row with a key as the database would.
            throw new TakenKeyException(exception);
        }

        if (row.StoredVersion is { } version)
        {
            entry.Property(entry.Metadata.GetProperties().Single(p => p.IsConcurrencyToken).Name).OriginalValue = version;
        }

        return entry;
    }

    private static async Task SaveAsync(DbContext context, IEnumerable<EntityEntry> entries, CancellationToken cancellationToken)
    {
        var tracked = new List<EntityEntry>();
        try
        {
            foreach (var entry in entries)
            {
                tracked.Add(entry);
            }

            if (tracked.Count > 0)
            {
                await context.SaveChangesAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var entry in tracked)
            {
                entry.State = EntityState.Detached;
            }
        }
    }
}

/// <summary>Two rows that are to be inserted together have one key.</summary>
internal sealed class TakenKeyException(Exception cause) : Exception(cause.Message, cause);
