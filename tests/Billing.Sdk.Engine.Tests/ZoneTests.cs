using Billing.Catalog;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>A year of periods has no gap and no overlap, whatever a zone does with its clocks.</summary>
public sealed class ZoneTests
{
    private static readonly LocalDate NewYear = new(2026, 1, 1);

    /// <summary>Changes at midnight, by half an hour, in Ramadan, on the southern half; odd offsets; and zones without changes.</summary>
    private static readonly string[] Zones =
    [
        "UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "America/New_York", "America/Los_Angeles", "America/Havana", "America/Santiago", "America/Asuncion", "America/St_Johns",
        "America/Nuuk", "Atlantic/Azores", "Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
        "Pacific/Kiritimati", "Pacific/Pago_Pago",
    ];

    [Fact]
    public async Task A_year_of_days_has_no_gap_and_no_overlap()
    {
        await using var shop = await WithZonesAsync(Zones, new BillingInterval(IntervalUnit.Day, 1), new TenantSettings(), NewYear);

        await AssertYearAsync(shop, Zones, "ahead", 365);
        await AssertYearAsync(shop, Zones, "behind", 365);
    }

    [Theory]
    [InlineData("America/Sao_Paulo", 2018)]
    [InlineData("Asia/Amman", 2021)]
    [InlineData("Africa/Cairo", 2014)]
    public async Task A_year_in_which_a_day_begins_after_midnight_has_no_gap_and_no_overlap(string zone, int year)
    {
        var start = new LocalDate(year, 1, 1);
        await using var shop = await WithZonesAsync([zone], new BillingInterval(IntervalUnit.Day, 1), new TenantSettings(), start);

        await AssertYearAsync(shop, [zone], "ahead", 365, start);
    }

    [Theory]
    [InlineData(ProrationBasis.Days)]
    [InlineData(ProrationBasis.Seconds)]
    public async Task A_year_of_months_has_no_gap_and_no_overlap_in_any_zone(ProrationBasis basis)
    {
        string[] zones = [.. DateTimeZoneProviders.Tzdb.Ids];
        await using var shop = await WithZonesAsync(zones, BillingInterval.Monthly, new TenantSettings { ProrationBasis = basis }, NewYear);

        await AssertYearAsync(shop, zones, "ahead", 12);
        await AssertYearAsync(shop, zones, "behind", 12);
    }

    private static async Task<Shop> WithZonesAsync(IEnumerable<string> zones, BillingInterval interval, TenantSettings settings, LocalDate start)
    {
        var shop = await Shop.OpenAsync(Stores.Memory, settings, start.PlusDays(-2));
        await shop.PublishAsync(Shop.PlanOf("both", Shop.Recurring("ahead", Price.Flat(1m)), Shop.Recurring("behind", Price.Flat(2m), ChargeTiming.InArrears)) with { Interval = interval });
        foreach (var zone in zones)
        {
            await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = zone, TimeZone = zone });
            await shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, new SubscribeRequest { Id = zone, CustomerId = zone, Plan = "both", Start = ChangeTime.On(start) });
        }

        var run = await shop.BillAsync(start.PlusYears(1).PlusDays(2));
        Assert.Empty(run.Quarantined);
        return shop;
    }

    private static async Task AssertYearAsync(Shop shop, IEnumerable<string> zones, string charge, int periods, LocalDate? first = null)
    {
        var start = first ?? NewYear;
        foreach (var id in zones)
        {
            var zone = DateTimeZoneProviders.Tzdb[id];
            var lines = (await shop.InvoicesAsync(id)).SelectMany(d => d.Lines).Where(l => l.Charge == charge && l.FromDate < start.PlusYears(1)).OrderBy(l => l.From).ToList();
            Assert.True(periods == lines.Count, $"{id}: {lines.Count} lines of '{charge}'.");
            Assert.Equal(zone.AtStartOfDay(start).ToInstant(), lines[0].From);
            Assert.Equal(zone.AtStartOfDay(start.PlusYears(1)).ToInstant(), lines[^1].To);
            foreach (var (line, next) in lines.Zip(lines.Skip(1)))
            {
                Assert.Equal((line.To, line.ToDate), (next.From, next.FromDate));
                Assert.Equal(lines[0].Amount, line.Amount);
            }

            Assert.All(lines, l => AssertDates(l, zone));
        }
    }

    private static void AssertDates(InvoiceLine line, DateTimeZone zone)
    {
        Assert.Equal(zone.AtStartOfDay(line.FromDate!.Value).ToInstant(), line.From);
        Assert.Equal(zone.AtStartOfDay(line.ToDate!.Value).ToInstant(), line.To);
    }
}
