using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Storage;

public abstract partial class StorageContract
{
    private static readonly Type[] RandomTypes = [typeof(Subscription), typeof(SubscriptionTerm), typeof(Invoice), typeof(InvoiceLine), typeof(PaymentAttempt), typeof(OutboxMessage), typeof(CouponRedemption)];

    /// <summary>How many random commands <see cref="RandomCommandsAgreeWithAModelAsync"/> makes. Default 2,000.</summary>
    protected virtual int RandomSteps => 2000;

    /// <summary>Where the random commands start. Default 1.</summary>
    protected virtual ulong Seed => 1;

    /// <summary>After each of many random commands, random reads agree with a model in memory.</summary>
    public async Task RandomCommandsAgreeWithAModelAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var random = new Dice(Seed);
        var model = new StorageModel();
        for (var step = 0; step < RandomSteps; step++)
        {
            var tenant = random.Chance(80) ? TenantA : TenantB;
            try
            {
                await StepAsync(storage, model, random, tenant, Noon + Minutes(step)).ConfigureAwait(false);
                await CompareAsync(storage, model, random, tenant).ConfigureAwait(false);
            }
            catch (ContractViolationException violation)
            {
                throw new ContractViolationException($"Seed {Seed}, step {step}: {violation.Message}");
            }
        }
    }

    private async Task StepAsync(IBillingStorage storage, StorageModel model, Dice random, TenantId tenant, Instant now)
    {
        switch (random.Next(10))
        {
            case 0:
                var leased = await storage.LeaseOutboxAsync(tenant, now, Minutes(30), int.MaxValue, None).ConfigureAwait(false);
                SameRows(model.Lease(tenant, now, Minutes(30)).OrderBy(m => m.Id), leased.OrderBy(m => m.Id), "messages leased");
                var done = leased.Where(_ => random.Chance(70)).Select(m => m with { State = OutboxState.Done, LeasedUntil = null, Version = m.Version + (random.Chance(90) ? 1 : 2) }).ToArray();
                await storage.CompleteOutboxAsync(done, None).ConfigureAwait(false);
                Array.ForEach(done, model.Complete);
                break;
            case 1 or 2 or 3:
                var events = Enumerable.Range(0, 1 + random.Next(5)).Select(_ => RandomUsage(model, random, tenant)).ToArray();
                var outcomes = await storage.AppendUsageAsync(tenant, [.. events], None).ConfigureAwait(false);
                SameRows(events.Select(model.Append), outcomes, "outcomes of events");
                model.Mark(events.Where((_, i) => outcomes[i] == UsageOutcome.Accepted).Select(e => e.MakesDue).OfType<DueItem>());
                break;
            default:
                var payers = Enumerable.Range(0, 1 + random.Next(4)).Select(_ => "p" + random.Next(6)).Distinct();
                var batch = Batch(tenant, [.. payers.Select(p => RandomChanges(model, random, tenant, p))]);
                var result = await storage.CommitAsync(batch, None).ConfigureAwait(false);
                SameRows(model.Commit(batch), result.Payers.Select(p => p.Outcome), "outcomes of payers");
                break;
        }
    }

    private PayerChanges RandomChanges(StorageModel model, Dice random, TenantId tenant, string payerId)
    {
        var stored = model.Rows<Customer>(tenant).FirstOrDefault(c => c.Id == payerId);
        var version = random.Chance(90) ? stored?.BillingVersion ?? 0 : random.Next(5);
        var rows = new Dictionary<(Type, RowKey), RowChange>();
        for (var i = random.Next(5); i > 0; i--)
        {
            var type = RandomTypes[random.Next(RandomTypes.Length)];
            var own = model.Rows<IPayerRow>(tenant).Where(r => r.GetType() == type && r.PayerId == payerId).OrderBy(r => StorageRules.PrimaryKey(r).ToString(), StringComparer.Ordinal).ToArray();
            var change = own.Length > 0 && random.Chance(30) ? RandomChange(own[random.Next(own.Length)], random) : RowChange.Insert(RandomRow(type, random, tenant, payerId));
            rows.TryAdd((type, StorageRules.PrimaryKey(change.Row)), change);
        }

        var invoice = rows.Values.Where(r => r.Operation != RowOperation.Delete).Select(r => r.Row).OfType<Invoice>().FirstOrDefault();
        var kinds = Enum.GetValues<DueKind>().Where(_ => random.Chance(30));
        return Changes(tenant, payerId, version, [.. rows.Values]) with
        {
            Numbers = invoice is not null && random.Chance(60) ? [new NumberRequest(invoice.Id, "e", "s" + random.Next(2), "N{n}")] : [],
            Due = kinds.ToDictionary(k => k, _ => random.Chance(70) ? Noon + Minutes(random.Next(2000)) : (Instant?)null),
            DueSeen = model.Rows<DueItem>(tenant).Where(d => d.PayerId == payerId && random.Chance(70)).ToDictionary(d => d.Kind, d => d.Version - (random.Chance(10) ? 1 : 0)),
            Idempotency = random.Chance(20) ? _samples.Row<IdempotencyRecord>(tenant, "") with { Command = "c" + random.Next(3), Key = "k" + random.Next(40) } : null,
        };
    }

    private IBillingRow RandomRow(Type type, Dice random, TenantId tenant, string payerId) => _samples.Row(type, tenant, payerId) switch
    {
        Subscription row => row with { Id = "s" + random.Next(30) },
        SubscriptionTerm row => row with { SubscriptionId = payerId + "s" + random.Next(6), Sequence = random.Next(10) },
        Invoice row => row with { Ordinal = random.Next(200), SeriesNumber = null, Number = null },
        InvoiceLine row => row with { Key = payerId + "k" + random.Next(20), Revision = random.Next(4) },
        PaymentAttempt row => row with { Key = payerId + "a" + random.Next(60) },
        OutboxMessage row => row with { Sequence = random.Next(300), State = OutboxState.Pending, LeasedUntil = null, DueAt = Noon + Minutes(random.Next(2000)) },
        var row => row,
    };

    private static RowChange RandomChange(IPayerRow row, Dice random)
    {
        // Payers of a batch have no order among themselves, so what one of them frees no other one may want.
        if (row is not Subscription && random.Chance(40))
        {
            return RowChange.Delete(row);
        }

        var version = (row as IVersionedRow)?.Version + (random.Chance(90) ? 1 : 0);
        IBillingRow changed = row switch
        {
            InvoiceLine line => line with { Voided = !line.Voided, Revision = random.Chance(20) ? random.Next(4) : line.Revision },
            SubscriptionTerm term => term with { Reason = "again" },
            CouponRedemption redemption => redemption with { SubscriptionId = null },
            _ => RowSamples.With(row, nameof(IVersionedRow.Version), version),
        };
        return RowChange.Update(changed);
    }

    private UsageAppend RandomUsage(StorageModel model, Dice random, TenantId tenant)
    {
        var fresh = Usage(random.Chance(90) ? "s" + random.Next(3) : null, Noon + Minutes(random.Next(300)), random.Next(1000));
        var known = model.Events.Where(e => e.Tenant == tenant).ToArray();
        var record = fresh.Record with { Tenant = tenant, Hash = known.Length > 0 && random.Chance(20) ? known[random.Next(known.Length)].Hash : fresh.Record.Hash };
        var due = new DueItem { Tenant = tenant, Kind = DueKind.Billing, PayerId = "p" + random.Next(6), DueAt = Noon + Minutes(random.Next(2000)), ReopensFrom = random.Chance(50) ? Noon - Minutes(random.Next(2000)) : null };
        return new UsageAppend
        {
            Record = record,
            Rollups = random.Chance(95) ? [.. fresh.Rollups.Select(r => r with { Tenant = tenant, Group = "g" + random.Next(2) })] : [],
            MakesDue = random.Chance(20) ? due : null,
        };
    }

    private static async Task CompareAsync(IBillingStorage storage, StorageModel model, Dice random, TenantId tenant)
    {
        var payerId = "p" + random.Next(7);
        var page = await storage.ReadPayersAsync(tenant, [payerId], SnapshotParts.All, None).ConfigureAwait(false);
        Equal(model.Rows<Customer>(tenant).FirstOrDefault(c => c.Id == payerId), page.Count == 0 ? null : page[0].Payer, "a payer");
        foreach (var type in page.Count == 0 ? [] : RandomTypes.Where(t => t != typeof(OutboxMessage)))
        {
            SameSet(model.Rows<IPayerRow>(tenant).Where(r => r.GetType() == type && r.PayerId == payerId), PartOf(page[0], type), $"{type.Name} of a payer");
        }

        SameSet(page.Count == 0 ? [] : model.Rows<DueItem>(tenant).Where(d => d.PayerId == payerId), page.Count == 0 ? [] : page[0].Due, "due items of a payer");
        SameSet(model.Rows<OutboxMessage>(tenant).Where(m => m.PayerId == payerId), await storage.ListOutboxAsync(tenant, payerId, null, int.MaxValue, None).ConfigureAwait(false), "messages of a payer");
        var upTo = Noon + Minutes(random.Next(2000));
        SameSet(model.Rows<DueItem>(tenant).Where(d => d.Kind == DueKind.Billing && d.DueAt <= upTo), await storage.ReadDueAsync(tenant, DueKind.Billing, upTo, int.MaxValue, None).ConfigureAwait(false), "due items");
        var (command, key) = ("c" + random.Next(3), "k" + random.Next(40));
        Equal(
            model.Rows<IdempotencyRecord>(tenant).FirstOrDefault(r => r.Command == command && r.Key == key),
            await storage.FindIdempotencyAsync(tenant, command, key, None).ConfigureAwait(false),
            "a stored answer");
        var from = Noon + Minutes(random.Next(300));
        await CompareUsageAsync(storage, model, tenant, Query(from, from + Minutes(random.Next(100))) with { SubscriptionId = "s" + random.Next(3), NeedsEvents = random.Chance(30) }).ConfigureAwait(false);
    }

    private static async Task CompareUsageAsync(IBillingStorage storage, StorageModel model, TenantId tenant, UsageQuery query)
    {
        var data = (await storage.ReadUsageAsync(tenant, [query], None).ConfigureAwait(false))[0];
        bool IsWhole(Instant bucket) => !query.NeedsEvents && bucket >= query.From && bucket + Minutes(UsageRollup.BucketMinutes) <= query.To;
        var own = model.Events.Where(e => e.Tenant == tenant && e.SubscriptionId == query.SubscriptionId && e.Event.At >= query.From && e.Event.At < query.To).ToArray();
        SameSet(own.Where(e => !IsWhole(UsageRollup.BucketOf(e.Event.At))), data.Events, "events of a time");
        var rollups = model.Rollups.Where(r => r.Tenant == tenant && r.SubscriptionId == query.SubscriptionId && IsWhole(r.Bucket)).ToArray();
        SameRows(Sums(rollups), data.Groups, "sums of rollups");
        var first = rollups.Select(r => r.Bucket).DefaultIfEmpty(Instant.MaxValue).Min();
        Equal(own.Any(e => UsageRollup.BucketOf(e.Event.At) is var bucket && IsWhole(bucket) && bucket < first), data.RollupsMissing, "whether rollups are missing");

        static IEnumerable<UsageGroup> Sums(IEnumerable<UsageRollup> rollups) => rollups.GroupBy(r => r.Group).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new UsageGroup(g.Key, g.Sum(r => r.Count), g.Sum(r => r.Sum), g.Min(r => r.Min), g.Max(r => r.Max)));
    }

    private static void SameSet<T>(IEnumerable<T> expected, IEnumerable<T> actual, string what)
    {
        var (wanted, given) = (expected.ToList(), actual.ToList());
        var extra = given.Where(g => !wanted.Remove(g)).ToList();
        Require(wanted.Count == 0 && extra.Count == 0, $"Wrong: {what}. Missing: {wanted.Count} ({wanted.FirstOrDefault()}). Too many: {extra.Count} ({extra.FirstOrDefault()}).");
    }

    /// <summary>Random numbers that are the same for a seed everywhere and always (SplitMix64).</summary>
    private sealed class Dice(ulong seed)
    {
        private ulong _state = seed;

        public int Next(int below) => (int)(Next() % (ulong)below);

        public bool Chance(int percent) => Next(100) < percent;

        private ulong Next()
        {
            unchecked
            {
                _state += 0x9E3779B97F4A7C15;
                var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
                mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
                return mixed ^ (mixed >> 31);
            }
        }
    }
}
