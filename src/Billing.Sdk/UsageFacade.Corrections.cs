using Billing.Catalog;
using Billing.Processing;
using Billing.Storage;
using Billing.Usage;

namespace Billing;

public sealed partial class UsageFacade
{
    private const int Attempts = 64;

    /// <summary>Corrects or removes a stored event; the difference is billed with the next invoice. What is removed already can be removed again: nothing happens.</summary>
    /// <exception cref="BillingException"><c>not-found</c>: no such event is stored (any more); <c>validation</c>: the new properties cannot be metered;
    /// <c>conflict</c>: the idempotency key was used for another correction.</exception>
    public async Task CorrectAsync(CommandContext context, CorrectUsageRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        if (request.Remove == (request.Properties is not null))
        {
            throw BillingException.Validation("usage event", request.Id, "properties", "Give the new properties, or say that it is removed.");
        }

        if (context.IdempotencyKey is null)
        {
            await CorrectOnceAsync(context, request, cancellationToken).ConfigureAwait(false);
            return;
        }

        // The answer is kept after the correction; if the process ends in between, the repeated correction sets the same again.
        await _commands.ExecuteTenantAsync(
            context,
            "usage.correct",
            request,
            async token =>
            {
                await CorrectOnceAsync(context, request, token).ConfigureAwait(false);
                return ((IReadOnlyList<RowChange>)[], true);
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task CorrectOnceAsync(CommandContext context, CorrectUsageRequest request, CancellationToken cancellationToken)
    {
        var hash = HashOf(request.Source, request.Id);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
            var stored = await _core.Storage.FindUsageAsync(context.Tenant, hash, cancellationToken).ConfigureAwait(false);
            if (stored is { Removed: true } && request.Remove)
            {
                return;
            }

            if (stored is null || stored.Removed)
            {
                throw BillingException.NotFound("usage event", request.Id);
            }

            var corrected = stored with
            {
                Removed = request.Remove,
                Event = request.Properties is { } properties ? stored.Event with { Properties = properties } : stored.Event,
                Version = stored.Version + 1,
            };
            if (Intake.WrongProperties(corrected.Event) is { } wrong)
            {
                throw wrong;
            }

            if (await CorrectAsync(tenant, stored, corrected, cancellationToken).ConfigureAwait(false))
            {
                return;
            }
        }

        throw BillingException.For(BillingErrorCodes.Conflict, "usage event", request.Id, "version", "Other corrections came first; try again.");
    }

    /// <summary>
    /// Replaces an event if it is still as it was, and adds to rollups what that changes. Counts and sums take the difference, whatever else arrives meanwhile; greatest and least values are made anew
    /// from the events of the bucket, and once more when an event has arrived in between.
    /// </summary>
    private async Task<bool> CorrectAsync(TenantContext tenant, UsageRecord stored, UsageRecord corrected, CancellationToken cancellationToken)
    {
        // By the meters that counted the event when it arrived: what they made of it is taken back.
        var meters = MetersOf(tenant.Catalogs.LastOrDefault(c => c.EffectiveAt <= stored.RecordedAt && c.RecordedAt <= stored.RecordedAt) ?? tenant.CatalogAt(stored.RecordedAt)).Of(stored.Event.Type).Ready;
        var differences = Differences(tenant, meters, stored, corrected);
        if (stored.SubscriptionId is not { } subscription)
        {
            return await WriteAsync(corrected, [], null).ConfigureAwait(false);
        }

        var extremes = Array.FindAll(meters, m => m.Meter.IsAdditive && !IsSum(m.Meter));
        var due = await DueOfAsync(tenant, subscription, stored.Event, cancellationToken).ConfigureAwait(false);
        var seen = extremes.Length == 0 ? [] : await BucketAsync().ConfigureAwait(false);
        if (!await WriteAsync(corrected, [.. differences, .. Rebuild(tenant, extremes, stored, corrected, seen)], due).ConfigureAwait(false))
        {
            return false;
        }

        for (var record = corrected; extremes.Length > 0;)
        {
            var after = await BucketAsync().ConfigureAwait(false);
            if (after.Select(e => e.Hash).Except(seen.Select(e => e.Hash)).All(hash => hash == corrected.Hash))
            {
                return true;
            }

            seen = after;
            record = record with { Version = record.Version + 1 };
            if (!await WriteAsync(record, Rebuild(tenant, extremes, stored, record, seen), null).ConfigureAwait(false))
            {
                // Another correction of the event came after this one and makes the rollups anew.
                return true;
            }
        }

        return true;

        Task<bool> WriteAsync(UsageRecord record, IReadOnlyList<UsageRollup> rollups, DueItem? makesDue) =>
            _core.Storage.CorrectUsageAsync(tenant.Id, record, rollups, makesDue, cancellationToken);

        Task<IReadOnlyList<UsageRecord>> BucketAsync() =>
            _core.Storage.ReadUsageBucketAsync(tenant.Id, subscription, stored.Event.Type, UsageRollup.BucketOf(stored.Event.At), cancellationToken);
    }

    /// <summary>Whether what an event adds to the meter can be taken back without looking at other events.</summary>
    private static bool IsSum(Meter meter) => meter.Aggregation is MeterAggregation.Count or MeterAggregation.Sum;

    /// <summary>What a correction adds to the meters that count or sum. Checks the corrected event for all meters.</summary>
    private static List<UsageRollup> Differences(TenantContext tenant, EventMeter[] meters, UsageRecord stored, UsageRecord corrected)
    {
        var result = new List<UsageRollup>();
        foreach (var meter in meters)
        {
            var (added, group) = (UsageSummary.None, "");
            if (!corrected.Removed && meter.Take(corrected.Event, out added, out group) is { } error)
            {
                throw error;
            }

            if (stored.SubscriptionId is { } subscription && meter.Meter.IsAdditive && IsSum(meter.Meter))
            {
                _ = meter.Take(stored.Event, out var taken, out var groupBefore);
                result.Add(Rollup(tenant, subscription, meter.Meter, groupBefore, stored, new UsageSummary(-taken.Count, -taken.Sum, null, null)));
                result.Add(Rollup(tenant, subscription, meter.Meter, group, stored, added));
            }
        }

        return result;
    }

    private static IEnumerable<UsageRollup> RebuildOne(TenantContext tenant, EventMeter meter, UsageRecord stored, IReadOnlyList<UsageEvent> now)
    {
        foreach (var group in now.Append(stored.Event).Select(meter.GroupOf).Distinct(StringComparer.Ordinal))
        {
            var sum = UsageSummary.Combine(now.Where(e => meter.GroupOf(e) == group).Select(e => MeterCalculator.Summarize(meter.Meter, e)).OfType<UsageSummary>());
            yield return Rollup(tenant, stored.SubscriptionId!, meter.Meter, group, stored, sum) with { Replaces = true };
        }
    }

    /// <summary>The rollups of an event's bucket made anew from its events.</summary>
    private static List<UsageRollup> Rebuild(TenantContext tenant, EventMeter[] meters, UsageRecord stored, UsageRecord corrected, IReadOnlyList<UsageRecord> events)
    {
        var now = events.Where(e => e.Hash != stored.Hash).Select(e => e.Event).ToList();
        if (!corrected.Removed)
        {
            now.Add(corrected.Event);
        }

        return [.. meters.SelectMany(m => RebuildOne(tenant, m, stored, now))];
    }

    private static UsageRollup Rollup(TenantContext tenant, string subscriptionId, Meter meter, string group, UsageRecord record, UsageSummary summary) => new()
    {
        Tenant = tenant.Id,
        Id = Guid.Empty,
        SubscriptionId = subscriptionId,
        Meter = meter.Code,
        Group = group,
        Bucket = UsageRollup.BucketOf(record.Event.At),
        Count = (long)summary.Count,
        Sum = summary.Sum,
        Min = summary.Min,
        Max = summary.Max,
        RecordedAt = tenant.Now,
    };
}
