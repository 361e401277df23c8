using System.Collections.Concurrent;
using System.Data;
using Billing.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>What PostgreSQL does in its own way; also for a host that keeps the engine's tables in its own context.</summary>
public sealed partial class PostgreSqlBillingDatabase : BillingDatabase
{
    /// <summary>The setting of a transaction that the policies of row security compare with.</summary>
    public const string TenantSetting = "billing.tenant";

    /// <summary>From how many rows on a COPY, which takes exchanges of its own, is better than one more statement among others.</summary>
    private const int CopyFrom = 200;

    /// <summary>How many rows go into one statement at most, so that its parameters do not take up the memory of both sides.</summary>
    private const int MostInStatement = 20_000;

    private readonly ConcurrentDictionary<IEntityType, TablePlan> _plans = new();
    private readonly bool _rowSecurity;
    private readonly bool _useFastPath;

    /// <summary>Creates the object.</summary>
    /// <param name="rowSecurity">Whether every transaction says whose rows it is about; see <see cref="PostgreSqlStorageOptions.RowSecurity"/>.</param>
    /// <param name="useFastPath">Whether rows are written in sets instead of by <c>SaveChanges</c>.</param>
    public PostgreSqlBillingDatabase(bool rowSecurity = true, bool useFastPath = true)
    {
        _rowSecurity = rowSecurity;
        _useFastPath = useFastPath;
    }

    /// <inheritdoc/>
    public override bool ConfinesTenants => _rowSecurity;

