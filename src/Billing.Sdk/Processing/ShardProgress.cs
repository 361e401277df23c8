using Billing.Storage;
using NodaTime;

namespace Billing.Processing;

/// <summary>A shard as a worker has it: what is counted, and its row for the next commit. Not thread-safe.</summary>
internal sealed class ShardProgress(RunShard shard, IClock clock, Duration lease)
{
    private RunShard _written = shard;

    /// <summary>The shard with all that is counted; its version is that of the stored row.</summary>
    public RunShard Current { get; private set; } = shard;

    /// <summary>All payers up to this one are done.</summary>
    public void MoveTo(string payerId) => Current = Current with { Cursor = payerId };

    /// <summary>The shard's row for a commit of a page: it counts the payers and prolongs the lease.</summary>
    public RowChange Count(int payers, int invoices, int quarantined)
    {
        _written = Counted(Current, payers, invoices, quarantined) with { LeasedUntil = clock.GetCurrentInstant() + lease, Version = Current.Version + 1 };
        return RowChange.Update(_written);
    }

    /// <summary>The row of the last <see cref="Count"/> was written.</summary>
    public void Accept() => Current = _written;

    /// <summary>A payer of the last commit lost and will be counted again; the next commit's row corrects it.</summary>
    public void Uncount(int invoices, int quarantined) => Current = Counted(Current, -1, -invoices, -quarantined);

    /// <summary>The row that ends the worker's hold: done, or given back with what is counted.</summary>
    public RowChange End(ShardState state, string? error)
    {
        _written = Current with { State = state, LeasedUntil = null, LastError = error, Version = Current.Version + 1 };
        return RowChange.Update(_written);
    }

    private static RunShard Counted(RunShard shard, int payers, int invoices, int quarantined) => shard with
    {
        Payers = shard.Payers + payers,
        Invoices = shard.Invoices + invoices,
        Quarantined = shard.Quarantined + quarantined,
    };
}

/// <summary>Another worker has the shard now; nothing of the page was written.</summary>
internal sealed class ShardLostException() : Exception("Another worker has the shard.");
