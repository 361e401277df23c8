using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Storage;

public abstract partial class StorageContract
{
    private const string Meter = "m";
    private const string EventType = "call";

    private static Duration Minutes(int minutes) => Duration.FromMinutes(minutes);

    /// <summary>Every property of an event and of a rollup comes back as it was written; the store gives rollups their ids.</summary>
    public async Task UsageIsKeptAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var record = _samples.Row<UsageRecord>(TenantA, "");
        record = record with { Removed = false };
        var rollup = _samples.Row<UsageRollup>(TenantA, "");
        await storage.AppendUsageAsync(TenantA, [new UsageAppend { Record = record, Rollups = [rollup] }], None).ConfigureAwait(false);
        Equal(record, await storage.FindUsageAsync(TenantA, record.Hash, None).ConfigureAwait(false), "an event");
        var query = new UsageQuery { SubscriptionId = rollup.SubscriptionId, Meter = rollup.Meter, EventType = "-", From = rollup.Bucket, To = rollup.Bucket + Minutes(15) };
        var stored = (await storage.ReadUsageAsync(TenantA, [query], None).ConfigureAwait(false))[0].Groups.Single();
        Equal(new UsageGroup(rollup.Group, rollup.Count, rollup.Sum, rollup.Min, rollup.Max), stored, "a rollup");

