using Billing.Customers;
using Billing.Processing;
using Billing.Tasks;

namespace Billing.Mediation.Tests;

public class ImportTests
{
    private static readonly TaskEntry[] BothMediators =
    [
        new TaskEntry { Stage = "mediation", Task = "a", Order = 1 },
        new TaskEntry { Stage = "mediation", Task = "b", Order = 2 },
    ];

    private readonly FakePlugin _plugin = new();

    [Fact]
    public async Task What_is_read_is_the_sum_of_all_else_and_each_record_counts_once()
    {
        using var shop = await OpenAsync();
        await shop.WithCustomersAsync("jane");
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new CreateCustomerRequest { Id = "nobody" });

        var result = await shop.ImportAsync("a:events:1,2\na:events:3\nb:events:1\nb:discard\na:nothing\n!\na:reject\nc:x\na:events:nobody-1", "lines");

        Assert.Equal(new ImportResult { Read = 9, Accepted = 2, Duplicate = 1, Discarded = 2, Rejected = 3, Unattributed = 1 }, result);
    }

    [Fact]
    public async Task A_record_of_several_events_is_accepted_if_any_of_them_is_new()
    {
        using var shop = await OpenAsync();
        await shop.WithCustomersAsync("jane");
        await shop.ImportAsync("a:events:1", "lines");

        var result = await shop.ImportAsync("a:events:1,2", "lines");

        Assert.Equal(new ImportResult { Read = 1, Accepted = 1 }, result);
        Assert.Equal(4m, (await shop.Engine.Usage.GetCurrentAsync(Shop.Tenant, "jane"))["minutes"]);
    }

    [Fact]
    public async Task A_feed_that_is_read_twice_bills_nothing_twice_and_lists_its_errors_once()
    {
        using var shop = await OpenAsync();
        await shop.WithCustomersAsync("jane");
        const string Feed = "a:events:1\na:events:2\n!\na:reject";
        await shop.ImportAsync(Feed, "lines");

        var again = await shop.ImportAsync(Feed + "\na:reject", "lines");

        Assert.Equal(new ImportResult { Read = 5, Duplicate = 2, Rejected = 3 }, again);
        Assert.Equal(4m, (await shop.Engine.Usage.GetCurrentAsync(Shop.Tenant, "jane"))["minutes"]);
        Assert.Equal([3, 4, 5], (await shop.RejectedAsync()).Select(r => r.Position).Order());
    }

    [Fact]
    public async Task An_event_that_the_engine_refuses_rejects_its_record_alone()
    {
        using var shop = await OpenAsync();
        await shop.WithCustomersAsync("jane");

        var result = await shop.ImportAsync("a:events:1\na:events:bad-2\na:events:3", "lines");

        Assert.Equal(new ImportResult { Read = 3, Accepted = 2, Rejected = 1 }, result);
        Assert.Equal("a:events:bad-2", Assert.Single(await shop.RejectedAsync()).Raw);
    }

    [Fact]
    public async Task The_sample_file_comes_to_its_stated_figures_through_the_whole_path()
    {
        using var shop = await Shop.OpenAsync(null, new TaskEntry { Stage = "mediation", Task = "asterisk-cdr" });
        await shop.WithCustomersAsync("555-0101", "555-0102", "555-0103", "555-0104", "555-0105");
        var file = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "data", "cdr.csv"));

        var result = await shop.ImportAsync(file, batchSize: 7);

        Assert.Equal(new ImportResult { Read = 39, Accepted = 25, Duplicate = 3, Rejected = 4, Discarded = 7 }, result);
        Assert.Equal(100m, (await shop.Engine.Usage.GetCurrentAsync(Shop.Tenant, "555-0101"))["minutes"]);
    }

    [Fact]
    public async Task A_record_goes_to_the_first_mediator_that_takes_it_and_without_one_it_is_rejected()
    {
        using var shop = await OpenAsync();

        var result = await shop.ImportAsync("a:discard\nb:discard\nc:discard", "lines");

        Assert.Equal(new ImportResult { Read = 3, Discarded = 2, Rejected = 1 }, result);
        Assert.Equal([3], _plugin.BatchesOfA);
        Assert.Equal([2], _plugin.BatchesOfB);
        var rejected = Assert.Single(await shop.RejectedAsync());
        Assert.Equal((RejectionCodes.NoMediator, 3L, "c:discard", "test.csv"), (rejected.Code, rejected.Position, rejected.Raw, rejected.Feed));
    }

    [Fact]
    public async Task A_tenant_without_mediators_rejects_everything()
    {
        using var shop = await Shop.OpenAsync(tasks => tasks.AddPlugin("fakes", _plugin));

        Assert.Equal(new ImportResult { Read = 2, Rejected = 2 }, await shop.ImportAsync("a:discard\n!", "lines"));
        Assert.Equal([RejectionCodes.NoMediator, RejectionCodes.Unreadable], (await shop.RejectedAsync()).OrderBy(r => r.Position).Select(r => r.Code));
    }

    [Fact]
    public async Task A_record_that_makes_the_mediator_throw_is_rejected_alone()
    {
        using var shop = await OpenAsync();
        var lines = Enumerable.Range(1, 64).Select(i => i == 40 ? "POISON" : "a:discard");

        var result = await shop.ImportAsync(string.Join('\n', lines), "lines");

        Assert.Equal(new ImportResult { Read = 64, Discarded = 63, Rejected = 1 }, result);
        var rejected = Assert.Single(await shop.RejectedAsync());
        Assert.Equal((BillingErrorCodes.TaskFailed, 40L), (rejected.Code, rejected.Position));
        Assert.Contains("mediation/a", rejected.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Batches_are_as_large_as_asked_for_and_each_is_reported()
    {
        using var shop = await OpenAsync();
        var reports = new Reports();

        await shop.ImportAsync(string.Join('\n', Enumerable.Repeat("a:discard", 25)), "lines", batchSize: 10, progress: reports);

        Assert.Equal([10, 10, 5], _plugin.BatchesOfA);
        Assert.Equal([10, 20, 25], reports.All.Select(r => r.SoFar.Read));
    }

    [Fact]
    public async Task Rejected_text_is_cut_and_can_be_stored_anywhere()
    {
        using var shop = await OpenAsync();

        await shop.ImportAsync("!\0" + new string('x', 3997) + "😀", "lines");

        var raw = Assert.Single(await shop.RejectedAsync()).Raw;
        Assert.Equal(4000, raw.Length);
        Assert.Equal(("!\uFFFD", '\uFFFD'), (raw[..2], raw[^1]));
    }

    [Fact]
    public async Task Rejected_records_are_listed_by_feed()
    {
        using var shop = await OpenAsync();
        await shop.ImportAsync("!", "lines", feed: "one.txt");
        await shop.ImportAsync("!", "lines", feed: "two.txt");

        Assert.Equal(2, (await shop.RejectedAsync()).Count);
        Assert.Equal("two.txt", Assert.Single(await shop.RejectedAsync("two.txt")).Feed);
    }

    [Fact]
    public async Task A_reader_that_throws_ends_the_import_and_what_came_before_stays()
    {
        using var shop = await OpenAsync();

        var error = await Assert.ThrowsAsync<BillingException>(() => shop.ImportAsync("!\nTHROW\n!", "lines", batchSize: 1));

        Assert.Equal(BillingErrorCodes.TaskFailed, error.Code);
        Assert.Contains("usage-reading/lines", error.Message, StringComparison.Ordinal);
        Assert.Contains("The disk is gone.", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, Assert.Single(await shop.RejectedAsync()).Position);
    }

    [Fact]
    public async Task A_reader_that_nobody_offers_is_named()
    {
        using var shop = await OpenAsync();

        var error = await Assert.ThrowsAsync<BillingException>(() => shop.ImportAsync("", "csv"));

        Assert.Equal(BillingErrorCodes.TaskMissing, error.Code);
        Assert.Contains("usage-reading/csv", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 1000, "feed")]
    [InlineData("calls.csv", 0, "batchSize")]
    [InlineData("calls.csv", 100_001, "batchSize")]
    public async Task Requests_that_cannot_be_carried_out_are_refused(string feed, int batchSize, string key)
    {
        using var shop = await OpenAsync();

        var error = await Assert.ThrowsAsync<BillingException>(() => shop.ImportAsync("", "lines", feed, batchSize));

        Assert.Equal((BillingErrorCodes.Validation, key), (error.Code, error.Key));
    }

    private Task<Shop> OpenAsync() => Shop.OpenAsync(tasks => tasks.AddPlugin("fakes", _plugin), BothMediators);
}
