using System.Collections.Concurrent;
using Billing.Customers;
using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using NodaTime;
using Npgsql;
using NpgsqlTypes;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <content>
/// Reads. What is asked for goes into a statement as arrays, so that there is one statement whatever its length. Each entry is looked up in an index by a subquery of its own
/// (LATERAL, which the planner cannot turn into a scan of the table), whatever it believes about tables that have not been analyzed.
/// </content>
public sealed partial class PostgreSqlBillingDatabase
{
    /// <summary>The entity type of events, which is not public.</summary>
    private const string EventRow = "UsageRecordRow";

    private readonly ConcurrentDictionary<(IEntityType, PayerRows), object> _payerQueries = new();
    private readonly ConcurrentDictionary<IEntityType, object> _eventReaders = new();

    /// <inheritdoc/>
    public override async Task<PlacedRows<T>> ReadPayerRowsAsync<T>(
        DbContext context, TenantId tenant, IReadOnlyList<string> payerIds, PayerRows which, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(payerIds);
        if (!_useFastPath)
        {
            return await base.ReadPayerRowsAsync<T>(context, tenant, payerIds, which, cancellationToken).ConfigureAwait(false);
        }

        var query = (PayerQuery<T>)_payerQueries.GetOrAdd((EntityOf(context, typeof(T)), which), static key => new PayerQuery<T>(key.Item1, key.Item2));
        var placed = new PlacedRows<T>();
        await ReadAsync(
            context,
            query.Sql,
            [Text(tenant.Value), Texts(payerIds as string[] ?? [.. payerIds])],
            reader =>
            {
                var place = Place(reader);
                placed.Add(place, query.Reader.Read(reader, tenant, payerIds[place], ""));
            },
            cancellationToken).ConfigureAwait(false);
        return placed;
    }

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<RollupSums>> SumRollupsAsync(
        DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        if (!_useFastPath)
        {
            return await base.SumRollupsAsync(context, tenant, ranges, cancellationToken).ConfigureAwait(false);
        }

        var bucket = EntityOf(context, typeof(UsageRollup)).FindProperty(nameof(UsageRollup.Bucket))!;
        var sums = new RollupSum?[ranges.Count];
        await ReadAsync(
            context, SumSql(context), [Text(tenant.Value), .. Ranges(ranges, bucket)], reader => (sums[Place(reader)] ??= new RollupSum()).Add(reader), cancellationToken).ConfigureAwait(false);

        // Rollups that take the place of others count in their order; they are few.
        var ordered = Enumerable.Range(0, sums.Length).Where(i => sums[i] is { HasReplacements: true }).ToArray();
        var exact = ordered.Length == 0
            ? []
            : await base.SumRollupsAsync(context, tenant, Array.ConvertAll(ordered, i => ranges[i]), cancellationToken).ConfigureAwait(false);
        var answers = Array.ConvertAll(sums, s => s is null ? RollupSums.None : s.ToSums(bucket));
        for (var i = 0; i < ordered.Length; i++)
        {
            answers[ordered[i]] = exact[i];
        }

        return answers;
    }

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<bool>> HasEventsAsync(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        if (!_useFastPath)
        {
            return await base.HasEventsAsync(context, tenant, ranges, cancellationToken).ConfigureAwait(false);
        }

        var entity = EventsOf(context);
        var found = new bool[ranges.Count];
        await ReadAsync(
            context,
            $"SELECT n.place FROM {RangeRows} CROSS JOIN LATERAL (SELECT 1 FROM {new TableNames(entity).Name} AS t WHERE {EventsInRange(entity)} LIMIT 1) AS found",
            [Text(tenant.Value), .. Ranges(ranges, entity.FindProperty(nameof(UsageRollup.Bucket))!)],
            reader => found[Place(reader)] = true,
            cancellationToken).ConfigureAwait(false);
        return found;
    }

