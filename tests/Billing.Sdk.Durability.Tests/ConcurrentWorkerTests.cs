using Billing.Processing;
using Billing.Storage;
using Billing.Testing.Faults;
using NodaTime;

namespace Billing.Durability;

/// <summary>Several workers on one store, at the same time and in real threads.</summary>
public sealed class ConcurrentWorkerTests
{
    private const int Customers = 60;

    private static readonly Instant February = Instant.FromUtc(2026, 2, 1, 0, 0);

    public static TheoryData<string> Stores => SharedStore.Kinds;

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Two_workers_that_bill_the_same_page_at_the_same_time_bill_nothing_twice_and_leave_nothing_out(string kind)
    {
        await using var alone = await SharedStore.CreateAsync(kind);
        var (single, singleStorage) = await alone.OpenAsync();
        await SharedStore.FoundAsync(single, Customers);
        alone.Clock.AdvanceTo(February);
        Assert.Equal(2 * Customers, (await single.Runs.BillAsync(SharedStore.Tenant, February)).Invoices.Count);

        await using var shared = await SharedStore.CreateAsync(kind);
        var meeting = new Meeting();
        var (first, storage) = await shared.OpenAsync(billing => billing.InterceptStorage(meeting));
        var (second, _) = await shared.OpenAsync(billing => billing.InterceptStorage(meeting));
        await SharedStore.FoundAsync(first, Customers);
        shared.Clock.AdvanceTo(February);
        meeting.IsOpen = true;
        var results = await Task.WhenAll(
            Task.Run(() => first.Runs.BillAsync(SharedStore.Tenant, February)),
            Task.Run(() => second.Runs.BillAsync(SharedStore.Tenant, February)));

        Assert.True(meeting.HasHappened, "The workers did not come to commit the same page at the same time.");
        Assert.Equal(2 * Customers, results.Sum(r => r.Invoices.Count));
        Assert.Empty((await first.Runs.BillAsync(SharedStore.Tenant, February)).Invoices);
        var books = await Books.ReadAsync(first, storage, SharedStore.Tenant);
        Assert.Empty(books.DifferencesFrom(await Books.ReadAsync(single, singleStorage, SharedStore.Tenant)));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task An_event_stored_between_the_reading_of_a_page_and_its_commit_is_billed_exactly_once(string kind)
    {
        await using var store = await SharedStore.CreateAsync(kind);
        var (recorder, _) = await store.OpenAsync();
        var between = new Between();
        var (worker, storage) = await store.OpenAsync(billing => billing.InterceptStorage(between));
        await SharedStore.FoundAsync(recorder, 3);
        await worker.Runs.BillAsync(SharedStore.Tenant, store.Clock.Now);
        var before = (await worker.Usage.GetCurrentAsync(SharedStore.Tenant, "c001"))["minutes"];

        store.Clock.AdvanceTo(February);
        between.Happens = async () => Assert.Equal(
            Usage.UsageStatus.Accepted,
            Assert.Single(await recorder.Usage.RecordAsync(SharedStore.Tenant, [SharedStore.Call(1, "between", 31, 1000)])).Status);
        await worker.Runs.BillAsync(SharedStore.Tenant, February);
        Assert.True(between.HasHappened, "The page was committed without the event in between.");
        Assert.Equal(before, await BilledMinutesAsync(storage));

        // The event left word: the payer is due still, and the next run finds the difference.
        Assert.True((await storage.FindDueAsync(SharedStore.Tenant, DueKind.Billing, "c001", CancellationToken.None)) <= February);
        await worker.Runs.BillAsync(SharedStore.Tenant, February);
        Assert.Equal(before + 1000m, await BilledMinutesAsync(storage));
        Assert.Empty((await worker.Runs.BillAsync(SharedStore.Tenant, February)).Invoices);
        store.Clock.AdvanceTo(February + Duration.FromDays(70));
        await worker.Runs.BillAsync(SharedStore.Tenant, store.Clock.Now);
        Assert.Equal(before + 1000m, await BilledMinutesAsync(storage));
    }

    private static async Task<decimal> BilledMinutesAsync(IBillingStorage storage)
    {
        var snapshots = await storage.ReadPayersAsync(SharedStore.Tenant, ["c001"], SnapshotParts.All, CancellationToken.None);
        return snapshots[0].Lines.Where(l => l.Charge == "calls").Sum(l => l.Amount) / 0.07m;
    }

    private static bool IsPage(string operation, IReadOnlyList<object?> arguments) =>
        operation == nameof(IBillingStorage.CommitAsync) && arguments[0] is BillingBatch { Payers.Count: > 1 };

    /// <summary>Holds the first commit of a page until another worker has computed the same page and wants to commit it, too.</summary>
    private sealed class Meeting : IStorageInterceptor
    {
        private readonly TaskCompletionSource _both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _arrived;

        public bool IsOpen { get; set; }

        public bool HasHappened => _both.Task.IsCompleted;

        public async Task AroundAsync(string operation, IReadOnlyList<object?> arguments, Func<Task> proceed)
        {
            if (IsOpen && IsPage(operation, arguments) && !HasHappened)
            {
                if (Interlocked.Increment(ref _arrived) == 2)
                {
                    _both.SetResult();
                }

                await _both.Task;
            }

            await proceed();
        }
    }

    /// <summary>Lets something happen once, after a page was read and computed and before it is committed.</summary>
    private sealed class Between : IStorageInterceptor
    {
        public Func<Task>? Happens { get; set; }

        public bool HasHappened { get; private set; }

        public async Task AroundAsync(string operation, IReadOnlyList<object?> arguments, Func<Task> proceed)
        {
            if (Happens is { } happens && IsPage(operation, arguments))
            {
                Happens = null;
                HasHappened = true;
                await happens();
            }

            await proceed();
        }
    }
}
