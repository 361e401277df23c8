using NodaTime;

namespace Billing.Storage;

/// <summary>What a due item asks for.</summary>
public enum DueKind
{
    /// <summary>A billing run over the payer.</summary>
    Billing,

    /// <summary>Collection: a first attempt, a retry, a query.</summary>
    Collection,

    /// <summary>An aging step.</summary>
    Aging,

    /// <summary>A credit that expires.</summary>
    CreditExpiry,
}

/// <summary>The table that feeds workers, over all tenants: at most one row per tenant, kind and payer.</summary>
public sealed record DueItem : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>What is asked for.</summary>
    public required DueKind Kind { get; init; }

    /// <summary>The payer.</summary>
    public required string PayerId { get; init; }

    /// <summary>From when on.</summary>
    public required Instant DueAt { get; init; }

    /// <summary>Billing: usage or a correction reaches back to this moment, so that a run looks at older periods again; <see langword="null"/>: it need not.</summary>
    public Instant? ReopensFrom { get; init; }

    /// <summary>Grows by one with every mark, also one that changes nothing else: a commit sees by it that something became due after its snapshot.</summary>
    public long Version { get; init; } = 1;
}

/// <summary>The stored answer of a command that came with an idempotency key.</summary>
public sealed record IdempotencyRecord : IBillingRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The command's name.</summary>
    public required string Command { get; init; }

    /// <summary>The key.</summary>
    public required string Key { get; init; }

    /// <summary>SHA-256 of the request, in hex.</summary>
    public required string RequestHash { get; init; }

    /// <summary>The answer, JSON.</summary>
    public required string Answer { get; init; }

    /// <summary>When it was recorded.</summary>
    public required Instant RecordedAt { get; init; }
}

/// <summary>A payer that a run could not bill, with the reason. It waits until its inputs change or it is released.</summary>
public sealed record QuarantineItem : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The stage that failed: <c>rate</c>, <c>compose</c>, <c>tax</c>, ….</summary>
    public required string Stage { get; init; }

    /// <summary>Stable code.</summary>
    public required string Code { get; init; }

    /// <summary>What is wrong, with which object.</summary>
    public required string Message { get; init; }

    /// <summary>The payer's billing version when it failed: a new version is tried again.</summary>
    public required long Fingerprint { get; init; }

    /// <summary>Since when.</summary>
    public required Instant Since { get; init; }
}

/// <summary>State of a run.</summary>
public enum RunState
{
    /// <summary>Workers may claim its shards.</summary>
    Running,

    /// <summary>Workers stop after the page that they are at; it can be resumed.</summary>
    Paused,

    /// <summary>Stopped for good; what it billed stays.</summary>
    Cancelled,

    /// <summary>All shards are done.</summary>
    Finished,
}

/// <summary>A billing run: a durable piece of work that is split into shards, so that several workers and processes share it.</summary>
/// <remarks>The counts are those of the shards, summed when the run ends; while it works, look at the shards.</remarks>
public sealed record RunRecord : IVersionedRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the run.</summary>
    public required Guid Id { get; init; }

    /// <summary>The moment up to which it bills.</summary>
    public required Instant AsOf { get; init; }

    /// <summary>State.</summary>
    public RunState State { get; init; }

    /// <summary>Number of shards.</summary>
    public int Shards { get; init; }

    /// <summary>Payers that were due when it started.</summary>
    public int Total { get; init; }

    /// <summary>Payers looked at.</summary>
    public int Payers { get; init; }

    /// <summary>Invoices made.</summary>
    public int Invoices { get; init; }

    /// <summary>Payers that went to quarantine, or were held back.</summary>
    public int Quarantined { get; init; }

    /// <summary>Who started it.</summary>
    public string Actor { get; init; } = "";

    /// <summary>When it started.</summary>
    public required Instant StartedAt { get; init; }

    /// <summary>When it was finished or cancelled; <see langword="null"/>: it was not.</summary>
    public Instant? FinishedAt { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>State of a shard.</summary>
public enum ShardState
{
    /// <summary>No worker has it.</summary>
    Waiting,

    /// <summary>A worker has it until its lease ends; then another may go on where it stopped.</summary>
    Working,

    /// <summary>All its payers were looked at.</summary>
    Done,
}

/// <summary>A range of payers of a run, in order of payer id, with what is done of it. Each page's commit moves the cursor, so that no worker counts or writes a page of a shard that it lost.</summary>
public sealed record RunShard : IVersionedRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>Number within the run, from 1.</summary>
    public required int Number { get; init; }

    /// <summary>Its payers come after this id; <see langword="null"/>: from the first.</summary>
    public string? After { get; init; }

    /// <summary>Its last payer id; <see langword="null"/>: to the last.</summary>
    public string? Through { get; init; }

    /// <summary>The payers up to this id are done; <see langword="null"/>: none is.</summary>
    public string? Cursor { get; init; }

    /// <summary>State.</summary>
    public ShardState State { get; init; }

    /// <summary>Name of the worker that has or had it.</summary>
    public string? Worker { get; init; }

    /// <summary>Until when the worker has it.</summary>
    public Instant? LeasedUntil { get; init; }

    /// <summary>Payers looked at.</summary>
    public int Payers { get; init; }

    /// <summary>Invoices made.</summary>
    public int Invoices { get; init; }

    /// <summary>Payers that went to quarantine, or were held back.</summary>
    public int Quarantined { get; init; }

    /// <summary>Why a worker gave it back last; <see langword="null"/>: none did.</summary>
    public string? LastError { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>The payers that are due, cut into ranges of one size.</summary>
/// <param name="Total">How many are due.</param>
/// <param name="Borders">The payer id at the end of each full range, in order of payer id.</param>
public sealed record DueRanges(int Total, IReadOnlyList<string> Borders);
