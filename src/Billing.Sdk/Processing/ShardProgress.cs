using Billing.Storage;
using NodaTime;

namespace Billing.Processing;

/// <summary>A shard as a worker has it: what is counted, and its row for the next commit. Not thread-safe.</summary>
internal sealed class ShardProgress(RunShard shard, IClock clock, Duration lease)
{
    private RunShard _written = shard;

    /// <summary>The shard with all that is counted; its version is that of the stored row.</summary>
    public RunShard Current { get; private set; } = shard;

    /// <summary>Counts payers that the next commit writes.</summary>
    public void Add(int payers, int invoices, int quarantined) => Current = Current with
    {
        Payers = Current.Payers + payers,
        Invoices = Current.Invoices + invoices,
        Quarantined = Current.Quarantined + quarantined,
    };

    /// <summary>All payers up to this one are done.</summary>
    public void MoveTo(string payerId) => Current = Current with { Cursor = payerId };

    /// <summary>The shard's row for a commit; it prolongs the lease.</summary>
    public RowChange Change()
    {
        _written = Current with { LeasedUntil = clock.GetCurrentInstant() + lease, Version = Current.Version + 1 };
        return RowChange.Update(_written);
    }

    /// <summary>The row of the last <see cref="Change"/> was written.</summary>
    public void Accept() => Current = _written;

    /// <summary>The row that ends the worker's hold: done, or given back with what is counted.</summary>
    public RowChange End(ShardState state, string? error)
    {
        _written = Current with { State = state, LeasedUntil = null, LastError = error, Version = Current.Version + 1 };
        return RowChange.Update(_written);
    }
}

/// <summary>Another worker has the shard now; nothing of the page was written.</summary>
internal sealed class ShardLostException() : Exception("Another worker has the shard.");
