using System.Collections.Concurrent;
using NodaTime;
using Xunit;

namespace Billing.Tests.Words;

public class TimeOrderedIdGeneratorTests
{
    private static readonly Instant Start = Instant.FromUtc(2026, 1, 31, 12, 0);

    [Fact]
    public void Ids_ascend_even_when_the_clock_stands_still_or_goes_back()
    {
        var clock = new SteppingClock(Start);
        var ids = new TimeOrderedIdGenerator(clock);
        var last = ids.NewId();
        for (var i = 0; i < 120_000; i++)
        {
            // Stands still for 40,000 ids (more than a millisecond can count), then goes back an hour, then runs.
            clock.Now = i switch
            {
                < 40_000 => Start,
                < 60_000 => Start - Duration.FromHours(1),
                _ => Start + Duration.FromNanoseconds(50_000L * (i - 60_000)),
            };
            var id = ids.NewId();
            Assert.True(id > last, $"{id} does not follow {last}");
            Assert.True(string.CompareOrdinal(id.ToString(), last.ToString()) > 0);
            last = id;
        }
    }

    [Fact]
    public void An_id_carries_its_millisecond_version_and_variant()
    {
        var bytes = new TimeOrderedIdGenerator(new SteppingClock(Start), random => Array.Fill(random, (byte)0xFF)).NewId().ToByteArray(bigEndian: true);

        Assert.Equal(Start.ToUnixTimeMilliseconds(), bytes.Take(6).Aggregate(0L, (sum, b) => (sum << 8) | b));
        Assert.Equal(7, bytes[6] >> 4);
        Assert.Equal(0b10, bytes[8] >> 6);
        Assert.All(bytes.Skip(9), b => Assert.Equal(0xFF, b));
    }

    [Fact]
    public void Every_id_has_version_and_variant()
    {
        var ids = new TimeOrderedIdGenerator(new SteppingClock(Start));
        for (var i = 0; i < 10_000; i++)
        {
            var bytes = ids.NewId().ToByteArray(bigEndian: true);
            Assert.Equal(7, bytes[6] >> 4);
            Assert.Equal(0b10, bytes[8] >> 6);
        }
    }

    [Fact]
    public void The_same_clock_and_random_bits_give_the_same_ids()
    {
        static TimeOrderedIdGenerator Seeded() => new(new SteppingClock(Start), bytes => Array.Fill(bytes, (byte)42));
        var (first, second) = (Seeded(), Seeded());

        Assert.Equal(Enumerable.Range(0, 5000).Select(_ => first.NewId()), Enumerable.Range(0, 5000).Select(_ => second.NewId()));
    }

    [Fact]
    public void Ids_of_several_threads_are_all_different()
    {
        const int Threads = 8;
        const int Each = 12_500;
        // Without random bits: counter and millisecond alone must keep the ids apart.
        var ids = new TimeOrderedIdGenerator(new SteppingClock(Start), _ => { });
        var all = new ConcurrentBag<Guid[]>();
        var workers = Enumerable.Range(0, Threads).Select(_ => new Thread(() => all.Add([.. Enumerable.Range(0, Each).Select(_ => ids.NewId())]))).ToList();
        workers.ForEach(w => w.Start());
        workers.ForEach(w => w.Join());

        Assert.Equal(Threads * Each, all.SelectMany(x => x).Distinct().Count());
        Assert.All(all, own => Assert.Equal(own.Order(), own));
    }

    [Fact]
    public void Clock_and_random_bits_are_needed()
    {
        Assert.Throws<ArgumentNullException>(() => new TimeOrderedIdGenerator(null!));
        Assert.Throws<ArgumentNullException>(() => new TimeOrderedIdGenerator(new SteppingClock(Start), null!));
    }

    private sealed class SteppingClock(Instant now) : IClock
    {
        public Instant Now { get; set; } = now;

        public Instant GetCurrentInstant() => Now;
    }
}
