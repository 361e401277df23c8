using Billing.Catalog;
using Billing.Processing;
using Billing.Storage;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class RunTests
{
    private static readonly CommandContext Context = Shop.Tenant;

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task Workers_share_a_run_and_finish_it_without_double_work_or_a_hole(string store)
    {
        await using var shop = await OpenAsync(store, payers: 60);
        var run = await shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now, ShardSize = 7 });
        Assert.Equal((RunState.Running, 9, 60), (run.State, run.Shards, run.Total));

        var workers = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() =>
            shop.Engine.Runs.WorkAsync(Context, run.Id, new WorkerOptions { Worker = $"w{i}", PageSize = 3, Degree = 2 }))));

        Assert.Equal((60, 60), (workers.Sum(w => w.Payers), workers.Sum(w => w.InvoiceCount)));
        await FinishedAsync(shop, run.Id, payers: 60);
        var numbers = workers.SelectMany(w => w.Invoices).Select(i => i.SeriesNumber!.Value).Order().ToList();
        Assert.Equal(Enumerable.Range(1, 60).Select(n => (long)n), numbers);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_shard_whose_worker_died_goes_on_where_it_stopped(string store)
    {
        var pages = 0;
        HookedStorage? hooks = null;
        await using var shop = await OpenAsync(HookedStorage.Options(store, h => hooks = h), payers: 20);
        var run = await shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now, ShardSize = 20 });
        hooks!.Before = (name, arguments) =>
        {
            // From the third page on nothing reaches the store any more: to the others the process is gone.
            if (name == nameof(IBillingStorage.CommitAsync) && (((BillingBatch)arguments[0]!).Payers.Count == 0 ? pages > 2 : ++pages > 2))
            {
                throw new IOException("The process is gone.");
            }
        };
        await Assert.ThrowsAnyAsync<Exception>(() => shop.Engine.Runs.WorkAsync(Context, run.Id, new WorkerOptions { Worker = "dead", PageSize = 4 }));
        hooks.Before = null;

        var stopped = await shop.Engine.Runs.GetProgressAsync(Shop.Tenant, run.Id);
        Assert.Equal((8, 8, ShardState.Working), (stopped.Done, stopped.Invoices, stopped.Shards[0].State));
        Assert.Equal(0, (await shop.Engine.Runs.WorkAsync(Context, run.Id)).Payers);

        shop.Clock.Advance(Duration.FromMinutes(6));
        var rest = await shop.Engine.Runs.WorkAsync(Context, run.Id, new WorkerOptions { Worker = "other", PageSize = 4 });

        Assert.Equal((12, 12), (rest.Payers, rest.InvoiceCount));
        await FinishedAsync(shop, run.Id, payers: 20);
    }

    [Fact]
    public async Task A_worker_that_lost_its_shard_writes_nothing_and_another_one_finishes()
    {
        HookedStorage? hooks = null;
        await using var shop = await OpenAsync(HookedStorage.Options(Stores.Memory, h => hooks = h), payers: 12);
        var run = await shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now, ShardSize = 12 });
        BillingRunResult? other = null;
        hooks!.Before = (name, arguments) =>
        {
            if (name == nameof(IBillingStorage.CommitAsync) && ((BillingBatch)arguments[0]!).Payers.Count > 0 && other is null)
            {
                // The first worker is so slow that its lease ends right before its commit.
                other = new BillingRunResult { Payers = 0, InvoiceCount = 0, QuarantinedCount = 0 };
                shop.Clock.Advance(Duration.FromMinutes(6));
                other = shop.Engine.Runs.WorkAsync(Context, run.Id, new WorkerOptions { Worker = "fast" }).GetAwaiter().GetResult();
            }
        };

        var slow = await shop.Engine.Runs.WorkAsync(Context, run.Id, new WorkerOptions { Worker = "slow" });

        Assert.Equal((0, 12), (slow.InvoiceCount, other!.InvoiceCount));
        await FinishedAsync(shop, run.Id, payers: 12);
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_run_is_paused_after_a_page_resumed_and_cancelled(string store)
    {
        HookedStorage? hooks = null;
        await using var shop = await OpenAsync(HookedStorage.Options(store, h => hooks = h), payers: 12);
        var run = await shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now, ShardSize = 12 });
        var worker = new WorkerOptions { PageSize = 3 };

        await PauseInFirstPageAsync();
        var paused = await shop.Engine.Runs.GetProgressAsync(Shop.Tenant, run.Id);
        Assert.Equal((RunState.Paused, 3, ShardState.Waiting), (paused.Run.State, paused.Done, paused.Shards[0].State));
        Assert.Equal(0, (await shop.Engine.Runs.WorkAsync(Context, run.Id, worker)).Payers);

        Assert.Equal(RunState.Running, (await shop.Engine.Runs.ResumeAsync(Context, run.Id)).State);
        await PauseInFirstPageAsync();
        Assert.Equal(RunState.Cancelled, (await shop.Engine.Runs.CancelAsync(Context, run.Id)).State);
        Assert.NotNull((await shop.Engine.Runs.FindAsync(Shop.Tenant, run.Id)).FinishedAt);
        Assert.Equal(0, (await shop.Engine.Runs.WorkAsync(Context, run.Id, worker)).Payers);
        foreach (var change in new Func<Task>[] { () => shop.Engine.Runs.PauseAsync(Context, run.Id), () => shop.Engine.Runs.ResumeAsync(Context, run.Id) })
        {
            var error = await Assert.ThrowsAsync<BillingException>(change);
            Assert.Equal(BillingErrorCodes.InvalidState, error.Code);
            Assert.Contains(run.Id.ToString(), error.Message, StringComparison.Ordinal);
        }

        // What the run did not reach is still due.
        Assert.Equal(6, (await shop.Engine.Runs.BillAsync(Context, shop.Clock.Now)).InvoiceCount);

        async Task PauseInFirstPageAsync()
        {
            hooks!.Before = (name, arguments) =>
            {
                if (name == nameof(IBillingStorage.CommitAsync) && ((BillingBatch)arguments[0]!).Payers.Count > 0)
                {
                    hooks.Before = null;
                    shop.Engine.Runs.PauseAsync(Context, run.Id).GetAwaiter().GetResult();
                }
            };
            await shop.Engine.Runs.WorkAsync(Context, run.Id, worker);
        }
    }

    [Fact]
    public async Task The_same_idempotency_key_starts_one_run()
    {
        await using var shop = await OpenAsync(Stores.Memory, payers: 3);
        var context = new CommandContext(Shop.Tenant) { IdempotencyKey = "nightly-1" };
        var runs = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => shop.Engine.Runs.StartAsync(context, new StartRunRequest { AsOf = Shop.Midnight(new LocalDate(2026, 1, 1)) }))));
        Assert.Single(runs.Select(r => r.Id).Distinct());
        Assert.Single(await shop.Engine.Runs.ListAsync(Shop.Tenant));
    }

    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task A_run_that_finds_nothing_due_writes_nothing(string store)
    {
        HookedStorage? hooks = null;
        await using var shop = await OpenAsync(HookedStorage.Options(store, h => hooks = h), payers: 3);
        await shop.Engine.Runs.BillAsync(Context, shop.Clock.Now);
        var before = await shop.DigestAsync();
        var calls = new List<string>();
        hooks!.Before = (name, _) => calls.Add(name);

        var second = await shop.Engine.Runs.BillAsync(Context, shop.Clock.Now);

        hooks.Before = null;
        Assert.Equal((0, 0, null), (second.Payers, second.InvoiceCount, second.RunId));
        Assert.DoesNotContain(nameof(IBillingStorage.CommitAsync), calls);
        Assert.Equal(before, await shop.DigestAsync());
        Assert.Equal(RunState.Finished, (await shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now })).State);
    }

    [Fact]
    public async Task A_payer_whose_rows_cannot_be_written_is_found_by_halving_and_stops_no_other()
    {
        HookedStorage? hooks = null;
        await using var shop = await OpenAsync(HookedStorage.Options(Stores.Memory, h => hooks = h), payers: 20);
        hooks!.Before = (name, arguments) =>
        {
            if (name == nameof(IBillingStorage.CommitAsync) && ((BillingBatch)arguments[0]!).Payers.Any(p => p.PayerId == "p13" && p.Rows.Any(r => r.Row is Billing.Invoicing.Invoice)))
            {
                throw new FormatException("A value of p13 is no value.");
            }
        };

        var run = await shop.Engine.Runs.BillAsync(Context, shop.Clock.Now);

        Assert.Equal((20, 19, 1), (run.Payers, run.InvoiceCount, run.QuarantinedCount));
        var item = Assert.Single(await shop.Engine.Runs.ListQuarantineAsync(Shop.Tenant));
        Assert.Equal(("p13", "commit", "A value of p13 is no value."), (item.PayerId, item.Stage, item.Message));
        await FinishedAsync(shop, run.RunId!.Value, payers: 20, invoices: 19);
        hooks.Before = null;
        Assert.Equal("p13", Assert.Single((await shop.Engine.Runs.BillAsync(Context, shop.Clock.Now + Duration.FromHours(1))).Invoices).PayerId);
    }

    [Fact]
    public async Task Lists_of_results_are_limited_and_counts_are_not()
    {
        await using var shop = await OpenAsync(Stores.Memory, payers: BillingRunResult.MaximumListed + 50);
        var run = await shop.Engine.Runs.BillAsync(Context, shop.Clock.Now);
        Assert.Equal((1050, 1050, 1000), (run.Payers, run.InvoiceCount, run.Invoices.Count));
    }

    [Theory]
    [InlineData("", 300, 1000, 1)]
    [InlineData("w", 0, 1000, 1)]
    [InlineData("w", 300, 0, 1)]
    [InlineData("w", 300, 10_001, 1)]
    [InlineData("w", 300, 1000, 0)]
    public async Task Options_that_make_no_sense_are_refused(string worker, int lease, int page, int degree)
    {
        await using var shop = await OpenAsync(Stores.Memory, payers: 1);
        var run = await shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now });
        var options = new WorkerOptions { Worker = worker, Lease = Duration.FromSeconds(lease), PageSize = page, Degree = degree };
        Assert.Equal(BillingErrorCodes.Validation, (await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Runs.WorkAsync(Context, run.Id, options))).Code);
        Assert.Equal(
            BillingErrorCodes.Validation,
            (await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Runs.StartAsync(Context, new StartRunRequest { AsOf = shop.Clock.Now, ShardSize = 0 }))).Code);
        Assert.Equal(BillingErrorCodes.NotFound, (await Assert.ThrowsAsync<BillingException>(() => shop.Engine.Runs.WorkAsync(Context, Guid.NewGuid()))).Code);
    }

    private static Task<Shop> OpenAsync(string store, int payers) => OpenAsync(new Testing.Scenarios.ScenarioRunnerOptions { UseStore = Stores.Of(store) }, payers);

    private static async Task<Shop> OpenAsync(Testing.Scenarios.ScenarioRunnerOptions options, int payers)
    {
        var shop = await Shop.OpenAsync(options);
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.Flat(20m))));
        for (var i = 0; i < payers; i++)
        {
            await shop.SubscriberAsync($"p{i:00}", "basic");
        }

        return shop;
    }

    private static async Task FinishedAsync(Shop shop, Guid id, int payers, int? invoices = null)
    {
        var progress = await shop.Engine.Runs.GetProgressAsync(Shop.Tenant, id);
        Assert.Equal((RunState.Finished, payers, invoices ?? payers), (progress.Run.State, progress.Run.Payers, progress.Run.Invoices));
        Assert.NotNull(progress.Run.FinishedAt);
        Assert.All(progress.Shards, s => Assert.Equal((ShardState.Done, null), (s.State, s.LeasedUntil)));
        var documents = 0;
        foreach (var payer in await shop.Engine.Customers.ListPayersAsync(Shop.Tenant))
        {
            documents += (await shop.InvoicesAsync(payer)).Count;
        }

        Assert.Equal(invoices ?? payers, documents);
    }
}
