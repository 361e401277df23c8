using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore.Metadata;
using NodaTime;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Reads the figures of rollups; they are summed outside, because SQLite would sum texts in binary floating point. Immutable.</summary>
internal sealed class RollupQuery
{
    /// <summary>The rollup is of one event: sum, least and greatest value are the same.</summary>
    public const int One = 1;

    /// <summary>The meter has no groups.</summary>
    public const int Ungrouped = 2;

    /// <summary>The rollup takes the place of others.</summary>
    public const int Replaces = 4;

    public RollupQuery(IEntityType entity)
    {
        var table = new TableNames(entity);
        string Of(string column) => "t." + table.Column(column);
        var (group, count, sum) = (Of(nameof(UsageRollup.Group)), Of(nameof(UsageRollup.Count)), Of(nameof(UsageRollup.Sum)));
        var (min, max, replaces) = (Of(nameof(UsageRollup.Min)), Of(nameof(UsageRollup.Max)), Of(nameof(UsageRollup.Replaces)));
        Bucket = entity.FindProperty(nameof(UsageRollup.Bucket))!;

        // Each value that is fetched costs more than SQLite's work for it: what is the same in most rows goes into one number.
        var flags = $"({count} = 1 AND {min} IS {sum} AND {max} IS {sum}) + 2 * ({group} = '') + 4 * ({replaces} <> 0)";
        Sql = $"SELECT j.key, {flags}, {sum}, {Of(nameof(UsageRollup.Bucket))}, {group}, {count}, {min}, {max} FROM json_each(?2) AS j CROSS JOIN {table.Name} AS t"
            + $" ON {Of(nameof(UsageRollup.Tenant))} = ?1 AND {Of(nameof(UsageRollup.SubscriptionId))} = j.value->>0 AND {Of(nameof(UsageRollup.Meter))} = j.value->>1"
            + $" AND {Of(nameof(UsageRollup.Bucket))} >= j.value->>2 AND {Of(nameof(UsageRollup.Bucket))} < j.value->>3";
    }

    public string Sql { get; }

    public IProperty Bucket { get; }
}

/// <summary>What the rollups of a range come to.</summary>
internal sealed class RollupSum
{
    private readonly List<GroupSum> _groups = new(1);
    private GroupSum? _ungrouped;
    private Dictionary<string, GroupSum>? _byName;
    private long _firstBucket = long.MaxValue;

    public bool HasReplacements { get; private set; }

    /// <summary>Adds the present row.</summary>
    public void Add(Statement statement, TextCache texts)
    {
        var flags = SqliteColumns.Int32(statement, 1);
        _firstBucket = Math.Min(_firstBucket, SqliteColumns.Int64(statement, 3));
        HasReplacements |= (flags & RollupQuery.Replaces) != 0;
        var group = (flags & RollupQuery.Ungrouped) != 0 ? _ungrouped ??= Find("") : Find(SqliteColumns.Text(statement, 4, texts));
        group.Add(statement, isOne: (flags & RollupQuery.One) != 0);
    }

    public RollupSums ToSums(IProperty bucket)
    {
        _groups.Sort(static (a, b) => string.CompareOrdinal(a.Group, b.Group));
        return new RollupSums([.. _groups.Select(g => g.ToGroup())], (Instant)bucket.GetTypeMapping().Converter!.ConvertFromProvider(_firstBucket)!);
    }

    private GroupSum Find(string name)
    {
        _byName ??= new Dictionary<string, GroupSum>(1, StringComparer.Ordinal);
        if (!_byName.TryGetValue(name, out var group))
        {
            _byName.Add(name, group = new GroupSum(name));
            _groups.Add(group);
        }

        return group;
    }

    private sealed class GroupSum(string group)
    {
        private long _count;
        private decimal _sum;
        private decimal? _min;
        private decimal? _max;

        public string Group => group;

        public void Add(Statement statement, bool isOne)
        {
            var sum = SqliteColumns.Decimal(statement, 2);
            _sum += sum;
            _count += isOne ? 1 : SqliteColumns.Int64(statement, 5);
            (decimal? min, decimal? max) = isOne ? (sum, sum) : (Value(statement, 6), Value(statement, 7));
            _min = _min is { } least && !(min < least) ? least : min;
            _max = _max is { } greatest && !(max > greatest) ? greatest : max;
        }

        public UsageGroup ToGroup() => new(group, _count, _sum, _min, _max);

        private static decimal? Value(Statement statement, int index) => SqliteColumns.IsNull(statement, index) ? null : SqliteColumns.Decimal(statement, index);
    }
}
