using System.Globalization;

namespace Cluster;

/// <summary>How large the story is.</summary>
/// <param name="Customers">Customers, each of whom gets one invoice.</param>
/// <param name="Postgres">A connection string of a role that may create databases; <see langword="null"/>: <c>BILLING_POSTGRES</c>, else a server of the sample's own.</param>
internal sealed record Settings(int Customers, string? Postgres)
{
    /// <summary>Customers per shard: about ten shards, so that both workers have one when one of them dies.</summary>
    public int ShardSize => Math.Clamp(Customers / 10, 25, 5000);

    /// <summary>Customers per page, the unit of a commit.</summary>
    public int PageSize => Math.Clamp(ShardSize / 20, 10, 1000);

    public static Settings For(int customers) => new(customers, null);

    /// <summary>Reads the command line; <see langword="null"/>: it cannot be read.</summary>
    public static Settings? Parse(string[] args)
    {
        var settings = new Settings(100_000, Environment.GetEnvironmentVariable("BILLING_POSTGRES") is { Length: > 0 } given ? given : null);
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--customers" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var customers) && customers >= 100:
                    settings = settings with { Customers = customers };
                    break;
                case "--postgres" when value is not null:
                    settings = settings with { Postgres = value };
                    break;
                default:
                    return null;
            }
        }

        return settings;
    }
}
