using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>A transaction that only reads; it and the connection are let go together.</summary>
internal sealed class ReadTransaction(DbContext context, IDbContextTransaction known, SqliteTransaction transaction) : IDbContextTransaction
{
    public Guid TransactionId => known.TransactionId;

    public void Commit() => transaction.Commit();

    public Task CommitAsync(CancellationToken cancellationToken = default) => transaction.CommitAsync(cancellationToken);

    public void Rollback() => transaction.Rollback();

    public Task RollbackAsync(CancellationToken cancellationToken = default) => transaction.RollbackAsync(cancellationToken);

    public void Dispose()
    {
        known.Dispose();
        transaction.Dispose();
        context.Database.CloseConnection();
    }

    public async ValueTask DisposeAsync()
    {
        await known.DisposeAsync().ConfigureAwait(false);
        await transaction.DisposeAsync().ConfigureAwait(false);
        await context.Database.CloseConnectionAsync().ConfigureAwait(false);
    }
}
