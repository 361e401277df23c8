using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Billing.InMemory;
using Billing.Usage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.UsageTests;

public sealed class UsageBufferTests
{
    private static readonly TenantId Tenant = Shop.Tenant;

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Events_that_arrive_during_a_commit_share_the_next_one(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer();
        var gate = Hold(shop);
        var first = buffer.RecordAsync(Tenant, Shop.Call("c0"));
        await gate.Reached;
        var others = Enumerable.Range(1, 100).Select(i => buffer.RecordAsync(Tenant, Shop.Call("c" + i))).ToArray();
        Assert.Equal(101, buffer.Waiting);

        gate.Open();

        Assert.Equal(UsageStatus.Accepted, (await first).Status);
        Assert.All(await Task.WhenAll(others), r => Assert.Equal(UsageStatus.Accepted, r.Status));
        Assert.Equal([1, 100], shop.Watch.Appended);
        Assert.Equal((101m, 101m), await shop.QuantitiesAsync("minutes"));
    }

    [Fact]
    public async Task A_commit_has_no_more_events_than_a_batch_may_have()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { BatchSize = 10 });
        var gate = Hold(shop);
        var first = buffer.RecordAsync(Tenant, Shop.Call("c0"));
        await gate.Reached;
        var others = Enumerable.Range(1, 25).Select(i => buffer.RecordAsync(Tenant, Shop.Call("c" + i))).ToArray();
        gate.Open();

        await Task.WhenAll(others);
        Assert.Equal(UsageStatus.Accepted, (await first).Status);
        Assert.Equal([1, 10, 10, 5], shop.Watch.Appended);
    }

    [Fact]
    public async Task Each_caller_gets_the_answer_of_its_own_event()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer();
        var gate = Hold(shop);
        var first = buffer.RecordAsync(Tenant, Shop.Call("a"));
        await gate.Reached;
        UsageEntry[] entries = [Shop.Call("b"), Shop.Call("a"), Shop.Call("c", minutes: "many"), Shop.Call("d", customer: "nobody"), Shop.Call("b"), Shop.Call("e")];
        var others = entries.Select(e => buffer.RecordAsync(Tenant, e)).ToArray();
        gate.Open();

        Assert.Equal(UsageStatus.Accepted, (await first).Status);
        var answers = await Task.WhenAll(others);
        Assert.Equal(
            [UsageStatus.Accepted, UsageStatus.Duplicate, UsageStatus.Rejected, UsageStatus.Rejected, UsageStatus.Duplicate, UsageStatus.Accepted],
            answers.Select(a => a.Status));
        Assert.Equal((BillingErrorCodes.Validation, BillingErrorCodes.NotFound), (answers[2].Code, answers[3].Code));
    }

    [Fact]
    public async Task Events_gather_until_a_batch_is_full()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { BatchSize = 7, GatherFor = TimeSpan.FromMinutes(1) });

        await Task.WhenAll(Enumerable.Range(0, 7).Select(i => buffer.RecordAsync(Tenant, Shop.Call("c" + i))));

        Assert.Equal(7, Assert.Single(shop.Watch.Appended));
    }

    [Fact]
    public async Task Events_gather_no_longer_than_they_may()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { GatherFor = TimeSpan.FromMilliseconds(1) });

        Assert.Equal(UsageStatus.Accepted, (await buffer.RecordAsync(Tenant, Shop.Call("c"))).Status);
    }

    [Fact]
    public async Task A_full_buffer_makes_callers_wait()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { Capacity = 3 });
        var gate = Hold(shop);
        var inside = new List<Task<UsageEntryResult>> { buffer.RecordAsync(Tenant, Shop.Call("c0")) };
        await gate.Reached;
        inside.AddRange([buffer.RecordAsync(Tenant, Shop.Call("c1")), buffer.RecordAsync(Tenant, Shop.Call("c2"))]);
        var outside = Enumerable.Range(3, 10).Select(i => buffer.RecordAsync(Tenant, Shop.Call("c" + i))).ToArray();
        Assert.Equal(3, buffer.Waiting);
        Assert.All(outside, t => Assert.False(t.IsCompleted));

        gate.Open();

        await Task.WhenAll([.. inside, .. outside]);
        Assert.Equal((13m, 13m), await shop.QuantitiesAsync("calls"));
        Assert.All(shop.Watch.Appended, size => Assert.InRange(size, 1, 3));
    }

    [Fact]
    public async Task A_full_buffer_refuses_when_it_is_told_to()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { Capacity = 2, RefuseWhenFull = true });
        var gate = Hold(shop);
        var first = buffer.RecordAsync(Tenant, Shop.Call("c0"));
        await gate.Reached;
        var second = buffer.RecordAsync(Tenant, Shop.Call("c1"));

        var refused = await Assert.ThrowsAsync<BillingException>(() => buffer.RecordAsync(Tenant, Shop.Call("c2")));

        Assert.Equal(BillingErrorCodes.Overloaded, refused.Code);
        gate.Open();
        await Task.WhenAll(first, second);
        Assert.Equal(UsageStatus.Accepted, (await buffer.RecordAsync(Tenant, Shop.Call("c2"))).Status);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_caller_that_gives_up_neither_loses_nor_doubles_its_event(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { Capacity = 3 });
        var gate = Hold(shop);
        using var stop = new CancellationTokenSource();
        var storing = buffer.RecordAsync(Tenant, Shop.Call("storing"), stop.Token);
        await gate.Reached;
        var gathering = buffer.RecordAsync(Tenant, Shop.Call("gathering"), stop.Token);
        var staying = buffer.RecordAsync(Tenant, Shop.Call("staying"));
        var outside = buffer.RecordAsync(Tenant, Shop.Call("outside"), stop.Token);

        await stop.CancelAsync();

        foreach (var task in new[] { storing, gathering, outside })
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        }

        gate.Open();
        Assert.Equal(UsageStatus.Accepted, (await staying).Status);
        Assert.Equal([1, 1], shop.Watch.Appended);
        var again = new List<UsageStatus>();
        foreach (var id in new[] { "storing", "gathering", "outside" })
        {
            again.Add((await buffer.RecordAsync(Tenant, Shop.Call(id))).Status);
        }

        Assert.Equal([UsageStatus.Duplicate, UsageStatus.Accepted, UsageStatus.Accepted], again);
        Assert.Equal((4m, 4m), await shop.QuantitiesAsync("calls"));
        Assert.Equal(0, buffer.Waiting);
    }

    [Theory]
    [InlineData(Stores.Memory, false, UsageStatus.Accepted)]
    [InlineData(Stores.Memory, true, UsageStatus.Duplicate)]
    [InlineData(Stores.Sqlite, false, UsageStatus.Accepted)]
    [InlineData(Stores.Sqlite, true, UsageStatus.Duplicate)]
    public async Task A_failed_commit_fails_its_own_callers_who_may_record_again(string store, bool isStored, UsageStatus again)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await using var buffer = shop.Engine.Usage.OpenBuffer();
        var gate = Hold(shop);
        var good = buffer.RecordAsync(Tenant, Shop.Call("good"));
        await gate.Reached;
        var bad = Enumerable.Range(0, 20).Select(i => buffer.RecordAsync(Tenant, Shop.Call("bad" + i))).ToArray();
        Break(shop, isStored, events => events.Any(id => id.StartsWith("bad", StringComparison.Ordinal)), gate);
        gate.Open();

        Assert.Equal(UsageStatus.Accepted, (await good).Status);
        foreach (var task in bad)
        {
            var error = await Assert.ThrowsAsync<BillingException>(() => task);
            Assert.Equal(BillingErrorCodes.Storage, error.Code);
            Assert.IsType<BrokenStoreException>(error.InnerException);
            Assert.Contains("counts once", error.Message, StringComparison.Ordinal);
        }

        (shop.Watch.Before, shop.Watch.After) = ((_, _) => Task.CompletedTask, (_, _) => Task.CompletedTask);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => buffer.RecordAsync(Tenant, Shop.Call("bad" + i))));
        Assert.All(answers, a => Assert.Equal(again, a.Status));
        Assert.Equal((21m, 21m), await shop.QuantitiesAsync("calls"));
    }

    [Fact]
    public async Task One_tenants_commit_does_not_hold_up_another_tenant()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        var other = new TenantId("other");
        await shop.Engine.Tenants.CreateAsync(other, "Other");
        await using var buffer = shop.Engine.Usage.OpenBuffer();
        var gate = new Gate();
        shop.Watch.Before = (tenant, _) => tenant == Tenant ? gate.PassAsync() : Task.CompletedTask;
        var held = buffer.RecordAsync(Tenant, Shop.Call("a"));
        await gate.Reached;

        Assert.Equal(BillingErrorCodes.NotFound, (await buffer.RecordAsync(other, Shop.Call("a"))).Code);
        var unknown = await Assert.ThrowsAsync<BillingException>(() => buffer.RecordAsync(new TenantId("unknown"), Shop.Call("a")));
        Assert.Equal(BillingErrorCodes.NotFound, unknown.Code);

        Assert.False(held.IsCompleted);
        gate.Open();
        Assert.Equal(UsageStatus.Accepted, (await held).Status);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Closing_records_what_is_inside_and_takes_no_more(string store)
    {
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { Capacity = 21, GatherFor = TimeSpan.FromMinutes(1), BatchSize = 20 });
        var gate = Hold(shop);
        var inside = Enumerable.Range(0, 21).Select(i => buffer.RecordAsync(Tenant, Shop.Call("in" + i))).ToArray();
        await gate.Reached;
        var outside = Enumerable.Range(0, 5).Select(i => buffer.RecordAsync(Tenant, Shop.Call("out" + i))).ToArray();

        var closing = buffer.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted);
        gate.Open();
        await closing;

        Assert.All(await Task.WhenAll(inside), r => Assert.Equal(UsageStatus.Accepted, r.Status));
        foreach (var task in outside)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => task);
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => buffer.RecordAsync(Tenant, Shop.Call("late")));
        Assert.Equal((21m, 21m), await shop.QuantitiesAsync("calls"));
        await buffer.DisposeAsync();
    }

    [Theory]
    [InlineData(Stores.Memory, 1)]
    [InlineData(Stores.Memory, 2)]
    [InlineData(Stores.Memory, 3)]
    [InlineData(Stores.Sqlite, 4)]
    [InlineData(Stores.Sqlite, 5)]
    public async Task Many_callers_with_a_store_that_fails_now_and_then_count_each_event_once(string store, int seed)
    {
        const int callers = 64;
        const int each = 15;
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme", "bolt");
        await using var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { Capacity = 40, BatchSize = 16 });
        var (faults, answers) = (new Dice(seed), new ConcurrentDictionary<string, int>());
        shop.Watch.Before = (_, _) => faults.Chance(20) ? throw new BrokenStoreException() : Task.CompletedTask;
        shop.Watch.After = (_, _) => faults.Chance(20) ? throw new BrokenStoreException() : Task.CompletedTask;

        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var dice = new Dice((seed * 1000) + caller);
            for (var n = 0; n < each; n++)
            {
                // Callers 0 and 32, 1 and 33 … send the same events.
                await SendAsync($"c{caller % 32}-{n}", dice);
            }
        })));

        Assert.Equal(32 * each, answers.Count);
        await shop.RollupsFitAsync("acme");
        await shop.RollupsFitAsync("bolt");
        var counted = (await shop.QuantitiesAsync("calls", "acme")).Rollups + (await shop.QuantitiesAsync("calls", "bolt")).Rollups;
        Assert.Equal(32m * each, counted);
        Assert.Equal(0, buffer.Waiting);

        async Task SendAsync(string id, Dice dice)
        {
            for (var isAnswered = false; !isAnswered;)
            {
                using var stop = new CancellationTokenSource();
                var sent = buffer.RecordAsync(Tenant, Shop.Call(id, customer: id.Length % 2 == 0 ? "acme" : "bolt"), stop.Token);
                if (dice.Chance(15))
                {
                    await stop.CancelAsync();
                }

                try
                {
                    var answer = await sent;
                    Assert.True(answer.Status is UsageStatus.Accepted or UsageStatus.Duplicate);
                    answers.AddOrUpdate(id, 1, (_, count) => count + 1);
                    isAnswered = true;
                }
                catch (Exception error) when (error is OperationCanceledException or BillingException { Code: BillingErrorCodes.Storage })
                {
                    // Not known whether it is stored: it is sent again.
                }
            }
        }
    }

    [Fact]
    public async Task Metrics_tell_what_the_buffer_does()
    {
        await using var shop = await (await Shop.OpenAsync(Stores.Memory)).WithAsync("acme");
        var seen = new ConcurrentQueue<(string Name, long Value, string? Outcome)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Billing.Sdk.Usage")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => seen.Enqueue((instrument.Name, value, tags.Length == 0 ? null : (string?)tags[0].Value)));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => seen.Enqueue((instrument.Name, value, null)));
        listener.Start();
        await using (var buffer = shop.Engine.Usage.OpenBuffer(new UsageBufferOptions { Capacity = 3, RefuseWhenFull = true }))
        {
            var gate = Hold(shop);
            var first = buffer.RecordAsync(Tenant, Shop.Call("a"));
            await gate.Reached;
            var others = new[] { buffer.RecordAsync(Tenant, Shop.Call("a")), buffer.RecordAsync(Tenant, Shop.Call("b", minutes: "x")) };
            await Assert.ThrowsAsync<BillingException>(() => buffer.RecordAsync(Tenant, Shop.Call("c")));
            listener.RecordObservableInstruments();
            gate.Open();
            await Task.WhenAll([first, .. others]);
            shop.Watch.Before = (_, _) => throw new BrokenStoreException();
            await Assert.ThrowsAsync<BillingException>(() => buffer.RecordAsync(Tenant, Shop.Call("d")));
        }

        var expected = new (string, long, string?)[]
        {
            ("billing.usage.buffer.refused", 1, null),
            ("billing.usage.buffer.waiting", 3, null),
            ("billing.usage.buffer.events", 1, "accepted"),
            ("billing.usage.buffer.commits", 1, "committed"),
            ("billing.usage.buffer.commit.size", 1, null),
            ("billing.usage.buffer.events", 1, "duplicate"),
            ("billing.usage.buffer.events", 1, "rejected"),
            ("billing.usage.buffer.commits", 1, "committed"),
            ("billing.usage.buffer.commit.size", 2, null),
            ("billing.usage.buffer.events", 1, "failed"),
            ("billing.usage.buffer.commits", 1, "failed"),
        };
        Assert.Equal(expected, seen);
    }

    [Fact]
    public async Task A_host_gets_one_buffer_from_its_container_which_closes_it()
    {
        var services = new ServiceCollection().AddSingleton<IClock>(new Testing.TestClock(Shop.Start)).AddBilling(billing => billing
            .UseStorage(s => new InMemoryBillingStorage(s.GetRequiredService<IIdGenerator>()))
            .AddUsageBuffer(new UsageBufferOptions { BatchSize = 5 })).BuildServiceProvider();
        var buffer = services.GetRequiredService<UsageBuffer>();
        Assert.Same(buffer, services.GetRequiredService<UsageBuffer>());

        await services.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => buffer.RecordAsync(Tenant, Shop.Call("a")));
    }

    [Theory]
    [InlineData(0, 1, 0, "capacity")]
    [InlineData(10_000_001, 1, 0, "capacity")]
    [InlineData(1, 0, 0, "batchSize")]
    [InlineData(1, 100_001, 0, "batchSize")]
    [InlineData(1, 1, -1, "gatherFor")]
    [InlineData(1, 1, 60_001, "gatherFor")]
    public async Task Options_out_of_range_are_refused(int capacity, int batch, int milliseconds, string key)
    {
        await using var shop = await Shop.OpenAsync(Stores.Memory);
        var options = new UsageBufferOptions { Capacity = capacity, BatchSize = batch, GatherFor = TimeSpan.FromMilliseconds(milliseconds) };

        var error = Assert.Throws<BillingException>(() => shop.Engine.Usage.OpenBuffer(options));

        Assert.Equal((BillingErrorCodes.Validation, key), (error.Code, error.Key));
    }

    /// <summary>Holds up the first commit.</summary>
    private static Gate Hold(Shop shop)
    {
        var gate = new Gate();
        shop.Watch.Before = (_, _) => gate.PassAsync();
        return gate;
    }

    private static void Break(Shop shop, bool isStored, Func<IEnumerable<string>, bool> which, Gate gate)
    {
        shop.Watch.Before = async (_, events) =>
        {
            await gate.PassAsync();
            Fail(!isStored, events);
        };
        shop.Watch.After = (_, events) =>
        {
            Fail(isStored, events);
            return Task.CompletedTask;
        };

        void Fail(bool here, Storage.UsageAppendBatch events)
        {
            if (here && which(events.Records.Select(r => r.Event.Id)))
            {
                throw new BrokenStoreException();
            }
        }
    }
}

/// <summary>Random answers that a seed repeats for one thread; for several, as many and as often.</summary>
internal sealed class Dice(int seed)
{
    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();

    public bool Chance(int percent) => Next(100) < percent;

    public int Next(int below)
    {
        lock (_gate)
        {
            return _random.Next(below);
        }
    }
}
