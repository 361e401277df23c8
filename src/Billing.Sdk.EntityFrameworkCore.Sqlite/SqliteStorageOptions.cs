using NodaTime;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Where the file is and how it is written.</summary>
public sealed record SqliteStorageOptions
{
    /// <summary>Path of the database file. It is created if missing; its directory must exist.</summary>
    public required string Path { get; init; }

    /// <summary>How long a call waits for another process that writes, before it is tried again (at most three times). Default: 5 seconds.</summary>
    public Duration BusyTimeout { get; init; } = Duration.FromSeconds(5);

    /// <summary>Pages of 4,096 bytes that the write-ahead log may hold before it is copied into the file. Default 25,000: about 100 MB.</summary>
    public int CheckpointPages { get; init; } = 25_000;

    /// <summary>Kibibytes of pages that each open connection keeps in memory. Default 32,768: 32 MB. Reading and numbering many payers needs the upper pages of all indexes at hand.</summary>
    public int CacheKibibytes { get; init; } = 32_768;

    /// <summary>Whether rows are written and read by prepared statements made from the model instead of by Entity Framework. The result is the same. Default true.</summary>
    public bool UseFastPath { get; init; } = true;
}
