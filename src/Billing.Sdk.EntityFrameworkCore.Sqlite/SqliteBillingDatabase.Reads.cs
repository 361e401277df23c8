using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Billing.Customers;
using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using NodaTime;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>What is asked for goes into a statement as one JSON array, so that there is one statement whatever its length; each of its entries is looked up in an index.</summary>
public sealed partial class SqliteBillingDatabase
{
    private readonly ConcurrentDictionary<(IEntityType, PayerRows), object> _payerQueries = new();
    private readonly ConcurrentDictionary<IEntityType, object> _usageQueries = new();

    /// <inheritdoc/>
    public override Task<PlacedRows<T>> ReadPayerRowsAsync<T>(
        DbContext context, TenantId tenant, IReadOnlyList<string> payerIds, PayerRows which, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(payerIds);
        if (!_useFastPath)
        {
            return base.ReadPayerRowsAsync<T>(context, tenant, payerIds, which, cancellationToken);
        }

        var entity = EntityOf(context, typeof(T));
        var query = (PayerQuery<T>)_payerQueries.GetOrAdd((entity, which), static key => new PayerQuery<T>(key.Item1, key.Item2));
        using var session = Open(context);
        var statement = session.Cache.Prepare(query.Sql);
        SqliteBinding.Bind(statement, 1, tenant.Value);
        session.Cache.BindTexts(statement, 2, payerIds);
        var placed = new PlacedRows<T>();
        session.Cache.ReadAll(
            statement,
            () =>
            {
                var place = SqliteColumns.Int32(statement, 0);
                placed.Add(place, query.Reader.Read(statement, tenant, payerIds[place], "", session.Cache.Texts));
            },
            cancellationToken);
        return Task.FromResult(placed);
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

        var query = (RollupQuery)_usageQueries.GetOrAdd(EntityOf(context, typeof(UsageRollup)), static entity => new RollupQuery(entity));
        using var session = Open(context);
        var statement = session.Cache.Prepare(query.Sql);
        SqliteBinding.Bind(statement, 1, tenant.Value);
        BindRanges(statement, 2, ranges, query.Bucket);
        var sums = new RollupSum?[ranges.Count];
        session.Cache.ReadAll(statement, () => (sums[SqliteColumns.Int32(statement, 0)] ??= new RollupSum()).Add(statement, session.Cache.Texts), cancellationToken);

        // Rollups that take the place of others count in their order; they are few.
        var ordered = Enumerable.Range(0, sums.Length).Where(i => sums[i] is { HasReplacements: true }).ToArray();
        var exact = ordered.Length == 0
            ? []
            : await base.SumRollupsAsync(context, tenant, Array.ConvertAll(ordered, i => ranges[i]), cancellationToken).ConfigureAwait(false);
        var answers = Array.ConvertAll(sums, s => s is null ? RollupSums.None : s.ToSums(query.Bucket));
        for (var i = 0; i < ordered.Length; i++)
        {
            answers[ordered[i]] = exact[i];
        }

        return answers;
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<bool>> HasEventsAsync(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        if (!_useFastPath)
        {
            return base.HasEventsAsync(context, tenant, ranges, cancellationToken);
        }

        var names = EventNames(context);
        using var session = Open(context);
        var statement = session.Cache.Prepare($"SELECT j.key FROM json_each(?2) AS j WHERE EXISTS (SELECT 1 FROM {names.Table} AS t WHERE {names.InRange})");
        SqliteBinding.Bind(statement, 1, tenant.Value);
        BindRanges(statement, 2, ranges, names.Bucket);
        var found = new bool[ranges.Count];
        session.Cache.ReadAll(statement, () => found[SqliteColumns.Int32(statement, 0)] = true, cancellationToken);
        return Task.FromResult<IReadOnlyList<bool>>(found);
    }

    /// <inheritdoc/>
    public override Task<PlacedRows<T>> ReadEventsAsync<T>(DbContext context, TenantId tenant, IReadOnlyList<UsageRange> ranges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(ranges);
        if (!_useFastPath)
        {
            return base.ReadEventsAsync<T>(context, tenant, ranges, cancellationToken);
        }

        var names = EventNames(context);
        var reader = (RowReader<T>)_usageQueries.GetOrAdd(
            EntityOf(context, typeof(T)), static entity => new RowReader<T>(entity, nameof(UsageRecord.Tenant), nameof(UsageRecord.SubscriptionId), EventType));
        using var session = Open(context);
        var statement = session.Cache.Prepare($"SELECT j.key, {reader.Columns} FROM json_each(?2) AS j CROSS JOIN {names.Table} AS t ON {names.InRange}");
        SqliteBinding.Bind(statement, 1, tenant.Value);
        BindRanges(statement, 2, ranges, names.Bucket);
        var placed = new PlacedRows<T>();
        session.Cache.ReadAll(
            statement,
            () =>
            {
                var place = SqliteColumns.Int32(statement, 0);
                placed.Add(place, reader.Read(statement, tenant, ranges[place].SubscriptionId, ranges[place].Name, session.Cache.Texts));
            },
            cancellationToken);
        return Task.FromResult(placed);
    }

    /// <summary>The property of the events' row type, which is not public.</summary>
    private const string EventType = "EventType";

    private static EventTable EventNames(DbContext context)
    {
        var entity = context.Model.GetEntityTypes().First(e => e.ClrType.Name == "UsageRecordRow");
        return new EventTable(entity);
    }

    private static void BindRanges(Statement statement, int index, IReadOnlyList<UsageRange> ranges, IProperty bucket)
    {
        var buffer = new ArrayBufferWriter<byte>(ranges.Count * 64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var range in ranges)
            {
                json.WriteStartArray();
                json.WriteStringValue(range.SubscriptionId);
                json.WriteStringValue(range.Name);
                WriteMoment(json, range.From, bucket);
                WriteMoment(json, range.To, bucket);
                json.WriteEndArray();
            }

            json.WriteEndArray();
        }

        SqliteBinding.BindUtf8(statement, index, buffer.WrittenSpan);
    }