    /// <inheritdoc/>
    public override async Task<PlacedRows<T>> ReadEventsAsync<T>(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        if (!_useFastPath)
        {
            return await base.ReadEventsAsync<T>(context, tenant, ranges, cancellationToken).ConfigureAwait(false);
        }

        var entity = EntityOf(context, typeof(T));
        var rows = (RowReader<T>)_eventReaders.GetOrAdd(entity, static type => new RowReader<T>(type, nameof(UsageRecord.SubscriptionId), "EventType"));
        var placed = new PlacedRows<T>();
        await ReadAsync(
            context,
            $"SELECT n.place, {rows.Columns} FROM {RangeRows} CROSS JOIN LATERAL (SELECT * FROM {rows.Table.Name} AS t WHERE {EventsInRange(entity)} OFFSET 0) AS t",
            [Text(tenant.Value), .. Ranges(ranges, entity.FindProperty(nameof(UsageRollup.Bucket))!)],
            reader =>
            {
                var place = Place(reader);
                placed.Add(place, rows.Read(reader, tenant, ranges[place].SubscriptionId, ranges[place].Name));
            },
            cancellationToken).ConfigureAwait(false);
        return placed;
    }

    private const string RangeRows = "unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS n(subscription, name, starts, ends, place)";

    private static IEntityType EventsOf(DbContext context) => context.Model.GetEntityTypes().First(e => e.ClrType.Name == EventRow);

    private static IEntityType EntityOf(DbContext context, Type type) => context.Model.FindEntityType(type)
        ?? throw new InvalidOperationException($"The model of {context.GetType().Name} has no {type.Name}: call UseBilling in OnModelCreating.");

    private static string EventsInRange(IEntityType entity)
    {
        var table = new TableNames(entity);
        return InRange(table, "EventType") + $" AND NOT t.{table.Column(nameof(UsageRecord.Removed))}";
    }

    private static string InRange(TableNames table, string name) =>
        $"t.{table.Column(nameof(IBillingRow.Tenant))} = $1 AND t.{table.Column(nameof(UsageRollup.SubscriptionId))} = n.subscription AND t.{table.Column(name)} = n.name"
        + $" AND t.{table.Column(nameof(UsageRollup.Bucket))} >= n.starts AND t.{table.Column(nameof(UsageRollup.Bucket))} < n.ends";

    private static string SumSql(DbContext context)
    {
        var table = new TableNames(EntityOf(context, typeof(UsageRollup)));
        string Of(string property) => "t." + table.Column(property);
        var group = Of(nameof(UsageRollup.Group));
        return $"SELECT n.place, s.* FROM {RangeRows} CROSS JOIN LATERAL (SELECT {group}, min({Of(nameof(UsageRollup.Bucket))}), bool_or({Of(nameof(UsageRollup.Replaces))}),"
            + $" sum({Of(nameof(UsageRollup.Count))})::bigint, sum({Of(nameof(UsageRollup.Sum))}), min({Of(nameof(UsageRollup.Min))}), max({Of(nameof(UsageRollup.Max))})"
            + $" FROM {table.Name} AS t WHERE {InRange(table, nameof(UsageRollup.Meter))} GROUP BY {group}) AS s";
    }

    private static NpgsqlParameter[] Ranges(IReadOnlyList<UsageRange> ranges, IProperty bucket)
    {
        // Moments are stored as the model says; as long as that is a whole number, which it is unless a host has columns of its own.
        var convert = bucket.GetTypeMapping().Converter?.ConvertToProvider ?? throw new NotSupportedException("Moments are whole numbers: turn the fast path off for this model.");
        return
        [
            Texts([.. ranges.Select(r => r.SubscriptionId)]),
            Texts([.. ranges.Select(r => r.Name)]),
            Moments([.. ranges.Select(r => (long)convert(r.From)!)]),
            Moments([.. ranges.Select(r => (long)convert(r.To)!)]),
        ];
    }

    private static NpgsqlParameter<long[]> Moments(long[] values) => new() { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint };

    private static int Place(NpgsqlDataReader reader) => checked((int)reader.GetInt64(0) - 1);

