using Billing.Usage;
using NodaTime;

namespace Billing.UsageTests;

public sealed class ConcurrencyTests
{
    [Theory]
    [InlineData(Stores.Memory, 1)]
    [InlineData(Stores.Memory, 2)]
    [InlineData(Stores.Sqlite, 3)]
    public async Task Events_that_several_writers_send_at_once_count_once(string store, int seed)
    {
        const int events = 10_000;
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        var dice = new Dice(seed);
        var entries = Enumerable.Range(0, events)
            .Select(i => Shop.Call("c" + i, minutes: $"{i % 97}.{i % 10}", after: Duration.FromMinutes(dice.Next(600)), destination: dice.Chance(50) ? "41" : "49")).ToArray();

        // Each writer has its own order and size of batches, so that batches overlap in every way.
        var accepted = await Task.WhenAll(Enumerable.Range(0, 3).Select(writer => Task.Run(async () =>
        {
            var own = new Dice((seed * 10) + writer);
            var sorted = writer == 0 ? entries : [.. entries.Select(e => (Entry: e, Place: own.Next(events))).OrderBy(e => e.Place).Select(e => e.Entry)];
            var count = 0;
            foreach (var batch in sorted.Chunk(1500 + (700 * writer)))
            {
                count += (await shop.RecordAsync(batch)).Count(r => r.Status == UsageStatus.Accepted);
            }

            return count;
        })));

        Assert.Equal(events, accepted.Sum());
        await shop.RollupsFitAsync();
        Assert.Equal((events, events), await shop.QuantitiesAsync("calls"));
        var sum = Enumerable.Range(0, events).Sum(i => (i % 97) + (i % 10 / 10m));
        Assert.Equal((sum, sum), await shop.QuantitiesAsync("minutes"));
    }

    [Theory]
    [InlineData(Stores.Memory, 1)]
    [InlineData(Stores.Memory, 2)]
    [InlineData(Stores.Memory, 3)]
    [InlineData(Stores.Memory, 4)]
    [InlineData(Stores.Sqlite, 5)]
    [InlineData(Stores.Sqlite, 6)]
    public async Task Corrections_and_new_events_of_several_writers_leave_rollups_that_fit_the_events(string store, int seed)
    {
        const int events = 60;
        await using var shop = await (await Shop.OpenAsync(store)).WithAsync("acme");
        await shop.RecordAsync([.. Enumerable.Range(0, events).Select(i => Call(new Dice(seed + i), "old" + i))]);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            var dice = new Dice((seed * 100) + writer);
            for (var n = 0; n < 20; n++)
            {
                if (dice.Chance(50))
                {
                    await shop.RecordAsync([.. Enumerable.Range(0, 1 + dice.Next(4)).Select(i => Call(dice, $"new{writer}-{n}-{i}"))]);
                }
                else
                {
                    await CorrectAsync(shop, dice, "old" + dice.Next(events));
                }
            }
        })));

        await shop.RollupsFitAsync();
    }

    [Fact]
    public async Task Two_processes_on_one_file_count_each_event_once()
    {
        var folder = Directory.CreateTempSubdirectory("billing-usage-tests-");
        try
        {
            var path = Path.Combine(folder.FullName, "billing.db");
            await using var first = await (await Shop.OpenAsync(Stores.Sqlite, path: path)).WithAsync("acme");
            await using var second = await Shop.OpenAsync(Stores.Sqlite, path: path);

            // The other machine's clock is behind: what it writes later has smaller ids.
            first.Clock.AdvanceTo(Shop.Start + Duration.FromDays(2));
            var entries = Enumerable.Range(0, 2000).Select(i => Shop.Call("c" + i, minutes: $"{i % 60}")).ToArray();
            var sides = new[] { first, second };
            var accepted = await Task.WhenAll(sides.Select((shop, side) => Task.Run(async () =>
            {
                var count = 0;
                foreach (var batch in entries.Chunk(100 + (30 * side)))
                {
                    count += (await shop.RecordAsync(batch)).Count(r => r.Status == UsageStatus.Accepted);
                    await CorrectAsync(shop, new Dice(count), batch[0].Event.Id);
                }

                return count;
            })));

            Assert.Equal(2000, accepted.Sum());
            Assert.Equal((await first.QuantitiesAsync("minutes")).Events, (await second.QuantitiesAsync("minutes")).Rollups);
            Assert.Equal((await first.QuantitiesAsync("calls")).Events, (await second.QuantitiesAsync("calls")).Rollups);
            Assert.Equal((await first.QuantitiesAsync("abroad")).Events, (await second.QuantitiesAsync("abroad")).Rollups);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static UsageEntry Call(Dice dice, string id) =>
        Shop.Call(id, minutes: $"{dice.Next(100)}", after: Duration.FromMinutes(dice.Next(40)), destination: dice.Next(3) switch { 0 => "41", 1 => "43", _ => "49" });

    private static async Task CorrectAsync(Shop shop, Dice dice, string id)
    {
        try
        {
            var remove = dice.Chance(20);
            await shop.Engine.Usage.CorrectAsync(Shop.Tenant, new CorrectUsageRequest { Id = id, Remove = remove, Properties = remove ? null : Call(dice, id).Event.Properties });
        }
        catch (BillingException error) when (error.Code == BillingErrorCodes.NotFound)
        {
            // Another writer removed it.
        }
    }
}
