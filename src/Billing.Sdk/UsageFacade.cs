using System.Security.Cryptography;
using System.Text;
using Billing.Catalog;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing;

/// <summary>Usage: record, correct, ask.</summary>
/// <remarks>
/// Thread-safe. Reached through <see cref="BillingEngine"/>. Recording and dropping are safe to repeat by themselves (an event counts once by its source and id), so
/// they do not look at the context's idempotency key.
/// </remarks>
public sealed class UsageFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal UsageFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Records events. Each is answered by itself: accepted, duplicate, unattributed or rejected with a code; nothing else is lost by a rejected one.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="entries">The events; those that are new are stored in one commit.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    public async Task<IReadOnlyList<UsageEntryResult>> RecordAsync(CommandContext context, IReadOnlyList<UsageEntry> entries, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(entries);
        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var attribution = await ReadAttributionAsync(tenant, entries, cancellationToken).ConfigureAwait(false);
        var results = new UsageEntryResult[entries.Count];
        var appends = new List<(int Index, UsageAppend Append)>();
        for (var i = 0; i < entries.Count; i++)
        {
            try
            {
                appends.Add((i, Append(tenant, attribution, entries[i])));
            }
            catch (BillingException error)
            {
                // A wrong event is an answer, not a failure of the batch.
                results[i] = new UsageEntryResult { Status = UsageStatus.Rejected, Code = error.Code, Message = error.Message };
            }
        }

        var outcomes = await _core.Storage.AppendUsageAsync(context.Tenant, [.. appends.Select(a => a.Append)], cancellationToken).ConfigureAwait(false);
        for (var n = 0; n < appends.Count; n++)
        {
            var (index, append) = appends[n];
            results[index] = new UsageEntryResult
            {
                Status = outcomes[n] == UsageOutcome.Duplicate ? UsageStatus.Duplicate
                    : append.Record.SubscriptionId is null ? UsageStatus.Unattributed
                    : UsageStatus.Accepted,
            };
        }

        return results;
    }

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
        for (var attempt = 0; attempt < 8; attempt++)
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
            var due = stored.SubscriptionId is { } subscription ? await DueOfAsync(tenant, subscription, stored.Event, cancellationToken).ConfigureAwait(false) : null;
            if (await CorrectAsync(tenant, stored, corrected, due, cancellationToken).ConfigureAwait(false))
            {
                return;
            }
        }

        throw BillingException.For(BillingErrorCodes.Conflict, "usage event", request.Id, "version", "Other corrections came first; try again.");
    }

    /// <summary>Quantities of the current period by meter, over the subscriptions of a customer.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<IReadOnlyDictionary<string, decimal>> GetCurrentAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var context = await _core.OpenAsync(tenant, cancellationToken).ConfigureAwait(false);
        var payer = await _commands.PayerOfAsync(tenant, StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false);
        var work = await _commands.OpenPayerAsync(context, tenant, payer, SnapshotParts.Subscriptions, cancellationToken).ConfigureAwait(false);
        var wanted = new List<(Meter Meter, Interval Period, UsageQuery Query)>();
        foreach (var timeline in Timelines.Of(work, work.Now).Where(t => t.Subscription.CustomerId == customerId && t.StartsAt <= work.Now))
        {
            wanted.AddRange(CurrentQueries(context, timeline));
        }

        var data = await _core.Storage.ReadUsageAsync(tenant, [.. wanted.Select(w => w.Query)], cancellationToken).ConfigureAwait(false);
        var result = new SortedDictionary<string, decimal>(StringComparer.Ordinal);
        for (var i = 0; i < wanted.Count; i++)
        {
            var quantity = RatingStage.QuantityOf(wanted[i].Meter, data[i], wanted[i].Query.NeedsEvents, wanted[i].Period).Value;
            result[wanted[i].Meter.Code] = result.GetValueOrDefault(wanted[i].Meter.Code) + quantity;
        }

        return result;
    }

    /// <summary>Usage that belongs to no subscription, oldest first.</summary>
    public Task<IReadOnlyList<UsageRecord>> ListUnattributedAsync(TenantId tenant, int maximum = 1000, CancellationToken cancellationToken = default) =>
        _core.Storage.ListUnattributedUsageAsync(tenant, maximum, cancellationToken);

    /// <summary>Drops raw events before a moment; rollups stay, so additive meters bill as before.</summary>
    /// <returns>How many were dropped.</returns>
    public Task<int> DropEventsAsync(CommandContext context, Instant before, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _core.Storage.DeleteUsageEventsAsync(context.Tenant, before, cancellationToken);
    }

    /// <summary>The key by which an event counts once: the first 16 bytes of SHA-256 over source, a zero byte and id.</summary>
    internal static Guid HashOf(string source, string id)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{source}\0{id}"), hash);
        return new Guid(hash[..16], bigEndian: true);
    }

    private static IEnumerable<(Meter Meter, Interval Period, UsageQuery Query)> CurrentQueries(TenantContext context, SubscriptionTimeline timeline)
    {
        var segment = timeline.Nearest(context.Now);
        var catalog = context.CatalogAt(context.Now)!.Definition;
        foreach (var charge in segment.Plan.AllCharges.Where(c => c.Type == ChargeType.Usage).DistinctBy(c => c.Meter))
        {
            var meter = catalog.Meter(charge.Meter!);
            var period = segment.Grid.PeriodAt(charge.Interval ?? segment.Plan.Interval, Instant.Max(context.Now, segment.From));
            var from = Instant.Max(period.From, timeline.StartsAt);
            yield return (meter, new Interval(from, period.To), new UsageQuery
            {
                SubscriptionId = timeline.Subscription.Id,
                Meter = meter.Code,
                EventType = meter.EventType,
                From = meter.CarryOver ? timeline.StartsAt : from,
                To = period.To,
                NeedsEvents = !meter.IsAdditive,
            });
        }
    }

    private async Task<Attribution> ReadAttributionAsync(TenantContext tenant, IReadOnlyList<UsageEntry> entries, CancellationToken cancellationToken)
    {
        var subscriptionIds = entries.Select(e => e.SubscriptionId).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        var customerIds = entries.Where(e => e.SubscriptionId is null).Select(e => e.CustomerId).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        var bySubscription = await _core.Storage.ReadSubscriptionsAsync(tenant.Id, subscriptionIds, cancellationToken).ConfigureAwait(false);
        var byCustomer = await _core.Storage.ReadSubscriptionsOfCustomersAsync(tenant.Id, customerIds, cancellationToken).ConfigureAwait(false);
        var known = new HashSet<string>(byCustomer.Select(s => s.Subscription.CustomerId), StringComparer.Ordinal);
        foreach (var id in customerIds.Where(id => !known.Contains(id)))
        {
            if (await _core.Storage.FindPayerAsync(tenant.Id, StoredObject.Customer, id, cancellationToken).ConfigureAwait(false) is not null)
            {
                known.Add(id);
            }
        }

        return new Attribution(tenant, [.. bySubscription, .. byCustomer], known);
    }

    private static UsageAppend Append(TenantContext tenant, Attribution attribution, UsageEntry entry)
    {
        Check(entry);
        var meters = MetersOf(tenant, entry.Event.Type);
        foreach (var meter in meters.Where(m => MeterCalculator.Counts(m, entry.Event)))
        {
            MeterCalculator.Check(meter, entry.Event);
        }

        var owner = attribution.OwnerOf(entry, meters);
        var record = new UsageRecord
        {
            Tenant = tenant.Id,
            Hash = HashOf(entry.Event.Source, entry.Event.Id),
            Event = entry.Event,
            CustomerId = owner?.Subscription.CustomerId ?? entry.CustomerId,
            SubscriptionId = owner?.Subscription.Id,
            RecordedAt = tenant.Now,
            Version = 1,
        };
        return new UsageAppend
        {
            Record = record,
            Rollups = owner is null ? [] : [.. meters.Where(m => m.IsAdditive).Select(m => Rollup(tenant, owner.Subscription.Id, m, entry.Event))],
            MakesDue = owner is null ? null : attribution.DueOf(owner, entry.Event, meters),
        };
    }

    private static void Check(UsageEntry entry)
    {
        Identifier.Check(entry.Event.Id, "usage event");
        Identifier.Check(entry.Event.Type, "usage event", "type");
        if (entry.Event.Source.Length > 128)
        {
            throw BillingException.Validation("usage event", entry.Event.Id, "source", "A source has at most 128 characters.");
        }

        if (entry.CustomerId is null && entry.SubscriptionId is null)
        {
            throw BillingException.Validation("usage event", entry.Event.Id, "customer", "Name the customer or the subscription that it belongs to.");
        }
    }

    private static List<Meter> MetersOf(TenantContext tenant, string type) =>
        [.. tenant.CatalogAt(tenant.Now)?.Definition.Meters.Where(m => m.EventType == type) ?? []];

    private static UsageRollup Rollup(TenantContext tenant, string subscriptionId, Meter meter, UsageEvent usage)
    {
        // An event that the filter leaves out is counted as nothing: so a bucket without a rollup is one whose rollup is missing.
        var summary = MeterCalculator.Summarize(meter, usage);
        return new UsageRollup
        {
            Tenant = tenant.Id,
            Id = tenant.Ids.NewId(),
            SubscriptionId = subscriptionId,
            Meter = meter.Code,
            Group = summary is null ? "" : GroupOf(meter, usage),
            Bucket = UsageRollup.BucketOf(usage.At),
            Count = (long)(summary?.Count ?? 0m),
            Sum = summary?.Sum ?? 0m,
            Min = summary?.Min,
            Max = summary?.Max,
            RecordedAt = tenant.Now,
        };
    }

    private static string GroupOf(Meter meter, UsageEvent usage) => string.Join('\u001f', MeterCalculator.GroupOf(meter, usage).Values);

    /// <summary>Replaces an event and the rollups of its bucket. One that arrives meanwhile is not in these rollups: they are made anew until none is missing.</summary>
    private async Task<bool> CorrectAsync(TenantContext tenant, UsageRecord stored, UsageRecord corrected, DueItem? due, CancellationToken cancellationToken)
    {
        if (stored.SubscriptionId is not { } subscription)
        {
            return await _core.Storage.CorrectUsageAsync(tenant.Id, corrected, [], due, cancellationToken).ConfigureAwait(false);
        }

        var seen = await BucketAsync().ConfigureAwait(false);
        if (!await _core.Storage.CorrectUsageAsync(tenant.Id, corrected, Rebuild(tenant, stored, corrected, seen), due, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        for (var record = corrected; ;)
        {
            var after = await BucketAsync().ConfigureAwait(false);
            if (after.Select(e => e.Hash).Except(seen.Select(e => e.Hash)).All(hash => hash == corrected.Hash))
            {
                return true;
            }

            seen = after;
            record = record with { Version = record.Version + 1 };
            if (!await _core.Storage.CorrectUsageAsync(tenant.Id, record, Rebuild(tenant, stored, record, seen), null, cancellationToken).ConfigureAwait(false))
            {
                // Another correction of the event came after this one and makes the rollups anew.
                return true;
            }
        }

        Task<IReadOnlyList<UsageRecord>> BucketAsync() =>
            _core.Storage.ReadUsageBucketAsync(tenant.Id, subscription, stored.Event.Type, UsageRollup.BucketOf(stored.Event.At), cancellationToken);
    }

    private static List<UsageRollup> Rebuild(TenantContext tenant, UsageRecord stored, UsageRecord corrected, IReadOnlyList<UsageRecord> events)
    {
        var now = events.Where(e => e.Hash != stored.Hash).Select(e => e.Event).ToList();
        if (!corrected.Removed)
        {
            now.Add(corrected.Event);
        }

        var result = new List<UsageRollup>();
        foreach (var meter in MetersOf(tenant, stored.Event.Type).Where(m => m.IsAdditive))
        {
            if (!corrected.Removed && MeterCalculator.Counts(meter, corrected.Event))
            {
                MeterCalculator.Check(meter, corrected.Event);
            }

            var groups = now.Append(stored.Event).Select(e => GroupOf(meter, e)).Distinct(StringComparer.Ordinal);
            foreach (var group in groups)
            {
                var sum = UsageSummary.Combine(now.Where(e => GroupOf(meter, e) == group).Select(e => MeterCalculator.Summarize(meter, e)).OfType<UsageSummary>());
                result.Add(Rollup(tenant, stored.SubscriptionId!, meter, stored.Event) with
                {
                    Group = group,
                    Count = (long)sum.Count,
                    Sum = sum.Sum,
                    Min = sum.Min,
                    Max = sum.Max,
                    Replaces = true,
                });
            }
        }

        return result;
    }

    private async Task<DueItem?> DueOfAsync(TenantContext tenant, string subscriptionId, UsageEvent usage, CancellationToken cancellationToken)
    {
        var subscriptions = await _core.Storage.ReadSubscriptionsAsync(tenant.Id, [subscriptionId], cancellationToken).ConfigureAwait(false);
        var attribution = new Attribution(tenant, subscriptions, []);
        return subscriptions.Count == 0 ? null : attribution.DueOf(subscriptions[0], usage, MetersOf(tenant, usage.Type));
    }

    /// <summary>Whose usage an event is.</summary>
    private sealed class Attribution(TenantContext tenant, IReadOnlyList<SubscriptionWithTerms> subscriptions, HashSet<string> customers)
    {
        /// <summary>Longer than recording takes from reading who is due to its commit.</summary>
        private static readonly Duration RunMargin = Duration.FromMinutes(5);

        private readonly Dictionary<string, SubscriptionTimeline?> _timelines = new(StringComparer.Ordinal);

        public SubscriptionWithTerms? OwnerOf(UsageEntry entry, List<Meter> meters)
        {
            if (entry.SubscriptionId is { } id)
            {
                return subscriptions.FirstOrDefault(s => s.Subscription.Id == id) ?? throw BillingException.NotFound("subscription", id);
            }

            if (!customers.Contains(entry.CustomerId!))
            {
                throw BillingException.NotFound("customer", entry.CustomerId!);
            }

            var matches = subscriptions
                .Where(s => s.Subscription.CustomerId == entry.CustomerId && Charges(s, entry.Event.At, meters).Any())
                .DistinctBy(s => s.Subscription.Id)
                .ToList();
            if (matches.Count > 1)
            {
                // A paused subscription charges nothing: another one that runs comes before it.
                matches = [.. matches.Where(s => TimelineOf(s)?.At(entry.Event.At)?.State != SegmentState.Paused)];
            }

            return matches.Count <= 1
                ? matches.FirstOrDefault()
                : throw BillingException.For(BillingErrorCodes.Ambiguous, "usage event", entry.Event.Id, "customer", $"Subscriptions {string.Join(", ", matches.Select(m => m.Subscription.Id))} all have a charge on its meter; name one.");
        }

        /// <summary>
        /// Usage that is billed as it arrives, and usage for which no run lies ahead, makes the payer due. Late usage leaves word how far it reaches back, so that the next run looks there.
        /// A payer that is due (or nearly) is marked, too: a run that has read its usage already then leaves it due.
        /// </summary>
        public DueItem? DueOf(SubscriptionWithTerms owner, UsageEvent usage, List<Meter> meters)
        {
            var atOnce = owner.DueAt is null || Charges(owner, usage.At, meters).Any(c => c.Timing == ChargeTiming.InAdvance);
            var isLate = usage.At < owner.BilledThrough;
            var isDue = owner.DueAt <= tenant.Now + RunMargin;
            return atOnce || isLate || isDue
                ? new DueItem
                {
                    Tenant = tenant.Id,
                    Kind = DueKind.Billing,
                    PayerId = owner.Subscription.PayerId,
                    DueAt = atOnce ? tenant.Now : owner.DueAt!.Value,
                    ReopensFrom = isLate ? usage.At : null,
                }
                : null;
        }

        private IEnumerable<Charge> Charges(SubscriptionWithTerms subscription, Instant at, List<Meter> meters)
        {
            return TimelineOf(subscription)?.At(at) is { } segment
                ? segment.Plan.AllCharges.Where(c => c.Type == ChargeType.Usage && meters.Any(m => m.Code == c.Meter))
                : [];
        }

        private SubscriptionTimeline? TimelineOf(SubscriptionWithTerms subscription)
        {
            if (!_timelines.TryGetValue(subscription.Subscription.Id, out var timeline))
            {
                var parent = subscription.Subscription.ParentSubscriptionId is { } id ? subscriptions.FirstOrDefault(s => s.Subscription.Id == id) : null;
                timeline = TimelineBuilder.Build(
                    subscription.Subscription,
                    subscription.Terms,
                    tenant.Catalogs,
                    tenant.Settings,
                    tenant.Zone,
                    tenant.Now,
                    parent is null ? null : TimelineOf(parent));
                _timelines[subscription.Subscription.Id] = timeline;
            }

            return timeline;
        }
    }
}
