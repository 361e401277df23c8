using System.Reflection;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Testing.Storage;
using Billing.Usage;
using NodaTime;
using Xunit;

namespace Billing.Storage.Tests;

/// <summary>Stores that are wrong in one way each: the suite has to see it.</summary>
public sealed class FaultyStores
{
    internal delegate object? Fault(IBillingStorage inner, MethodInfo method, object?[] arguments);

    [Theory]
    [InlineData(nameof(StorageContract.TenantsSeeNothingOfEachOtherAsync))]
    [InlineData(nameof(StorageContract.PayersOfObjectsAreFoundAsync))]
    [InlineData(nameof(StorageContract.RandomCommandsAgreeWithAModelAsync))]
    public Task A_store_that_forgets_the_tenant_in_reads_is_seen(string rule) => SeenAsync(rule, (inner, method, arguments) =>
    {
        if (method.Name.StartsWith("Read", StringComparison.Ordinal) || method.Name.StartsWith("Find", StringComparison.Ordinal))
        {
            var place = Array.FindIndex(arguments, a => a is TenantId);
            arguments[Math.Max(0, place)] = place >= 0 ? new TenantId("tenant-a") : arguments[0];
        }

        return method.Invoke(inner, arguments);
    });

    [Theory]
    [InlineData(nameof(StorageContract.EveryPrimaryKeyIsUniqueAsync))]
    [InlineData(nameof(StorageContract.EveryFurtherKeyIsUniqueAsync))]
    [InlineData(nameof(StorageContract.OneOfTwoPayersGetsAKeyAsync))]
    [InlineData(nameof(StorageContract.AnswersAreKeptOnceAsync))]
    public Task A_store_that_hides_duplicates_is_seen(string rule) => SeenAsync(rule, OnCommit(async (inner, batch) =>
    {
        var result = await inner.CommitAsync(batch, CancellationToken.None);
        return result with { Batch = Hide(result.Batch), Payers = [.. result.Payers.Select(Hide)] };

        static PayerCommit Hide(PayerCommit p) => p.Outcome == CommitOutcome.Duplicate ? p with { Outcome = CommitOutcome.Committed } : p;
    }));

    [Fact]
    public Task A_store_without_the_further_unique_key_of_lines_is_seen()
    {
        var revision = 1000;
        return SeenAsync(nameof(StorageContract.EveryFurtherKeyIsUniqueAsync), OnCommit((inner, batch) => inner.CommitAsync(
            batch with
            {
                Payers = [.. batch.Payers.Select(p => p with { Rows = [.. p.Rows.Select(c => c.Row is InvoiceLine line ? c with { Row = line with { Revision = ++revision } } : c)] })],
            },
            CancellationToken.None)));
    }

    [Theory]
    [InlineData(nameof(StorageContract.AStalePayerConflictsAsync))]
    [InlineData(nameof(StorageContract.RandomCommandsAgreeWithAModelAsync))]
    public Task A_store_in_which_the_last_writer_wins_is_seen(string rule) => SeenAsync(rule, OnCommit(async (inner, batch) =>
    {
        var payers = new List<PayerChanges>();
        foreach (var changes in batch.Payers)
        {
            var stored = await inner.ReadPayersAsync(batch.Tenant, [changes.PayerId], SnapshotParts.Customers, CancellationToken.None);
            var version = stored.Count > 0 && changes.ExpectedVersion > 0 ? stored[0].Payer.BillingVersion : changes.ExpectedVersion;
            var rows = changes.Rows.Select(c => c.Row is Customers.Customer own && own.Id == changes.PayerId ? c with { Row = own with { BillingVersion = version + 1 } } : c);
            payers.Add(changes with { ExpectedVersion = version, Rows = [.. rows] });
        }

        return await inner.CommitAsync(batch with { Payers = payers }, CancellationToken.None);
    }));

    [Theory]
    [InlineData(nameof(StorageContract.ADuplicateInTheLastRowLeavesNothingAsync))]
    [InlineData(nameof(StorageContract.AConflictInTheLastRowLeavesNothingAsync))]
    public Task A_store_that_writes_half_of_a_losing_payer_is_seen(string rule) => SeenAsync(rule, OnCommit(async (inner, batch) =>
    {
        var result = await inner.CommitAsync(batch, CancellationToken.None);
        if (result.Payers.Any(p => p.Outcome != CommitOutcome.Committed))
        {
            var half = batch.Payers.Select(p => p with { Rows = [.. p.Rows.SkipLast(1)], Idempotency = null });
            await inner.CommitAsync(batch with { Payers = [.. half] }, CancellationToken.None);
        }

        return result;
    }));

    [Fact]
    public Task A_store_that_lets_losers_harm_others_is_seen() => SeenAsync(nameof(StorageContract.LosersDoNoHarmAsync), OnCommit(async (inner, batch) =>
    {
        // Tried on an empty copy it may fail; then the store gives up the whole page.
        var result = await inner.CommitAsync(batch, CancellationToken.None);
        return result.Payers.All(p => p.Outcome == CommitOutcome.Committed)
            ? result
            : result with { Payers = [.. result.Payers.Select(p => p with { Outcome = CommitOutcome.Conflict })] };
    }));

