using Billing.Storage;
using Microsoft.EntityFrameworkCore;

namespace Billing.EntityFrameworkCore;

public partial class EfBillingStorage<TContext>
{
    private const string BatchSavepoint = "billing_batch";

    /// <inheritdoc/>
    public async Task<CommitResult> CommitAsync(BillingBatch batch, CancellationToken cancellationToken)
    {
        StorageRules.Check(batch);
        return await WriteAsync(batch.Tenant, (context, cancel) => new BatchWriter(context, _database, batch).WriteAsync(cancel), cancellationToken).ConfigureAwait(false)
            ?? await WriteAsync(batch.Tenant, (context, cancel) => WriteCarefullyAsync(context, batch, cancel), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a batch on the connection of the host's context, inside the host's transaction when one is open: both stand or fall together.</summary>
    /// <remarks>
    /// Without an open transaction the batch gets one of its own. Payers that lose are rolled back to a savepoint; what the host wrote before stays.
    /// The context must have no unsaved changes, and it does not track the engine's rows afterwards. The call is made once: the host retries its transaction.
    /// </remarks>
    /// <param name="batch">The batch.</param>
    /// <param name="hostContext">A context whose model contains the tables of <see cref="BillingModel.UseBilling"/>.</param>
    /// <param name="cancellationToken">Cancels; the host then rolls its transaction back.</param>
    /// <exception cref="InvalidOperationException">The context has unsaved changes.</exception>
    public async Task<CommitResult> CommitAsync(BillingBatch batch, DbContext hostContext, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(hostContext);
        StorageRules.Check(batch);
        if (hostContext.ChangeTracker.HasChanges())
        {
            throw new InvalidOperationException("The context has unsaved changes: save them before a batch is committed in it.");
        }

        var (detect, savepoints) = (hostContext.ChangeTracker.AutoDetectChangesEnabled, hostContext.Database.AutoSavepointsEnabled);
        Prepare(hostContext);
        try
        {
            if (hostContext.Database.CurrentTransaction is not null)
            {
                await _database.EnterTenantAsync(hostContext, batch.Tenant, cancellationToken).ConfigureAwait(false);
                return await WriteBatchAsync(hostContext, batch, cancellationToken).ConfigureAwait(false);
            }

            var transaction = await _database.BeginWriteAsync(hostContext, batch.Tenant, cancellationToken).ConfigureAwait(false);
            await using var _ = transaction.ConfigureAwait(false);
            var result = await WriteBatchAsync(hostContext, batch, cancellationToken).ConfigureAwait(false);
            await _database.CommitAsync(hostContext, transaction, cancellationToken).ConfigureAwait(false);
            return result;
        }
        finally
        {
            hostContext.ChangeTracker.AutoDetectChangesEnabled = detect;
            hostContext.Database.AutoSavepointsEnabled = savepoints;
        }
    }

    /// <summary>In a transaction of the host's only what this batch wrote may be taken back.</summary>
    private async Task<CommitResult> WriteBatchAsync(DbContext context, BillingBatch batch, CancellationToken cancellationToken)
    {
        var transaction = context.Database.CurrentTransaction!;
        await transaction.CreateSavepointAsync(BatchSavepoint, cancellationToken).ConfigureAwait(false);
        var result = await new BatchWriter(context, _database, batch).WriteAsync(cancellationToken).ConfigureAwait(false);
        if (result is null)
        {
            await transaction.RollbackToSavepointAsync(BatchSavepoint, cancellationToken).ConfigureAwait(false);
        }

        await transaction.ReleaseSavepointAsync(BatchSavepoint, cancellationToken).ConfigureAwait(false);
        return result ?? await WriteCarefullyAsync(context, batch, cancellationToken).ConfigureAwait(false);
    }

    private async Task<CommitResult> WriteCarefullyAsync(DbContext context, BillingBatch batch, CancellationToken cancellationToken) =>
        await new CarefulBatchWriter(context, _database, batch).WriteAsync(cancellationToken).ConfigureAwait(false)
        ?? throw new RaceException(new InvalidOperationException("Another process gave the same invoice numbers."));
}
