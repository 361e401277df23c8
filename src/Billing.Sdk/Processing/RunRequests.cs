using NodaTime;

namespace Billing.Processing;

/// <summary>Asks for a billing run.</summary>
public sealed record StartRunRequest
{
    /// <summary>Payers that are due by this moment are billed.</summary>
    public required Instant AsOf { get; init; }

    /// <summary>Payers per shard: what one worker claims at a time. Default: chosen so that there are at most 64 shards, of at least 1,000 payers each.</summary>
    public int? ShardSize { get; init; }
}

/// <summary>How a worker works off a run.</summary>
public sealed record WorkerOptions
{
    /// <summary>Name of the worker, for the shard's row. Default: machine and process.</summary>
    public string Worker { get; init; } = $"{Environment.MachineName}/{Environment.ProcessId}";

    /// <summary>How long a shard stays the worker's after each page; then another worker may go on with it. Longer than a page takes. Default: 5 minutes.</summary>
    public Duration Lease { get; init; } = Duration.FromMinutes(5);

    /// <summary>Payers per page: what is read, computed and committed together. Default: 1,000.</summary>
    public int PageSize { get; init; } = 1000;

    /// <summary>Shards that are worked on at the same time in this process. Default: 2, so that one page is computed while another is written.</summary>
    public int Degree { get; init; } = 2;

    /// <summary>Only this shard, by number; <see langword="null"/>: whatever is free.</summary>
    public int? Shard { get; init; }

    internal void Check()
    {
        if (string.IsNullOrWhiteSpace(Worker) || Worker.Length > 128)
        {
            throw BillingException.Validation("worker", Worker, "worker", "A worker's name has 1 to 128 characters.");
        }

        if (Lease <= Duration.Zero || PageSize is < 1 or > 10_000 || Degree is < 1 or > 64)
        {
            throw BillingException.Validation("worker", Worker, "options", "The lease is positive, a page has 1 to 10,000 payers, the degree is 1 to 64.");
        }
    }
}