    [Fact]
    public Task A_store_that_loses_a_property_is_seen() => SeenAsync(nameof(StorageContract.EveryPropertyIsKeptAsync), (inner, method, arguments) =>
        method.Name == nameof(IBillingStorage.ReadPayersAsync) ? WithoutPriceKeys((Task<IReadOnlyList<PayerSnapshot>>)method.Invoke(inner, arguments)!) : method.Invoke(inner, arguments));

    [Theory]
    [InlineData(nameof(StorageContract.EventsCountOnceAsync))]
    [InlineData(nameof(StorageContract.EventsSentTwiceAtOnceCountOnceAsync))]
    public Task A_store_that_counts_an_event_again_is_seen(string rule) => SeenAsync(rule, (inner, method, arguments) =>
    {
        if (method.Name == nameof(IBillingStorage.AppendUsageAsync))
        {
            var events = (UsageAppendBatch)arguments[1]!;
            arguments[1] = UsageAppendBatch.Create([.. events.Select(e => e with { Record = e.Record with { Hash = Guid.NewGuid() } })]);
        }

        return method.Invoke(inner, arguments);
    });

    [Fact]
    public Task A_store_that_never_misses_rollups_is_seen() => SeenAsync(nameof(StorageContract.MissingRollupsAreReportedAsync), (inner, method, arguments) =>
        method.Name == nameof(IBillingStorage.ReadUsageAsync) ? NothingMissing((Task<IReadOnlyList<UsageData>>)method.Invoke(inner, arguments)!) : method.Invoke(inner, arguments));

    [Theory]
    [InlineData(nameof(StorageContract.MessagesKeepTheirOrderAsync))]
    [InlineData(nameof(StorageContract.RetriesWaitForTheirTimeAsync))]
    [InlineData(nameof(StorageContract.OneDispatcherHoldsAMessageAsync))]
    public Task A_store_that_leases_whatever_is_pending_is_seen(string rule) => SeenAsync(rule, (inner, method, arguments) =>
        method.Name == nameof(IBillingStorage.LeaseOutboxAsync) ? PendingMessages(inner) : method.Invoke(inner, arguments));

    [Fact]
    public Task A_store_that_gives_its_own_lists_away_is_seen()
    {
        Task<IReadOnlyList<DueItem>>? kept = null;
        return SeenAsync(nameof(StorageContract.AnswersAreCopiesAsync), (inner, method, arguments) =>
            method.Name == nameof(IBillingStorage.ReadDueAsync) ? kept ??= (Task<IReadOnlyList<DueItem>>)method.Invoke(inner, arguments)! : method.Invoke(inner, arguments));
    }

    [Fact]
    public Task A_store_that_skips_a_number_is_seen() => SeenAsync(nameof(StorageContract.NumbersHaveNoGapsAsync), OnCommit(async (inner, batch) =>
    {
        var result = await inner.CommitAsync(batch, CancellationToken.None);
        return result with { Numbers = [.. result.Numbers.Select(n => n with { SeriesNumber = n.SeriesNumber * 2 })] };
    }));

    private static async Task SeenAsync(string rule, Fault fault) =>
        await Assert.ThrowsAsync<ContractViolationException>(() => new Faulty(fault).RunAsync(rule));

    private static Fault OnCommit(Func<IBillingStorage, BillingBatch, Task<CommitResult>> commit) => (inner, method, arguments) =>
        method.Name == nameof(IBillingStorage.CommitAsync) ? commit(inner, (BillingBatch)arguments[0]!) : method.Invoke(inner, arguments);

    private static async Task<IReadOnlyList<PayerSnapshot>> WithoutPriceKeys(Task<IReadOnlyList<PayerSnapshot>> page) =>
        [.. (await page).Select(p => p with { Lines = [.. p.Lines.Select(l => l with { PriceKey = null })] })];

    private static async Task<IReadOnlyList<UsageData>> NothingMissing(Task<IReadOnlyList<UsageData>> data) => [.. (await data).Select(d => d with { RollupsMissing = false })];

    private static async Task<IReadOnlyList<OutboxMessage>> PendingMessages(IBillingStorage inner) =>
        [.. (await inner.ListOutboxAsync(new TenantId("tenant-a"), null, null, 100, CancellationToken.None)).Where(m => m.State == OutboxState.Pending)];

    private sealed class Faulty(Fault fault) : StorageContract
    {
        protected override Task<IBillingStorage> CreateAsync()
        {
            var proxy = DispatchProxy.Create<IBillingStorage, Proxy>();
            ((Proxy)(object)proxy).Set(new InMemoryBillingStorage(StorageContracts.Ids()), fault);
            return Task.FromResult(proxy);
        }
    }

#pragma warning disable CA1852 // DispatchProxy derives from it.
    internal class Proxy : DispatchProxy
#pragma warning restore CA1852
    {
        private IBillingStorage _inner = null!;
        private Fault _fault = null!;

        public void Set(IBillingStorage inner, Fault fault) => (_inner, _fault) = (inner, fault);

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            try
            {
                return _fault(_inner, targetMethod!, args!);
            }
            catch (TargetInvocationException exception)
            {
                throw exception.InnerException!;
            }
        }
    }
}
