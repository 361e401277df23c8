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
public sealed partial class UsageFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal UsageFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
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

    /// <summary>
    /// Drops raw events of whole 15-minute buckets before a moment; rollups stay, so additive meters bill as before. Meters that do not add up, and prices that look at single events, need the events
    /// of periods that can still be billed or corrected.
    /// </summary>
    /// <remarks>An event that was dropped still counts once: its key is kept apart from it (<see cref="DropKeysAsync"/>).</remarks>
    /// <returns>How many were dropped.</returns>
    public Task<int> DropEventsAsync(CommandContext context, Instant before, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);

        // A bucket is kept whole or not at all: a correction makes its greatest and least value anew from its events.
        return _core.Storage.DeleteUsageEventsAsync(context.Tenant, UsageRollup.BucketOf(before), cancellationToken);
    }

    /// <summary>
    /// Drops the keys by which events count once, of events that are older than <see cref="TenantSettings.UsageAcceptedDays"/> and a day more; nothing without that setting. From then on such events are
    /// refused as <c>expired</c>, also when the setting is raised later. Events and rollups stay.
    /// </summary>
    /// <returns>How many keys were dropped.</returns>
    /// <exception cref="BillingException"><c>not-found</c>: the tenant; <c>conflict</c>: the tenant was changed meanwhile.</exception>
    public async Task<int> DropKeysAsync(CommandContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var from = await _commands.ExecuteTenantAsync(
            context with { IdempotencyKey = null },
            "usage.drop-keys",
            context.Tenant.Value,
            async token =>
            {
                // A recording that began before this and is not stored yet checks against an earlier moment: the day more is for it.
                var tenant = await _core.OpenAsync(context.Tenant, token).ConfigureAwait(false);
                var before = tenant.Settings.UsageAcceptedDays is { } days ? tenant.Now - Duration.FromDays(days) - Duration.FromDays(1) : (Instant?)null;
                return before is null || tenant.Tenant.UsageKeysFrom >= before
                    ? ((IReadOnlyList<RowChange>)[], tenant.Tenant.UsageKeysFrom)
                    : ([RowChange.Update(tenant.Tenant with { UsageKeysFrom = before, Version = tenant.Tenant.Version + 1 })], before);
            },
            cancellationToken).ConfigureAwait(false);

        // The mark is stored first: whatever happens in between, no key is gone that an event could still need.
        return from is { } moment ? await _core.Storage.DeleteUsageKeysAsync(context.Tenant, moment, cancellationToken).ConfigureAwait(false) : 0;
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

    private async Task<DueItem?> DueOfAsync(TenantContext tenant, string subscriptionId, UsageEvent usage, CancellationToken cancellationToken)
    {
        var subscriptions = await _core.Storage.ReadSubscriptionsAsync(tenant.Id, [subscriptionId], cancellationToken).ConfigureAwait(false);
        var attribution = new Attribution(tenant, subscriptions, []);
        return subscriptions.Count == 0 ? null : attribution.DueOf(subscriptions[0], usage, MetersOf(tenant.CatalogAt(tenant.Now)).Of(usage.Type).Meters);
    }

    /// <summary>Whose usage an event is. For one batch; not thread-safe.</summary>
    private sealed class Attribution
    {
/// <summary>Longer than recording takes from reading who is due to its commit.</summary>
        private static readonly Duration RunMargin = Duration.FromMinutes(5);

        private readonly TenantContext tenant;
        private readonly HashSet<string> _customers;
        private readonly Dictionary<string, Owner> _bySubscription = new(StringComparer.Ordinal);
        private readonly Dictionary<string, List<Owner>> _byCustomer = new(StringComparer.Ordinal);

        /// <param name="tenant">The tenant.</param>
        /// <param name="subscriptions">Subscriptions that the batch names or whose customers it names, and those that they are add-ons of.</param>
        /// <param name="customers">Customers that exist, among those that the batch names.</param>
        public Attribution(TenantContext tenant, IEnumerable<SubscriptionWithTerms> subscriptions, HashSet<string> customers)
        {
            this.tenant = tenant;
            _customers = customers;
            foreach (var subscription in subscriptions)
            {
                var owner = new Owner(subscription);
                if (_bySubscription.TryAdd(subscription.Subscription.Id, owner))
                {
                    Of(subscription.Subscription.CustomerId).Add(owner);
                }
            }
        }

        /// <summary>Finds the subscription that an event belongs to: <see langword="null"/> when it is nobody's.</summary>
        /// <returns>Why the event is refused, or <see langword="null"/>.</returns>
        public BillingException? Find(UsageEntry entry, List<Meter> meters, out SubscriptionWithTerms? owner)
        {
            owner = null;
            if (entry.SubscriptionId is { } id)
            {
                owner = _bySubscription.GetValueOrDefault(id)?.Subscription;
                return owner is null ? BillingException.NotFound("subscription", id) : null;
            }

            var customer = entry.CustomerId!;
            if (!_customers.Contains(customer))
            {
                return BillingException.NotFound("customer", customer);
            }

            return _byCustomer.TryGetValue(customer, out var owners) ? OnlyOne(owners, entry, meters, out owner) : null;
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

        private BillingException? OnlyOne(List<Owner> owners, UsageEntry entry, List<Meter> meters, out SubscriptionWithTerms? only)
        {
            only = null;
            var several = false;
            foreach (var owner in owners)
            {
                if (Charges(owner, entry.Event.At, meters).Length > 0)
                {
                    several = only is not null;
                    only = owner.Subscription;
                    if (several)
                    {
                        break;
                    }
                }
            }

            return several ? OneThatRuns(owners, entry, meters, out only) : null;
        }

        private BillingException? OneThatRuns(List<Owner> owners, UsageEntry entry, List<Meter> meters, out SubscriptionWithTerms? only)
        {
            // A paused subscription charges nothing: another one that runs comes before it.
            var running = owners.FindAll(o => Charges(o, entry.Event.At, meters).Length > 0 && TimelineOf(o)?.At(entry.Event.At)?.State != SegmentState.Paused);
            only = running.Count == 1 ? running[0].Subscription : null;
            return running.Count <= 1
                ? null
                : BillingException.For(
                    BillingErrorCodes.Ambiguous,
                    "usage event",
                    entry.Event.Id,
                    "customer",
                    $"Subscriptions {string.Join(", ", running.Select(m => m.Subscription.Subscription.Id))} all have a charge on its meter; name one.");
        }

        private Charge[] Charges(SubscriptionWithTerms subscription, Instant at, List<Meter> meters) =>
            Charges(_bySubscription[subscription.Subscription.Id], at, meters);

        private Charge[] Charges(Owner owner, Instant at, List<Meter> meters)
        {
            if (TimelineOf(owner)?.At(at) is not { } segment)
            {
                return [];
            }

            // Events of a batch come mostly from one segment and of one type.
            if (!ReferenceEquals(segment, owner.Segment) || !ReferenceEquals(meters, owner.Meters))
            {
                (owner.Segment, owner.Meters) = (segment, meters);
                owner.Charges = [.. segment.Plan.AllCharges.Where(c => c.Type == ChargeType.Usage && meters.Exists(m => m.Code == c.Meter))];
            }

            return owner.Charges;
        }

        private SubscriptionTimeline? TimelineOf(Owner owner)
        {
            if (!owner.IsBuilt)
            {
                owner.IsBuilt = true;
                var parent = owner.Subscription.Subscription.ParentSubscriptionId is { } id ? _bySubscription.GetValueOrDefault(id) : null;
                owner.Timeline = TimelineBuilder.Build(
                    owner.Subscription.Subscription,
                    owner.Subscription.Terms,
                    tenant.Catalogs,
                    tenant.Settings,
                    tenant.Zone,
                    tenant.Now,
                    parent is null ? null : TimelineOf(parent));
            }

            return owner.Timeline;
        }

        private List<Owner> Of(string customer)
        {
            if (!_byCustomer.TryGetValue(customer, out var owners))
            {
                _byCustomer.Add(customer, owners = []);
            }

            return owners;
        }

        /// <summary>A subscription, and what was worked out of it for the last event.</summary>
        private sealed class Owner(SubscriptionWithTerms subscription)
        {
            public SubscriptionWithTerms Subscription { get; } = subscription;

            public bool IsBuilt { get; set; }

            public SubscriptionTimeline? Timeline { get; set; }

            public TimelineSegment? Segment { get; set; }

            public List<Meter>? Meters { get; set; }

            public Charge[] Charges { get; set; } = [];
        }
    }
}