    private static async Task ReadAsync(DbContext context, string sql, NpgsqlParameter[] parameters, Action<NpgsqlDataReader> add, CancellationToken cancellationToken)
    {
        var batch = Batch(context);
        await using var _ = batch.ConfigureAwait(false);
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        batch.BatchCommands.Add(command);
        var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var __ = reader.ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            add(reader);
        }
    }

    /// <summary>Reads one type of rows of payers.</summary>
    private sealed class PayerQuery<T>
    {
        public PayerQuery(IEntityType entity, PayerRows which)
        {
            Reader = new RowReader<T>(entity, nameof(IPayerRow.PayerId));
            var payers = new TableNames(entity.Model.FindEntityType(typeof(Customer))!);
            string Of(string property) => "t." + Reader.Table.Column(property);
            string OfPayer(string property) => "p." + payers.Column(property);
            var rows = $"{Of(nameof(IBillingRow.Tenant))} = $1 AND {Of(nameof(IPayerRow.PayerId))} = n.id";
            var open = which switch
            {
                PayerRows.All => typeof(T) == typeof(DueItem) ? $" AND {Of(nameof(DueItem.Kind))} IN ({Kinds(entity)})" : "",
                PayerRows.Own => $" AND {Of(nameof(Customer.Id))} = n.id",
                PayerRows.SinceHistory => $" AND {Of("RecordedAt")} >= {OfPayer(nameof(Customer.HistoryFrom))}",
                PayerRows.WaitingOrSinceHistory => $" AND ({Of("InvoiceId")} IS NULL OR {Of("RecordedAt")} >= {OfPayer(nameof(Customer.HistoryFrom))})",
                PayerRows.FromFirstOpenInvoice => $" AND {Of("Ordinal")} >= {OfPayer(nameof(Customer.FirstOpenInvoice))}",
                _ => throw new ArgumentOutOfRangeException(nameof(which), which, "Unknown."),
            };
            var payer = which is PayerRows.All or PayerRows.Own
                ? ""
                : $" JOIN {payers.Name} AS p ON {OfPayer(nameof(Customer.Tenant))} = $1 AND {OfPayer(nameof(Customer.Id))} = n.id";
            Sql = $"SELECT n.place, {Reader.Columns} FROM unnest($2::text[]) WITH ORDINALITY AS n(id, place){payer}"
                + $" CROSS JOIN LATERAL (SELECT * FROM {Reader.Table.Name} AS t WHERE {rows}{open} OFFSET 0) AS t";
        }

        public string Sql { get; }

        public RowReader<T> Reader { get; }

        /// <summary>All kinds, named so that the key can be used.</summary>
        private static string Kinds(IEntityType entity)
        {
            var converter = entity.FindProperty(nameof(DueItem.Kind))!.GetTypeMapping().Converter!;
            return string.Join(", ", Enum.GetValues<DueKind>().Select(k => $"'{converter.ConvertToProvider(k)}'"));
        }
    }

    /// <summary>What the rollups of a range come to.</summary>
    private sealed class RollupSum
    {
        private readonly List<UsageGroup> _groups = new(1);
        private long _firstBucket = long.MaxValue;

        public bool HasReplacements { get; private set; }

        public void Add(NpgsqlDataReader reader)
        {
            _firstBucket = Math.Min(_firstBucket, reader.GetInt64(2));
            HasReplacements |= reader.GetBoolean(3);
            _groups.Add(new UsageGroup(reader.GetString(1), reader.GetInt64(4), reader.GetDecimal(5), Value(reader, 6), Value(reader, 7)));
        }

        public RollupSums ToSums(IProperty bucket)
        {
            _groups.Sort(static (a, b) => string.CompareOrdinal(a.Group, b.Group));
            return new RollupSums(_groups, (Instant)bucket.GetTypeMapping().Converter!.ConvertFromProvider(_firstBucket)!);
        }

        private static decimal? Value(NpgsqlDataReader reader, int index) => reader.IsDBNull(index) ? null : reader.GetDecimal(index);
    }
}
