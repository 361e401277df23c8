using Billing.Storage;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Due items by the rules of <see cref="StorageRules.After"/> and <see cref="StorageRules.Mark"/> without reading them: nobody else writes meanwhile. Immutable.</summary>
internal sealed class DueStatements
{
    private readonly RowStatements _rows;
    private readonly string _mark;
    private readonly string _touch;

    public DueStatements(IEntityType entity)
    {
        _rows = new RowStatements(entity);
        var table = new TableNames(entity);
        var (dueAt, reopens, version) = (table.Column(nameof(DueItem.DueAt)), table.Column(nameof(DueItem.ReopensFrom)), table.Column(nameof(DueItem.Version)));
        _mark = $"{_rows.Insert} ON CONFLICT ({_rows.Key}) DO UPDATE SET {dueAt} = min({dueAt}, excluded.{dueAt})"
            + $", {reopens} = coalesce(min({reopens}, excluded.{reopens}), {reopens}, excluded.{reopens}), {version} = {version} + 1";
        _touch = $"UPDATE {table.Name} SET {version} = {version} + 1 {_rows.Where}";
    }

    /// <summary>Marks a payer.</summary>
    public void Mark(StatementCache cache, DueItem mark)
    {
        var statement = cache.Prepare(_mark);
        _rows.Bind(mark with { Version = 1 }, statement);
        cache.Run(statement);
    }

    /// <summary>Writes what a commit wants. When the stored item is not the one that it saw, the earlier moment stays.</summary>
    public void Set(StatementCache cache, TenantId tenant, DueChange change)
    {
        var item = new DueItem { Tenant = tenant, Kind = change.Kind, PayerId = change.PayerId, DueAt = change.DueAt ?? default, Version = (change.Seen ?? 0) + 1 };
        if (change.Seen is { } seen && IsChanged(cache, change.DueAt is null ? _rows.Delete : _rows.Update, item, seen))
        {
            return;
        }

        if (change.DueAt is not null)
        {
            Mark(cache, item);
            return;
        }

        var touch = cache.Prepare(_touch);
        _rows.Bind(item, storedVersion: null, touch);
        cache.Run(touch);
    }

    private bool IsChanged(StatementCache cache, string sql, DueItem item, long seen)
    {
        var statement = cache.Prepare(sql);
        _rows.Bind(item, seen, statement);
        return cache.RunCounted(statement) > 0;
    }
}