        var corrected = _samples.Row<UsageRecord>(TenantA, "") with { Hash = record.Hash, Version = 2 };
        Equal(true, await storage.CorrectUsageAsync(TenantA, corrected, [], null, None).ConfigureAwait(false), "whether an event was corrected");
        Equal(corrected, await storage.FindUsageAsync(TenantA, record.Hash, None).ConfigureAwait(false), "a corrected event");
    }

    /// <summary>An event counts once: within a call, across calls, and after the event itself was dropped.</summary>
    public async Task EventsCountOnceAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var (first, second, third) = (Usage("s1", Noon, 1m), Usage("s1", Noon, 2m), Usage("s1", Noon, 4m));
        await OutcomesAsync([first, second, first], "Accepted Accepted Duplicate").ConfigureAwait(false);
        await OutcomesAsync([second, third], "Duplicate Accepted").ConfigureAwait(false);
        await OutcomesAsync([], "").ConfigureAwait(false);
        await SumAsync(3, 7m).ConfigureAwait(false);
        Equal(3, await storage.DeleteUsageEventsAsync(TenantA, Noon + Minutes(1), None).ConfigureAwait(false), "the number of events dropped");
        Equal(null, await storage.FindUsageAsync(TenantA, first.Record.Hash, None).ConfigureAwait(false), "an event that was dropped");
        await OutcomesAsync([first, second, third], "Duplicate Duplicate Duplicate").ConfigureAwait(false);
        await SumAsync(3, 7m).ConfigureAwait(false);

        async Task OutcomesAsync(UsageAppend[] events, string expected) =>
            Equal(expected, string.Join(' ', await storage.AppendUsageAsync(TenantA, [.. events], None).ConfigureAwait(false)), "the outcomes of events");

        async Task SumAsync(long count, decimal sum)
        {
            var rollups = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(15))], None).ConfigureAwait(false))[0].Groups;
            Equal($"{count} {Text(sum)}", $"{rollups.Sum(r => r.Count)} {Text(rollups.Sum(r => r.Sum))}", "count and sum of the rollups");
        }
    }

    /// <summary>The same events sent from several sides at once count once.</summary>
    public async Task EventsSentTwiceAtOnceCountOnceAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var events = Enumerable.Range(0, 60).Select(i => Usage("s1", Noon, i)).ToArray();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
        {
            var accepted = 0;
            foreach (var part in events.Skip(n * 7).Concat(events.Take(n * 7)).Chunk(10))
            {
                accepted += (await storage.AppendUsageAsync(TenantA, [.. part], None).ConfigureAwait(false)).Count(o => o == UsageOutcome.Accepted);
            }

            return accepted;
        }))).ConfigureAwait(false);
        Equal(60, outcomes.Sum(), "the number of events accepted");
        var rollups = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(15))], None).ConfigureAwait(false))[0].Groups;
        Equal((60L, 1770m), (rollups.Sum(r => r.Count), rollups.Sum(r => r.Sum)), "count and sum of the rollups");
    }

    /// <summary>Deltas of one call that share subscription, meter, group and bucket become one row; duplicates add nothing.</summary>
    public async Task RollupsAreMergedAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var events = new[] { Usage("s1", Noon, 5.5m), Usage("s1", Noon + Minutes(14), -2m), Usage("s1", Noon + Minutes(15), 9m), Usage("s2", Noon, 1m) };
        var other = Usage("s1", Noon, 3m);
        other = other with { Rollups = [other.Rollups[0] with { Group = "g" }, other.Rollups[0] with { Meter = "n", Min = null, Max = null }] };
        await storage.AppendUsageAsync(TenantA, [.. events, other, events[0]], None).ConfigureAwait(false);
        var queries = new[] { Query(Noon, Noon + Minutes(30)), Query(Noon, Noon + Minutes(15)), Query(Noon, Noon + Minutes(30)) with { Meter = "n" }, Query(Noon, Noon + Minutes(30)) with { SubscriptionId = "s2" } };
        var data = await storage.ReadUsageAsync(TenantA, queries, None).ConfigureAwait(false);
        SameRows(["'' 3 12.5 -2 9", "'g' 1 3 3 3"], data[0].Groups.Select(Describe), "sums of rollups");
        SameRows(["'' 2 3.5 -2 5.5", "'g' 1 3 3 3"], data[1].Groups.Select(Describe), "sums of the rollups of one bucket");
        SameRows(["'' 1 3  "], data[2].Groups.Select(Describe), "sums of rollups of another meter");
        SameRows(["'' 1 1 1 1"], data[3].Groups.Select(Describe), "sums of rollups of another subscription");
        await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 1m)], None).ConfigureAwait(false);
        data = await storage.ReadUsageAsync(TenantA, queries, None).ConfigureAwait(false);
        SameRows(["'' 4 13.5 -2 9", "'g' 1 3 3 3"], data[0].Groups.Select(Describe), "sums of rollups after a second call");
        Equal(6, await storage.DeleteUsageRollupsAsync(TenantA, Noon + Minutes(30), None).ConfigureAwait(false), "the number of rollup rows");

        static string Describe(UsageGroup g) => $"'{g.Group}' {g.Count} {Text(g.Sum)} {(g.Min is { } min ? Text(min) : "")} {(g.Max is { } max ? Text(max) : "")}";
    }

    /// <summary>Sums of rollups keep all digits of large and small values.</summary>
    public async Task RollupSumsAreExactAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var values = new[] { 0.000000000001m, 9_999_999_999_999.999999999999m, -0.1m, 0.2m, 1e-12m };
        foreach (var value in values)
        {
            await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon + Minutes(5), value)], None).ConfigureAwait(false);
        }

        var sums = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(15))], None).ConfigureAwait(false))[0].Groups.Single();
        Equal((values.Sum(), values.Min(), values.Max()), (sums.Sum, sums.Min, sums.Max), "sum, least and greatest value");
    }

    /// <summary>Late usage marks its payer as due; an earlier stored moment is kept, a later one moved back, and the version grows each time.</summary>
    public async Task LateUsageMakesDueAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        foreach (var (minutes, expected) in new[] { (30, 30), (40, 30), (10, 10), (20, 10) })
        {
            var item = new DueItem { Tenant = TenantA, Kind = DueKind.Billing, PayerId = "p1", DueAt = Noon + Minutes(minutes) };
            var later = item with { DueAt = Noon + Minutes(500) };
            await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 1m) with { MakesDue = later }, Usage("s1", Noon, 1m) with { MakesDue = item }], None).ConfigureAwait(false);
            Equal(Noon + Minutes(expected), (await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false))?.DueAt, "the due moment after late usage");
        }

        var reopened = new DueItem { Tenant = TenantA, Kind = DueKind.Billing, PayerId = "p1", DueAt = Noon + Minutes(99), ReopensFrom = Noon - Minutes(5) };
        await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 1m) with { MakesDue = reopened }], None).ConfigureAwait(false);
        await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 1m) with { MakesDue = reopened with { ReopensFrom = Noon } }], None).ConfigureAwait(false);
        Equal(reopened with { DueAt = Noon + Minutes(10), Version = 6 }, await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false), "the due item after six marks");

        var twice = Usage("s1", Noon, 1m);
        await storage.AppendUsageAsync(TenantA, [twice], None).ConfigureAwait(false);
        var again = twice with { MakesDue = new DueItem { Tenant = TenantA, Kind = DueKind.Billing, PayerId = "p2", DueAt = Noon } };
        await storage.AppendUsageAsync(TenantA, [again], None).ConfigureAwait(false);
        Equal(1, (await storage.ReadDueAsync(TenantA, DueKind.Billing, Noon + Minutes(999), 10, None).ConfigureAwait(false)).Count, "the number of due items after a duplicate");
    }

    /// <summary>Rollups answer for whole buckets, events for the buckets that the time cuts; with events wanted, all come.</summary>
    public async Task CutBucketsGiveEventsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var events = Enumerable.Range(0, 12).Select(i => Usage("s1", Noon + Minutes(5 * i), i)).ToArray();
        var others = new[] { Usage("s2", Noon + Minutes(5), 100m), Usage("s1", Noon + Minutes(5), 100m, "other"), Usage(null, Noon + Minutes(5), 100m) };
        await storage.AppendUsageAsync(TenantA, [.. others, .. events.Reverse()], None).ConfigureAwait(false);
        var queries = new (int From, int To, bool Events, string Expected)[]
        {
            (0, 60, false, "rollups 66 events"),
            (5, 50, false, "rollups 33 events 1 2 9"),
            (5, 45, false, "rollups 33 events 1 2"),
            (0, 50, false, "rollups 36 events 9"),
            (5, 25, false, "rollups events 1 2 3 4"),
            (5, 10, false, "rollups events 1"),
            (5, 30, false, "rollups 12 events 1 2"),
            (10, 10, false, "rollups events"),
            (5, 50, true, "rollups events 1 2 3 4 5 6 7 8 9"),
            (0, 60, true, "rollups events 0 1 2 3 4 5 6 7 8 9 10 11"),
            (-600, 900, false, "rollups 66 events"),
            (600, 900, false, "rollups events"),
        };
        var data = await storage.ReadUsageAsync(
            TenantA, [.. queries.Select(q => Query(Noon + Minutes(q.From), Noon + Minutes(q.To)) with { NeedsEvents = q.Events })], None).ConfigureAwait(false);
        for (var i = 0; i < queries.Length; i++)
        {
            var sums = data[i].Groups.Select(g => " " + Text(g.Sum));
            var values = data[i].Events.Select(e => " " + e.Event.Properties["value"]);
            Equal(queries[i].Expected, $"rollups{string.Concat(sums)} events{string.Concat(values)}", $"usage from minute {queries[i].From} to {queries[i].To}");
            Equal(false, data[i].RollupsMissing, "whether rollups are missing");
        }
    }

    /// <summary>A stored event in a whole bucket before the first rollup of the meter, or without any, is reported; a removed one, and one in a cut bucket, is not.</summary>
    public async Task MissingRollupsAreReportedAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var bare = Usage("s1", Noon + Minutes(20), 1m) with { Rollups = [] };
        await storage.AppendUsageAsync(TenantA, [bare, Usage("s1", Noon + Minutes(40), 1m), Usage("s2", Noon, 1m)], None).ConfigureAwait(false);
        await CheckAsync(0, 60, Meter, true).ConfigureAwait(false);
        await CheckAsync(15, 30, Meter, true).ConfigureAwait(false);
        await CheckAsync(30, 60, Meter, false).ConfigureAwait(false);
        await CheckAsync(0, 25, Meter, false).ConfigureAwait(false);
        await CheckAsync(30, 60, "unknown", true).ConfigureAwait(false);
        var removed = bare.Record with { Removed = true, Version = 2 };
        Equal(true, await storage.CorrectUsageAsync(TenantA, removed, [], null, None).ConfigureAwait(false), "whether an event was removed");
        await CheckAsync(0, 60, Meter, false).ConfigureAwait(false);
        await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon + Minutes(1), 1m)], None).ConfigureAwait(false);
        Equal(2, await storage.DeleteUsageRollupsAsync(TenantA, Noon + Minutes(16), None).ConfigureAwait(false), "the number of rollups dropped");
        await CheckAsync(0, 60, Meter, true).ConfigureAwait(false);
        await CheckAsync(15, 60, Meter, false).ConfigureAwait(false);

        async Task CheckAsync(int from, int to, string meter, bool expected)
        {
            var query = Query(Noon + Minutes(from), Noon + Minutes(to)) with { Meter = meter };
            Equal(expected, (await storage.ReadUsageAsync(TenantA, [query], None).ConfigureAwait(false))[0].RollupsMissing, $"whether rollups of '{meter}' are missing from minute {from} to {to}");
            var events = (await storage.ReadUsageAsync(TenantA, [query with { NeedsEvents = true }], None).ConfigureAwait(false))[0];
            Equal(false, events.RollupsMissing, "whether rollups are missing when events are read");
        }
    }

    /// <summary>A correction is version-checked, changes the event and adds rollups behind the others.</summary>
    public async Task CorrectionsReplaceEventsAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var (first, second) = (Usage("s1", Noon, 1m), Usage("s1", Noon + Minutes(1), 2m));
        await storage.AppendUsageAsync(TenantA, [first, second], None).ConfigureAwait(false);
        var corrected = first.Record with { Removed = true, Version = 2 };
        var anew = second.Rollups[0] with { Replaces = true };
        var due = new DueItem { Tenant = TenantA, Kind = DueKind.Billing, PayerId = "p1", DueAt = Noon };
        Equal(false, await storage.CorrectUsageAsync(TenantA, corrected with { Version = 3 }, [anew], due, None).ConfigureAwait(false), "whether a stale correction was taken");
        Equal(false, await storage.CorrectUsageAsync(TenantA, corrected with { Version = 1 }, [anew], due, None).ConfigureAwait(false), "whether a correction to the stored version was taken");
        Equal(false, await storage.CorrectUsageAsync(TenantA, corrected with { Hash = _samples.Id() }, [anew], due, None).ConfigureAwait(false), "whether an unknown event was corrected");
        Equal(null, await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false), "the due item after refused corrections");
        Equal(true, await storage.CorrectUsageAsync(TenantA, corrected, [anew], due, None).ConfigureAwait(false), "whether a correction was taken");
        Equal(due, await storage.ReadNextDueAsync(TenantA, DueKind.Billing, None).ConfigureAwait(false), "the due item after a correction");
        Equal(corrected, await storage.FindUsageAsync(TenantA, corrected.Hash, None).ConfigureAwait(false), "a corrected event");
        SameRows([second.Record], await storage.ReadUsageBucketAsync(TenantA, "s1", EventType, Noon, None).ConfigureAwait(false), "events of a bucket after a correction");
        await CheckAsync("1 2").ConfigureAwait(false);
        await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 7m), Usage("s1", Noon + Minutes(15), 4m)], None).ConfigureAwait(false);
        await CheckAsync("3 13").ConfigureAwait(false);

        async Task CheckAsync(string expected)
        {
            var groups = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(30))], None).ConfigureAwait(false))[0].Groups;
            SameRows([expected], groups.Select(g => $"{g.Count} {Text(g.Sum)}"), "sums of rollups around a correction");
        }
    }

    /// <summary>Dropping rollups takes whole buckets before the moment only; dropping events takes those before it only.</summary>
    public async Task OldUsageIsDroppedAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await storage.AppendUsageAsync(TenantA, [.. Enumerable.Range(0, 8).Select(i => Usage("s1", Noon + Minutes(10 * i), i))], None).ConfigureAwait(false);
        Equal(2, await storage.DeleteUsageRollupsAsync(TenantA, Noon + Minutes(35), None).ConfigureAwait(false), "the number of rollups dropped");
        var data = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(90))], None).ConfigureAwait(false))[0];
        Equal("25", Text(data.Groups.Single().Sum), "the sum of the rollups that are left");
        Equal(4, await storage.DeleteUsageEventsAsync(TenantA, Noon + Minutes(40), None).ConfigureAwait(false), "the number of events dropped");
        data = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(90)) with { NeedsEvents = true }], None).ConfigureAwait(false))[0];
        Equal("40 50 60 70", string.Join(' ', data.Events.Select(r => (r.Event.At - Noon).TotalMinutes)), "events that are left");
        Equal(0, await storage.DeleteUsageEventsAsync(TenantA, Noon + Minutes(40), None).ConfigureAwait(false), "the number of events dropped again");
    }

    /// <summary>Dropping keys takes those of events before the moment only, by when the event happened and not by when it arrived; events and rollups stay, but an event without its key cannot be found or corrected.</summary>
    public async Task OldKeysAreDroppedAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var events = Enumerable.Range(0, 4).Select(i => Usage("s1", Noon + Minutes(10 * i), i)).ToArray();
        events = [.. events.Select(e => e with { Record = e.Record with { RecordedAt = Noon - Minutes(500) } })];
        await storage.AppendUsageAsync(TenantA, [.. events], None).ConfigureAwait(false);
        Equal(2, await storage.DeleteUsageKeysAsync(TenantA, Noon + Minutes(20), None).ConfigureAwait(false), "the number of keys dropped");
        Equal(0, await storage.DeleteUsageKeysAsync(TenantA, Noon + Minutes(20), None).ConfigureAwait(false), "the number of keys dropped again");
        Equal(0, await storage.DeleteUsageKeysAsync(TenantB, Noon + Minutes(900), None).ConfigureAwait(false), "the number of another tenant's keys dropped");
        Equal(null, await storage.FindUsageAsync(TenantA, events[0].Record.Hash, None).ConfigureAwait(false), "an event looked for by a key that was dropped");
        Equal(false, await storage.CorrectUsageAsync(TenantA, events[0].Record with { Version = 2 }, [], null, None).ConfigureAwait(false), "whether an event without its key was corrected");
        Equal(events[2].Record, await storage.FindUsageAsync(TenantA, events[2].Record.Hash, None).ConfigureAwait(false), "an event with its key");
        var all = (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(60)) with { NeedsEvents = true }], None).ConfigureAwait(false))[0];
        Equal(4, all.Events.Count, "the number of events after keys were dropped");
        Equal("Duplicate Duplicate", string.Join(' ', await storage.AppendUsageAsync(TenantA, [.. events[2..]], None).ConfigureAwait(false)), "the outcomes of events whose keys are left");
        Equal(4L, (await storage.ReadUsageAsync(TenantA, [Query(Noon, Noon + Minutes(60))], None).ConfigureAwait(false))[0].Groups.Sum(g => g.Count), "the events in the rollups");
    }

    /// <summary>Usage without a subscription is listed, oldest first, until a correction gives it one.</summary>
    public async Task UnattributedUsageIsListedAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var events = Enumerable.Range(0, 4).Select(i => Usage(null, Noon + Minutes(i), i)).ToArray();
        await storage.AppendUsageAsync(TenantA, [Usage("s1", Noon, 1m), .. events.Reverse()], None).ConfigureAwait(false);
        SameRows(events[..3].Select(e => e.Record), await storage.ListUnattributedUsageAsync(TenantA, 3, None).ConfigureAwait(false), "unattributed usage");
        var found = events[0].Record with { SubscriptionId = "s1", CustomerId = "c1", Version = 2 };
        var dropped = events[1].Record with { Removed = true, Version = 2 };
        Equal(true, await storage.CorrectUsageAsync(TenantA, found, [], null, None).ConfigureAwait(false), "whether an event was attributed");
        Equal(true, await storage.CorrectUsageAsync(TenantA, dropped, [], null, None).ConfigureAwait(false), "whether an event was removed");
        SameRows(events[2..].Select(e => e.Record), await storage.ListUnattributedUsageAsync(TenantA, 9, None).ConfigureAwait(false), "unattributed usage that is left");
        Equal(2, (await storage.ReadUsageBucketAsync(TenantA, "s1", EventType, Noon, None).ConfigureAwait(false)).Count, "events of the subscription");
    }

    private UsageAppend Usage(string? subscription, Instant at, decimal value, string type = EventType)
    {
        var id = _samples.Id();
        var record = new UsageRecord
        {
            Tenant = TenantA,
            Hash = id,
            Event = new UsageEvent { Id = id.ToString(), At = at, Type = type, Properties = EquatableMap<string>.Empty.With("value", Text(value)) },
            CustomerId = subscription is null ? null : "c1",
            SubscriptionId = subscription,
            RecordedAt = at + Minutes(1),
            Version = 1,
        };
        var rollup = subscription is null || type != EventType ? null : new UsageRollup
        {
            Tenant = TenantA,
            Id = id,
            SubscriptionId = subscription,
            Meter = Meter,
            Bucket = UsageRollup.BucketOf(at),
            Count = 1,
            Sum = value,
            Min = value,
            Max = value,
            RecordedAt = record.RecordedAt,
        };
        return new UsageAppend { Record = record, Rollups = rollup is null ? [] : [rollup] };
    }

    private static UsageQuery Query(Instant from, Instant to) => new() { SubscriptionId = "s1", Meter = Meter, EventType = EventType, From = from, To = to };
}
