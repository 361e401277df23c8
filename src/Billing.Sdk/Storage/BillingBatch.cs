namespace Billing.Storage;

/// <summary>What happens to a row.</summary>
public enum RowOperation
{
    /// <summary>It is new; an existing row with one of its unique keys makes the payer (or the batch) lose with <see cref="CommitOutcome.Duplicate"/>.</summary>
    Insert,

    /// <summary>It replaces the row with its key. For an <see cref="IVersionedRow"/> the stored version must be one less, else the change loses with <see cref="CommitOutcome.Conflict"/>.</summary>
    Update,

    /// <summary>The row with its key goes (drafts only).</summary>
    Delete,
}

/// <summary>One change of one row.</summary>
/// <param name="Operation">What happens.</param>
/// <param name="Row">The row as it will be (for a delete: as it was).</param>
public sealed record RowChange(RowOperation Operation, IBillingRow Row)
{
    /// <summary>A new row.</summary>
    public static RowChange Insert(IBillingRow row) => new(RowOperation.Insert, row);

    /// <summary>A replaced row.</summary>
    public static RowChange Update(IBillingRow row) => new(RowOperation.Update, row);

    /// <summary>A row that goes.</summary>
    public static RowChange Delete(IBillingRow row) => new(RowOperation.Delete, row);
}

/// <summary>Asks for the next number of a series for an invoice that the same changes insert or update.</summary>
/// <param name="InvoiceId">The invoice; its row gets <c>SeriesNumber</c> and <c>Number</c>.</param>
/// <param name="LegalEntity">The legal entity.</param>
/// <param name="Series">The series.</param>
/// <param name="Pattern">How it is printed: <c>{n}</c> stands for the number, <c>{n:6}</c> for the number with at least six digits.</param>
public sealed record NumberRequest(Guid InvoiceId, string LegalEntity, string Series, string Pattern);

/// <summary>All changes of one payer: they are written together or not at all.</summary>
public sealed record PayerChanges
{
    /// <summary>The payer.</summary>
    public required string PayerId { get; init; }

    /// <summary>
    /// The billing version that the changes were computed from. The store writes them only if the payer still has it. 0: the payer is new and
    /// its <c>Customer</c> row is among the inserts. The payer's own row must be among the changes, with a billing version one higher.
    /// </summary>
    public required long ExpectedVersion { get; init; }

    /// <summary>The rows.</summary>
    public required IReadOnlyList<RowChange> Rows { get; init; }

    /// <summary>Numbers to give, last of all.</summary>
    public IReadOnlyList<NumberRequest> Numbers { get; init; } = [];

    /// <summary>The payer's due items after the commit: each kind named here is set or, with <see langword="null"/>, removed; others stay.</summary>
    public IReadOnlyDictionary<DueKind, NodaTime.Instant?> Due { get; init; } = new Dictionary<DueKind, NodaTime.Instant?>();

    /// <summary>
    /// Versions of the due items that the changes were computed from; a kind that is missing had none. When the stored one has another version, something marked the payer
    /// since then: the changes are written all the same, and of the stored and the wanted moment the earlier one stays.
    /// </summary>
    public IReadOnlyDictionary<DueKind, long> DueSeen { get; init; } = new Dictionary<DueKind, long>();

    /// <summary>The command's stored answer, when it came with an idempotency key.</summary>
    public IdempotencyRecord? Idempotency { get; init; }
}

/// <summary>One unit of work of a tenant: an immutable value.</summary>
public sealed record BillingBatch
{
    /// <summary>The tenant; every row in the batch is of it.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>Changes by payer; each succeeds or loses by itself.</summary>
    public IReadOnlyList<PayerChanges> Payers { get; init; } = [];

    /// <summary>Rows that belong to no payer (tenant, catalog, chains, runs, rejected records). If one of them loses, nothing of the batch is written.</summary>
    public IReadOnlyList<RowChange> Rows { get; init; } = [];

    /// <summary>The stored answer of a command without a payer.</summary>
    public IdempotencyRecord? Idempotency { get; init; }
}

/// <summary>How a commit went.</summary>
public enum CommitOutcome
{
    /// <summary>Written.</summary>
    Committed,

    /// <summary>Another change came first; nothing was written. Read again and compute anew.</summary>
    Conflict,

    /// <summary>A row with a unique key exists already; nothing was written.</summary>
    Duplicate,
}

/// <summary>How the commit of one payer's changes went.</summary>
/// <param name="PayerId">The payer; empty for rows without one.</param>
/// <param name="Outcome">The outcome.</param>
/// <param name="Detail">Duplicate: row type and key, for messages. Else <see langword="null"/>.</param>
public sealed record PayerCommit(string PayerId, CommitOutcome Outcome, string? Detail = null);

/// <summary>A number that a commit gave.</summary>
/// <param name="InvoiceId">The invoice.</param>
/// <param name="SeriesNumber">The number.</param>
/// <param name="Number">The number as printed.</param>
public sealed record AssignedNumber(Guid InvoiceId, long SeriesNumber, string Number);

/// <summary>How a commit went.</summary>
public sealed record CommitResult
{
    /// <summary>Outcome for the rows without a payer (Committed when there were none).</summary>
    public required PayerCommit Batch { get; init; }

    /// <summary>Outcomes in the order of <see cref="BillingBatch.Payers"/>.</summary>
    public IReadOnlyList<PayerCommit> Payers { get; init; } = [];

    /// <summary>The numbers given.</summary>
    public IReadOnlyList<AssignedNumber> Numbers { get; init; } = [];
}
