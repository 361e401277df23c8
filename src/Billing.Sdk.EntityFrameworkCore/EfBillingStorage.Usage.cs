using Billing.Storage;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Billing.EntityFrameworkCore;

public partial class EfBillingStorage<TContext>
{
    private static readonly Duration BucketLength = Duration.FromMinutes(UsageRollup.BucketMinutes);

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageData>> ReadUsageAsync(TenantId tenant, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(queries);
        return ReadMomentAsync(
            tenant,
            (context, cancel) => UsageAnswers.ReadAsync(context, _database, tenant, queries, cancel),
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageOutcome>> AppendUsageAsync(TenantId tenant, UsageAppendBatch events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        StorageRules.Check(tenant, events);
        return WriteAsync<IReadOnlyList<UsageOutcome>>(
            tenant,
            (context, cancel) => AppendAsync(context, tenant, events, cancel),
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<UsageRecord?> FindUsageAsync(TenantId tenant, Guid hash, CancellationToken cancellationToken) => ReadAsync(
        tenant,
        async (context, cancel) => (await RecordOf(context, tenant, hash).SingleOrDefaultAsync(cancel).ConfigureAwait(false))?.ToRecord(),
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageRecord>> ReadUsageBucketAsync(
        TenantId tenant, string subscriptionId, string eventType, Instant bucket, CancellationToken cancellationToken) => RecordsAsync(
        tenant,
        context => Of<UsageRecordRow>(context, tenant)
            .Where(r => r.SubscriptionId == subscriptionId && r.EventType == eventType && r.Bucket == bucket && !r.Removed)
            .OrderBy(r => r.At).ThenBy(r => r.Hash),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> CorrectUsageAsync(
        TenantId tenant, UsageRecord record, IReadOnlyList<UsageRollup> rollups, DueItem? makesDue, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(rollups);
        StorageRules.Check(tenant, [new UsageAppend { Record = record, Rollups = rollups, MakesDue = makesDue }]);
        return WriteAsync(
            tenant,
            async (context, cancel) =>
            {
                var stored = await RecordOf(context, tenant, record.Hash).Select(r => (Instant?)r.StoredAt).SingleOrDefaultAsync(cancel).ConfigureAwait(false);
                if (stored is not { } at
                    || (await _database.UpdateAsync(context, [new StoredRow(UsageRecordRow.Of(record, at), record.Version - 1)], each: true, cancel).ConfigureAwait(false)).Count > 0)
                {
                    return false;
                }

                await _database.InsertAsync(context, StorageRules.MergeRollups(rollups, _ids), cancel).ConfigureAwait(false);
                await DueItems.MarkAsync(context, _database, tenant, makesDue is null ? [] : [makesDue], cancel).ConfigureAwait(false);
                return true;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<int> DeleteUsageEventsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        WriteAsync(tenant, (context, cancel) => Of<UsageRecordRow>(context, tenant).Where(r => r.At < before).ExecuteDeleteAsync(cancel), cancellationToken);

    /// <inheritdoc/>
    public Task<int> DeleteUsageKeysAsync(TenantId tenant, Instant before, CancellationToken cancellationToken) =>
        WriteAsync(tenant, (context, cancel) => Of<UsageKeyRow>(context, tenant).Where(k => k.At < before).ExecuteDeleteAsync(cancel), cancellationToken);

    /// <inheritdoc/>
    public Task<int> DeleteUsageRollupsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken)
    {
        var lastBucket = before - BucketLength;
        return WriteAsync(tenant, (context, cancel) => Of<UsageRollup>(context, tenant).Where(r => r.Bucket <= lastBucket).ExecuteDeleteAsync(cancel), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<UsageRecord>> ListUnattributedUsageAsync(TenantId tenant, int maximum, CancellationToken cancellationToken) => RecordsAsync(
        tenant,
        context => Of<UsageRecordRow>(context, tenant).Where(r => r.SubscriptionId == null && !r.Removed).OrderBy(r => r.At).ThenBy(r => r.Hash).Take(maximum),
        cancellationToken);

    private Task<IReadOnlyList<UsageRecord>> RecordsAsync(
        TenantId tenant, Func<DbContext, IQueryable<UsageRecordRow>> query, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<UsageRecord>>(
            tenant,
            async (context, cancel) => (await query(context).ToListAsync(cancel).ConfigureAwait(false)).ConvertAll(r => r.ToRecord()), cancellationToken);

    /// <summary>The event with this hash: its key tells when it was stored, which is where it lies.</summary>
    private static IQueryable<UsageRecordRow> RecordOf(DbContext context, TenantId tenant, Guid hash) =>
        Of<UsageKeyRow>(context, tenant).Where(k => k.Hash == hash)
            .SelectMany(k => Of<UsageRecordRow>(context, tenant).Where(r => r.StoredAt == k.StoredAt && r.Hash == hash));

    private async Task<IReadOnlyList<UsageOutcome>> AppendAsync(DbContext context, TenantId tenant, UsageAppendBatch events, CancellationToken cancellationToken)
    {
        var (records, outcomes) = (events.Records, new UsageOutcome[events.Count]);
        Array.Fill(outcomes, UsageOutcome.Duplicate);
        var first = FirstOfEach(records);
        var keys = Array.ConvertAll(
            first, i => (object)new UsageKeyRow { Tenant = tenant, Hash = records[i].Hash, StoredAt = records[i].RecordedAt, At = records[i].Event.At });
        var isNew = await _database.InsertNewAsync(context, keys, cancellationToken).ConfigureAwait(false)
            ?? await InsertNewAsync(context, tenant, keys, cancellationToken).ConfigureAwait(false);
        var rows = new List<object>(records.Count * 2);
        for (var i = 0; i < first.Length; i++)
        {
            if (isNew[i])
            {
                var record = records[first[i]];
                outcomes[first[i]] = UsageOutcome.Accepted;
                rows.Add(UsageRecordRow.Of(record, record.RecordedAt));
            }
        }

        rows.AddRange(events.RollupsOf(outcomes, _ids));
        await _database.InsertAsync(context, rows, cancellationToken).ConfigureAwait(false);
        await DueItems.MarkAsync(context, _database, tenant, events.DueOf(outcomes), cancellationToken).ConfigureAwait(false);
        return outcomes;
    }

    /// <summary>The places of the events with different hashes, in order of hash: keys that are written in order cost less.</summary>
    private static int[] FirstOfEach(IReadOnlyList<UsageRecord> events)
    {
        var hashes = new HashSet<Guid>(events.Count);
        var places = new List<int>(events.Count);
        for (var i = 0; i < events.Count; i++)
        {
            if (hashes.Add(events[i].Hash))
            {
                places.Add(i);
            }
        }

        var first = places.ToArray();
        Array.Sort(Array.ConvertAll(first, i => events[i].Hash), first);
        return first;
    }

    /// <summary>Reads which keys are there and inserts the others. Who took one in between makes the call start again.</summary>
    private async Task<IReadOnlyList<bool>> InsertNewAsync(DbContext context, TenantId tenant, object[] keys, CancellationToken cancellationToken)
    {
        var known = new HashSet<Guid>();
        foreach (var part in keys.Select(k => ((UsageKeyRow)k).Hash).Chunk(500))
        {
            known.UnionWith(await Of<UsageKeyRow>(context, tenant).Where(k => part.Contains(k.Hash)).Select(k => k.Hash).ToListAsync(cancellationToken).ConfigureAwait(false));
        }

        var isNew = Array.ConvertAll(keys, k => !known.Contains(((UsageKeyRow)k).Hash));
        await InsertOrRaceAsync(context, [.. keys.Where((_, i) => isNew[i])], cancellationToken).ConfigureAwait(false);
        return isNew;
    }

    private async Task InsertOrRaceAsync(DbContext context, IReadOnlyList<object> rows, CancellationToken cancellationToken)
    {
        try
        {
            await _database.InsertAsync(context, rows, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (_database.IsUniqueViolation(exception))
        {
            throw new RaceException(exception);
        }
    }
}