    private static void WriteMoment(Utf8JsonWriter json, Instant moment, IProperty property)
    {
        switch (property.GetTypeMapping().Converter?.ConvertToProvider(moment))
        {
            case long ticks:
                json.WriteNumberValue(ticks);
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            default:
                throw new NotSupportedException("Moments are numbers or texts in SQLite: turn the fast path off for this model.");
        }
    }

    /// <summary>Reads one type of rows of payers.</summary>
    private sealed class PayerQuery<T>
    {
        public PayerQuery(IEntityType entity, PayerRows which)
        {
            Reader = new RowReader<T>(entity, nameof(IBillingRow.Tenant), nameof(IPayerRow.PayerId));
            var payer = entity.Model.FindEntityType(typeof(Customer))!;
            var (table, payers) = (Reader.Table, new TableNames(payer));
            string Of(string column) => "t." + table.Column(column);
            string OfPayer(string column) => "p." + payers.Column(column);
            var rows = $"CROSS JOIN {table.Name} AS t ON {Of(nameof(IBillingRow.Tenant))} = ?1";
            var ofPayer = $"CROSS JOIN {payers.Name} AS p ON {OfPayer(nameof(Customer.Tenant))} = ?1 AND {OfPayer(nameof(Customer.Id))} = j.value "
                + $"{rows} AND {Of(nameof(IPayerRow.PayerId))} = j.value";
            var from = which switch
            {
                PayerRows.All => $"{rows} AND {Of(nameof(IPayerRow.PayerId))} = j.value" + (typeof(T) == typeof(DueItem) ? $" AND {Of(nameof(DueItem.Kind))} IN ({Kinds(entity)})" : ""),
                PayerRows.Own => $"{rows} AND {Of(nameof(Customer.Id))} = j.value AND {Of(nameof(Customer.PayerId))} = j.value",
                PayerRows.SinceHistory => $"{ofPayer} AND {Of("RecordedAt")} >= {OfPayer(nameof(Customer.HistoryFrom))}",
                PayerRows.WaitingOrSinceHistory => $"{ofPayer} AND ({Of("InvoiceId")} IS NULL OR {Of("RecordedAt")} >= {OfPayer(nameof(Customer.HistoryFrom))})",
                PayerRows.FromFirstOpenInvoice => $"{ofPayer} AND {Of("Ordinal")} >= {OfPayer(nameof(Customer.FirstOpenInvoice))}",
                _ => throw new ArgumentOutOfRangeException(nameof(which), which, "Unknown."),
            };
            Sql = $"SELECT j.key, {Reader.Columns} FROM json_each(?2) AS j {from}";
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

    /// <summary>Where events lie.</summary>
    private sealed class EventTable(IEntityType entity)
    {
        private readonly TableNames _table = new(entity);

        public string Table => _table.Name;

        public IProperty Bucket { get; } = entity.FindProperty(nameof(UsageRollup.Bucket))!;

        public string InRange =>
            $"t.{_table.Column(nameof(UsageRecord.Tenant))} = ?1 AND t.{_table.Column(nameof(UsageRecord.SubscriptionId))} = j.value->>0 AND t.{_table.Column(EventType)} = j.value->>1"
            + $" AND t.{_table.Column(Bucket)} >= j.value->>2 AND t.{_table.Column(Bucket)} < j.value->>3 AND t.{_table.Column(nameof(UsageRecord.Removed))} = 0";
    }
}
