using System.Globalization;

namespace Billing.Durability.Victim;

/// <summary>What the victim works on.</summary>
public sealed record VictimOptions
{
    /// <summary>The store in a SQLite file of the folder.</summary>
    public const string Sqlite = "sqlite";

    /// <summary>The store in the PostgreSQL database that <c>BILLING_POSTGRES</c> names; its tables are there.</summary>
    public const string PostgreSql = "postgresql";

    /// <summary>The store's kind.</summary>
    public required string Store { get; init; }

    /// <summary>Where everything durable lies: the database file, the gateway's journal, what was delivered, how far the script has come.</summary>
    public required string Folder { get; init; }

    /// <summary>Which script.</summary>
    public required int Seed { get; init; }

    /// <summary>Where to stop and wait for the kill; <see langword="null"/>: nowhere.</summary>
    public StopPoint? Stop { get; init; }

    /// <summary>The gateway's journal.</summary>
    public string Journal => Path.Combine(Folder, "gateway.journal");

    /// <summary>What the notifier delivered.</summary>
    public string Deliveries => Path.Combine(Folder, "deliveries.jsonl");

    /// <summary>The books at the end.</summary>
    public string Books => Path.Combine(Folder, "books.txt");

    /// <summary>The messages for customers at the end, one id a line.</summary>
    public string Messages => Path.Combine(Folder, "messages.txt");
}

/// <summary>Where the victim stops.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="Count">The n-th time, from 1, that it is entered by this process.</param>
/// <param name="Waits">Whether it waits there; else it says so and goes on, so that the kill comes while the phase is under way.</param>
public sealed record StopPoint(string Phase, int Count, bool Waits)
{
    /// <summary>Reads <c>page-commit:3:before</c> or <c>page-commit:3:during</c>.</summary>
    public static StopPoint Parse(string text)
    {
        var parts = text.Split(':');
        return new StopPoint(parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture), parts[2] == "before");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Phase}:{Count}:{(Waits ? "before" : "during")}");
}
