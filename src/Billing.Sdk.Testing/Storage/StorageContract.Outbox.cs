using Billing.Notifications;
using Billing.Storage;
using NodaTime;

namespace Billing.Testing.Storage;

public abstract partial class StorageContract
{
    /// <summary>Messages of a payer are leased in order of sequence; one that is not due or leased holds back those behind it, of its payer only.</summary>
    public async Task MessagesKeepTheirOrderAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await MessagesAsync(storage, "p1", (1, 0), (2, 0), (10, 0), (11, 99), (12, 0)).ConfigureAwait(false);
        await MessagesAsync(storage, "p2", (1, 99), (2, 0)).ConfigureAwait(false);
        await MessagesAsync(storage, "p3", (1, 5)).ConfigureAwait(false);
        Equal("p1/1 p1/2", await LeaseAsync(storage, 4, 2).ConfigureAwait(false), "the first messages leased");
        Equal("", await LeaseAsync(storage, 4, 10).ConfigureAwait(false), "messages leased behind leased ones");
        Equal("p3/1", await LeaseAsync(storage, 6, 10).ConfigureAwait(false), "messages leased of another payer");
        Equal("p1/1 p1/2 p1/10", await LeaseAsync(storage, 15, 10).ConfigureAwait(false), "messages leased after a lease ran out");
        Equal("p1/1 p1/2 p1/10 p1/11 p1/12 p2/1 p2/2 p3/1", await LeaseAsync(storage, 99, 10).ConfigureAwait(false), "messages leased when all are due");
    }

    /// <summary>Outcomes are written once per lease; a late one after another lease is left alone. Delivered and dead messages hold nothing back.</summary>
    public async Task OutcomesOfLostLeasesAreLeftAloneAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await MessagesAsync(storage, "p1", (1, 0), (2, 0), (3, 0), (4, 0)).ConfigureAwait(false);
        var first = await storage.LeaseOutboxAsync(TenantA, Noon, Minutes(10), 10, None).ConfigureAwait(false);
        Require(first.All(m => m.LeasedUntil == Noon + Minutes(10)), "A leased message does not say until when.");
        var second = await storage.LeaseOutboxAsync(TenantA, Noon + Minutes(10), Minutes(10), 1, None).ConfigureAwait(false);
        await storage.CompleteOutboxAsync([.. first.Take(3).Select((m, i) => Done(m, i == 1 ? OutboxState.Dead : OutboxState.Done))], None).ConfigureAwait(false);
        var states = (await storage.ListOutboxAsync(TenantA, "p1", null, 10, None).ConfigureAwait(false)).Select(m => m.State);
        Equal("Pending Dead Done Pending", string.Join(' ', states), "states after a late outcome");
        await storage.CompleteOutboxAsync([Done(second[0], OutboxState.Done)], None).ConfigureAwait(false);
        Equal("p1/4", await LeaseAsync(storage, 30, 10).ConfigureAwait(false), "messages leased behind delivered and dead ones");
        await storage.CompleteOutboxAsync([], None).ConfigureAwait(false);

        static OutboxMessage Done(OutboxMessage m, OutboxState state) => m with { State = state, LeasedUntil = null, Attempts = 1, LastError = state == OutboxState.Dead ? "e" : null, Version = m.Version + 1 };
    }

    /// <summary>A message to be tried again waits for its time and holds back those behind it.</summary>
    public async Task RetriesWaitForTheirTimeAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await CommitAsync(storage, Shared(TenantA, RowChange.Insert(_samples.Row<Tenant>(TenantA, "p1")))).ConfigureAwait(false);
        await MessagesAsync(storage, "p1", (1, 0), (2, 0)).ConfigureAwait(false);
        Equal(Noon, await storage.ReadNextOutboxDueAsync(TenantA, None).ConfigureAwait(false), "when the first message is due");
        var leased = await storage.LeaseOutboxAsync(null, Noon, Minutes(10), 10, None).ConfigureAwait(false);
        Equal(Noon + Minutes(10), await storage.ReadNextOutboxDueAsync(TenantA, None).ConfigureAwait(false), "when a leased message is due");
        var retry = leased[0] with { DueAt = Noon + Minutes(30), LeasedUntil = null, Attempts = 1, LastError = "no answer", Version = leased[0].Version + 1 };
        var back = leased[1] with { LeasedUntil = null, Version = leased[1].Version + 1 };
        await storage.CompleteOutboxAsync([retry, back], None).ConfigureAwait(false);
        Equal(retry, (await storage.ListOutboxAsync(TenantA, "p1", null, 1, None).ConfigureAwait(false))[0], "a message to be tried again");
        Equal("", await LeaseAsync(storage, 29, 10).ConfigureAwait(false), "messages leased before the retry is due");
        Equal(Noon + Minutes(30), await storage.ReadNextOutboxDueAsync(TenantA, None).ConfigureAwait(false), "when the retry is due");
        Equal("p1/1 p1/2", await LeaseAsync(storage, 30, 10).ConfigureAwait(false), "messages leased when the retry is due");
        Equal(null, await storage.ReadNextOutboxDueAsync(TenantB, None).ConfigureAwait(false), "when a message of a tenant without any is due");
    }

    /// <summary>Dispatchers side by side never hold one message at the same time.</summary>
    public async Task OneDispatcherHoldsAMessageAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        await CommitAsync(storage, Shared(TenantA, RowChange.Insert(_samples.Row<Tenant>(TenantA, "p1")))).ConfigureAwait(false);
        foreach (var payer in Enumerable.Range(0, 10))
        {
            await MessagesAsync(storage, "p" + payer, [.. Enumerable.Range(1, 3).Select(s => (s, 0))]).ConfigureAwait(false);
        }

        var held = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var own = new List<Guid>();
            for (var i = 0; i < 20; i++)
            {
                own.AddRange((await storage.LeaseOutboxAsync(i % 2 == 0 ? TenantA : null, Noon, Minutes(10), 3, None).ConfigureAwait(false)).Select(m => m.Id));
            }

            return own;
        }))).ConfigureAwait(false);
        var all = held.SelectMany(h => h).ToArray();
        Equal(30, all.Length, "the number of leases of thirty messages");
        Equal(30, all.Distinct().Count(), "the number of messages that thirty leases hold");
    }

    /// <summary>Messages are listed in pages by id, of one payer or all, whatever their state.</summary>
    public async Task MessagesAreListedInPagesAsync()
    {
        var storage = await CreateAsync().ConfigureAwait(false);
        var first = await MessagesAsync(storage, "p1", (1, 0), (2, 0)).ConfigureAwait(false);
        var second = await MessagesAsync(storage, "p2", (1, 0)).ConfigureAwait(false);
        var third = await MessagesAsync(storage, "p3", (1, 0), (2, 0)).ConfigureAwait(false);
        OutboxMessage[] all = [.. first, .. second, .. third];
        SameRows(all[..3], await storage.ListOutboxAsync(TenantA, null, null, 3, None).ConfigureAwait(false), "the first page of messages");
        SameRows(all[3..], await storage.ListOutboxAsync(TenantA, null, all[2].Id, 3, None).ConfigureAwait(false), "the second page of messages");
        SameRows(third, await storage.ListOutboxAsync(TenantA, "p3", all[0].Id, 3, None).ConfigureAwait(false), "messages of a payer");
    }

    private async Task<OutboxMessage[]> MessagesAsync(IBillingStorage storage, string payer, params (int Sequence, int Minutes)[] messages)
    {
        var rows = messages.Select(m => _samples.Row<OutboxMessage>(TenantA, payer) with
        {
            Sequence = m.Sequence, DueAt = Noon + Minutes(m.Minutes), State = OutboxState.Pending, LeasedUntil = null,
        }).ToArray();
        await CommitAsync(storage, Batch(TenantA, Changes(TenantA, payer, 0, [.. rows.Reverse().Select(RowChange.Insert)]))).ConfigureAwait(false);
        return rows;
    }

    /// <summary>Payer and sequence of the messages leased at a minute for ten minutes, by payer; within a payer as they came.</summary>
    private static async Task<string> LeaseAsync(IBillingStorage storage, int minute, int maximum)
    {
        var leased = await storage.LeaseOutboxAsync(TenantA, Noon + Minutes(minute), Minutes(10), maximum, None).ConfigureAwait(false);
        return string.Join(' ', leased.GroupBy(m => m.PayerId).OrderBy(g => g.Key, StringComparer.Ordinal).SelectMany(g => g).Select(m => $"{m.PayerId}/{m.Sequence}"));
    }
}