    /// <summary>Begins a transaction that only reads, all of one moment (<c>REPEATABLE READ READ ONLY</c>).</summary>
    /// <inheritdoc/>
    public override async Task<IDbContextTransaction> BeginReadAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var transaction = await context.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        return await PreparedAsync(context, transaction, _rowSecurity ? tenant : null, readOnly: true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins a transaction that writes (<c>READ COMMITTED</c>: what it waits for decides by versions and unique keys, so nothing has to be made again for having waited).</summary>
    /// <inheritdoc/>
    public override async Task<IDbContextTransaction> BeginWriteAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var transaction = await context.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
        return await PreparedAsync(context, transaction, _rowSecurity ? tenant : null, readOnly: false, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task EnterTenantAsync(DbContext context, TenantId tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (_rowSecurity)
        {
            var batch = Batch(context);
            await using var _ = batch.ConfigureAwait(false);
            batch.BatchCommands.Add(Tenant(tenant));
            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Commits. When the connection is lost on the way, the server is asked whether the transaction was committed.</summary>
    /// <inheritdoc/>
    /// <exception cref="BillingException">With code <c>storage</c>: the connection was lost, and the server did not say in time what became of the transaction.</exception>
    public override Task CommitAsync(DbContext context, IDbContextTransaction transaction, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(transaction);
        return SureCommit.RunAsync(Connection(context), transaction, cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task LockNumbersAsync(DbContext context, TenantId tenant, string legalEntity, string series, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        batch.BatchCommands.Add(Lock("", $"numbers\u001f{tenant}\u001f{legalEntity}\u001f{series}"));
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task LockOutboxAsync(DbContext context, TenantId? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        batch.BatchCommands.Add(Lock(tenant is null ? "" : "_shared", "outbox"));
        if (tenant is { } one)
        {
            batch.BatchCommands.Add(Lock("", $"outbox\u001f{one}"));
        }

        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task LockDueAsync(DbContext context, TenantId tenant, IReadOnlyList<string> payerIds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(payerIds);
        if (payerIds.Count == 0)
        {
            return;
        }

        var (plan, names) = DuePlan(context);
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        var command = new NpgsqlBatchCommand(
            $"SELECT 1 FROM {plan.Table} WHERE {names.Tenant} = $1 AND {names.Kind} = ANY($2) AND {names.PayerId} = ANY($3) ORDER BY {plan.KeyNames} FOR UPDATE");
        command.Parameters.Add(Text(tenant.Value));
        command.Parameters.Add(Texts([.. Enum.GetValues<DueKind>().Select(KindName)]));
        command.Parameters.Add(Texts([.. payerIds]));
        batch.BatchCommands.Add(command);
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task<bool> MarkDueAsync(DbContext context, IReadOnlyList<DueItem> marks, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(marks);
        if (marks.Count == 0)
        {
            return true;
        }

        var (plan, names) = DuePlan(context);
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);

        // Who marks many payers and who bills them take the locks in one order.
        var rows = plan.ByTenant(marks.Select(m => new StoredRow(m with { Version = 1 }, null))).SelectMany(s => s.Rows).Select(r => r.Row).ToArray();
        batch.BatchCommands.Add(plan.Insert(
            rows,
            $" ON CONFLICT ({plan.KeyNames}) DO UPDATE SET {names.DueAt} = least(t.{names.DueAt}, excluded.{names.DueAt})"
            + $", {names.ReopensFrom} = least(t.{names.ReopensFrom}, excluded.{names.ReopensFrom}), {names.Version} = t.{names.Version} + 1"));
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    public override async Task<bool> SetDueAsync(DbContext context, TenantId tenant, IReadOnlyList<DueChange> changes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(changes);
        if (!_useFastPath)
        {
            return false;
        }

        // All locks at once and in one order: who marks the same payers waits, or is waited for, and nobody is ended.
        await LockDueAsync(context, tenant, [.. changes.Select(c => c.PayerId).Distinct(StringComparer.Ordinal)], cancellationToken).ConfigureAwait(false);
        var (updates, deletes, marks, touches) = (new List<StoredRow>(), new List<StoredRow>(), new List<DueItem>(), new List<DueItem>());
        foreach (var change in changes)
        {
            var item = new DueItem { Tenant = tenant, Kind = change.Kind, PayerId = change.PayerId, DueAt = change.DueAt ?? default, Version = (change.Seen ?? 0) + 1 };
            switch (change.Seen, change.DueAt)
            {
                case ({ } seen, not null):
                    updates.Add(new StoredRow(item, seen));
                    break;
                case ({ } seen, null):
                    deletes.Add(new StoredRow(item, seen));
                    break;
                case (null, not null):
                    marks.Add(item);
                    break;
                default:
                    touches.Add(item);
                    break;
            }
        }

        // What something marked since the commit's snapshot stays due; the earlier moment counts.
        marks.AddRange((await UpdateAsync(context, updates, each: true, cancellationToken).ConfigureAwait(false)).Cast<DueItem>());
        touches.AddRange((await DeleteAsync(context, deletes, cancellationToken).ConfigureAwait(false)).Cast<DueItem>());
        await MarkDueAsync(context, marks, cancellationToken).ConfigureAwait(false);
        await TouchDueAsync(context, tenant, touches, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<bool>?> InsertNewAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        if (!_useFastPath)
        {
            return null;
        }

        var isNew = new bool[rows.Count];
        if (rows.Count >= CopyFrom && await TryInsertAllAsync(context, rows, cancellationToken).ConfigureAwait(false))
        {
            Array.Fill(isNew, true);
        }
        else if (rows.Count > 0)
        {
            var batch = Batch(context);
            await using var _ = batch.ConfigureAwait(false);
            batch.BatchCommands.Add(PlanOf(context, rows[0].GetType()).InsertNew(rows));
            var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using var __ = reader.ConfigureAwait(false);
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                isNew[Place(reader)] = true;
            }
        }

        return isNew;
    }

    /// <summary>Nearly always all keys are free, and to ask for each costs far more than to insert them.</summary>
    private async Task<bool> TryInsertAllAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        await RunAsync(context, "SAVEPOINT billing_new", cancellationToken).ConfigureAwait(false);
        try
        {
            await InsertSetsAsync(context, rows, cancellationToken).ConfigureAwait(false);
            await RunAsync(context, "RELEASE SAVEPOINT billing_new", cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            await RunAsync(context, "ROLLBACK TO SAVEPOINT billing_new; RELEASE SAVEPOINT billing_new", cancellationToken).ConfigureAwait(false);
            return false;
        }
    }

    private static async Task RunAsync(DbContext context, string sql, CancellationToken cancellationToken)
    {
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        foreach (var statement in sql.Split("; "))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(statement));
        }

        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells of items that are there that something was computed without them.</summary>
    private async Task TouchDueAsync(DbContext context, TenantId tenant, List<DueItem> items, CancellationToken cancellationToken)
    {
        if (items.Count == 0)
        {
            return;
        }

        var (plan, names) = DuePlan(context);
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        var command = new NpgsqlBatchCommand(
            $"UPDATE {plan.Table} AS t SET {names.Version} = t.{names.Version} + 1 FROM unnest($2::text[], $3::text[]) AS n(kind, payer)"
            + $" WHERE t.{names.Tenant} = $1 AND t.{names.Kind} = n.kind AND t.{names.PayerId} = n.payer");
        command.Parameters.Add(Text(tenant.Value));
        command.Parameters.Add(Texts([.. items.Select(i => KindName(i.Kind))]));
        command.Parameters.Add(Texts([.. items.Select(i => i.PayerId)]));
        batch.BatchCommands.Add(command);
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static string KindName(DueKind kind) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(kind.ToString());

    /// <inheritdoc/>
    public override bool IsUniqueViolation(Exception exception) =>
        Cause(exception) is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation };

    /// <summary>Deadlocks, serialisation failures, lost connections, a server that starts or has no connection left.</summary>
    /// <inheritdoc/>
    public override bool IsTransient(Exception exception) => Cause(exception) switch
    {
        PostgresException { SqlState: "57P01" or "57P02" or "57P05" } => true,
        NpgsqlException cause => cause.IsTransient || PostgreSqlErrors.IsConnectionLost(cause),
        _ => false,
    };

    /// <inheritdoc/>
    public override Task InsertAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        return _useFastPath ? InsertSetsAsync(context, rows, cancellationToken) : base.InsertAsync(context, rows, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<object>> UpdateAsync(DbContext context, IReadOnlyList<StoredRow> rows, bool each, CancellationToken cancellationToken) =>
        _useFastPath
            ? ChangeSetsAsync(context, rows, static (plan, part) => plan.Update(part), cancellationToken)
            : base.UpdateAsync(context, rows, each, cancellationToken);

    /// <inheritdoc/>
    public override Task<IReadOnlyList<object>> DeleteAsync(DbContext context, IReadOnlyList<StoredRow> rows, CancellationToken cancellationToken) =>
        _useFastPath
            ? ChangeSetsAsync(context, rows, static (plan, part) => plan.Delete(part), cancellationToken)
            : base.DeleteAsync(context, rows, cancellationToken);

    /// <summary>Few rows of a kind go into one exchange with the server, all kinds together; many go by COPY.</summary>
    private async Task InsertSetsAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        var sets = rows.GroupBy(r => r.GetType())
            .Select(g => (Plan: PlanOf(context, g.Key), Rows: (IReadOnlyList<object>)g.ToArray()))
            .OrderBy(s => s.Plan.Table, StringComparer.Ordinal).ToArray();
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        foreach (var (plan, set) in sets)
        {
            if (set.Count >= CopyFrom && !IsConfined(plan))
            {
                await plan.CopyAsync(Connection(context), set, cancellationToken).ConfigureAwait(false);
                continue;
            }

            foreach (var part in set.Chunk(MostInStatement))
            {
                batch.BatchCommands.Add(plan.Insert(part));
            }
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>One statement per kind of row and tenant, all in one exchange. Gives the rows that were not hit.</summary>
    private async Task<IReadOnlyList<object>> ChangeSetsAsync(
        DbContext context, IReadOnlyList<StoredRow> rows, Func<TablePlan, IReadOnlyList<StoredRow>, NpgsqlBatchCommand> command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0)
        {
            return [];
        }

        // Rows are locked in the order of their keys, so that two pages that share payers seldom wait for each other both ways.
        var sets = rows.GroupBy(r => r.Row.GetType())
            .SelectMany(g => PlanOf(context, g.Key).ByTenant(g))
            .OrderBy(s => s.Plan.Table, StringComparer.Ordinal).ToArray();
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        foreach (var (plan, set) in sets)
        {
            batch.BatchCommands.Add(command(plan, set));
        }

        var missing = new List<object>();
        var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var __ = reader.ConfigureAwait(false);
        foreach (var (_, set) in sets)
        {
            var hit = new bool[set.Length];
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                hit[reader.GetInt64(0) - 1] = true;
            }

            missing.AddRange(set.Where((_, i) => !hit[i]).Select(r => r.Row));
            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        }

        return missing;
    }

    private (TablePlan Plan, DueColumns Names) DuePlan(DbContext context)
    {
        var plan = PlanOf(context, typeof(DueItem));
        string Name(string property) => plan.NameOf(property);
        return (plan, new DueColumns(
            Name(nameof(DueItem.Tenant)), Name(nameof(DueItem.Kind)), Name(nameof(DueItem.PayerId)), Name(nameof(DueItem.DueAt)), Name(nameof(DueItem.ReopensFrom)), Name(nameof(DueItem.Version))));
    }

    private TablePlan PlanOf(DbContext context, Type type) => _plans.GetOrAdd(EntityOf(context, type), static found => new TablePlan(found));

    /// <summary>PostgreSQL refuses COPY into tables with row security.</summary>
    private bool IsConfined(TablePlan plan) => _rowSecurity && plan.Type != typeof(DueItem) && plan.Type != typeof(Tenant);

    private static async Task<IDbContextTransaction> PreparedAsync(
        DbContext context, IDbContextTransaction transaction, TenantId? tenant, bool readOnly, CancellationToken cancellationToken)
    {
        try
        {
            var batch = Batch(context);
            await using var _ = batch.ConfigureAwait(false);
            if (readOnly)
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand("SET TRANSACTION READ ONLY"));
            }

            if (tenant is { } one)
            {
                batch.BatchCommands.Add(Tenant(one));
            }

            if (batch.BatchCommands.Count > 0)
            {
                await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }

            return transaction;
        }
        catch (Exception)
        {
            // Nobody gets the transaction, so nobody else would end it.
            await transaction.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Holds to the end of the transaction; nothing of it stays on the connection.</summary>
    private static NpgsqlBatchCommand Tenant(TenantId tenant)
    {
        var command = new NpgsqlBatchCommand($"SELECT set_config('{TenantSetting}', $1, true)");
        command.Parameters.Add(Text(tenant.Value));
        return command;
    }

    /// <summary>Waits for a lock by name, which goes with the transaction.</summary>
    private static NpgsqlBatchCommand Lock(string kind, string name)
    {
        var command = new NpgsqlBatchCommand($"SELECT pg_advisory_xact_lock{kind}(hashtextextended($1, 7251))");
        command.Parameters.Add(Text(name));
        return command;
    }

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter<string[]> Texts(string[] values) => new() { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    private static NpgsqlBatch Batch(DbContext context)
    {
        var batch = Connection(context).CreateBatch();
        batch.Transaction = context.Database.CurrentTransaction?.GetDbTransaction() as NpgsqlTransaction;
        if (context.Database.GetCommandTimeout() is { } seconds)
        {
            batch.Timeout = seconds;
        }

        return batch;
    }

    private static NpgsqlConnection Connection(DbContext context) => (NpgsqlConnection)context.Database.GetDbConnection();

    /// <summary>What the driver said: Entity Framework and its provider wrap errors that they save or deem transient.</summary>
    private static Exception? Cause(Exception? exception) =>
        exception is DbUpdateException or InvalidOperationException ? Cause(exception.InnerException) : exception;

    private sealed record DueColumns(string Tenant, string Kind, string PayerId, string DueAt, string ReopensFrom, string Version);
}
