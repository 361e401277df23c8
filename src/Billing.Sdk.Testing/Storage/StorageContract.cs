using System.Reflection;
using Billing.Customers;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Testing.Storage;

/// <summary>What every storage adapter must do, one public method per rule. Derive from it, say how an empty store is made, and run all <see cref="Cases"/>.</summary>
/// <remarks>
/// Each rule makes its own store. A broken rule throws <see cref="ContractViolationException"/>; no test framework is needed. Example with xunit:
/// <code>
/// [Theory, MemberData(nameof(Cases))]
/// public Task Contract(string name) => new MyContract().RunAsync(name);
/// </code>
/// </remarks>
public abstract partial class StorageContract
{
    /// <summary>The tenant of most rules.</summary>
    protected static readonly TenantId TenantA = new("tenant-a");

    /// <summary>Another tenant.</summary>
    protected static readonly TenantId TenantB = new("tenant-b");

    /// <summary>A moment at the start of a bucket.</summary>
    protected static readonly Instant Noon = Instant.FromUtc(2030, 5, 6, 12, 0);

    private readonly RowSamples _samples = new();

    /// <summary>Names of all rules.</summary>
    public static IReadOnlyList<string> Cases { get; } = typeof(StorageContract)
        .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        .Where(m => m.ReturnType == typeof(Task) && m.GetParameters().Length == 0)
        .Select(m => m.Name)
        .Order(StringComparer.Ordinal)
        .ToArray();

    /// <summary>Makes an empty, initialised store of its own.</summary>
    protected abstract Task<IBillingStorage> CreateAsync();

    /// <summary>Checks one rule by name.</summary>
    /// <exception cref="ContractViolationException">The adapter breaks it.</exception>
    public async Task RunAsync(string name)
    {
        var method = typeof(StorageContract).GetMethod(name, BindingFlags.Public | BindingFlags.Instance, [])
            ?? throw new ArgumentException($"There is no rule '{name}'.", nameof(name));
        await ((Task)method.Invoke(this, null)!).ConfigureAwait(false);
    }

    private static CancellationToken None => CancellationToken.None;

    /// <summary>Changes of a payer with its own row added: an insert for version 0, else an update.</summary>
    private static PayerChanges Changes(TenantId tenant, string payerId, long expected, params RowChange[] rows)
    {
        var own = Payer(tenant, payerId, expected + 1);
        return new PayerChanges
        {
            PayerId = payerId,
            ExpectedVersion = expected,
            Rows = [expected == 0 ? RowChange.Insert(own) : RowChange.Update(own), .. rows],
        };
    }

    private static Customer Payer(TenantId tenant, string id, long version) => new()
    {
        Tenant = tenant,
        Id = id,
        PayerId = id,
        Currency = "EUR",
        CreatedAt = Noon,
        BillingVersion = version,
    };

    private static BillingBatch Batch(TenantId tenant, params PayerChanges[] payers) => new() { Tenant = tenant, Payers = payers };

    private static BillingBatch Shared(TenantId tenant, params RowChange[] rows) => new() { Tenant = tenant, Rows = rows };

    private static async Task<CommitResult> CommitAsync(IBillingStorage storage, BillingBatch batch, params CommitOutcome[] payers)
    {
        var result = await storage.CommitAsync(batch, None).ConfigureAwait(false);
        Equal(CommitOutcome.Committed, result.Batch.Outcome, "the outcome of rows without a payer");
        var expected = payers.Length > 0 ? payers : [.. batch.Payers.Select(_ => CommitOutcome.Committed)];
        Equal(string.Join(' ', batch.Payers.Select(p => p.PayerId)), string.Join(' ', result.Payers.Select(p => p.PayerId)), "the payers that a commit answers");
        for (var i = 0; i < expected.Length; i++)
        {
            Equal(expected[i], result.Payers[i].Outcome, $"the outcome of payer '{batch.Payers[i].PayerId}' ({result.Payers[i].Detail})");
        }

        return result;
    }

    private static async Task<PayerSnapshot> SnapshotAsync(IBillingStorage storage, TenantId tenant, string payerId, SnapshotParts parts = SnapshotParts.All)
    {
        var page = await storage.ReadPayersAsync(tenant, [payerId], parts, None).ConfigureAwait(false);
        Equal(1, page.Count, $"the number of payers read with id '{payerId}'");
        return page[0];
    }

    /// <summary>All rows of a type that a tenant has (of a payer, for rows of payers), through whatever read gives them.</summary>
    private static async Task<IReadOnlyList<IBillingRow>> RowsAsync(IBillingStorage storage, TenantId tenant, string payerId, Type type)
    {
        switch (type.Name)
        {
            case nameof(Tenant):
                return await storage.FindTenantAsync(tenant, None).ConfigureAwait(false) is { } found ? [found] : [];
            case nameof(Tasks.TaskConfigurationRow):
                return await storage.FindTaskConfigurationAsync(tenant, None).ConfigureAwait(false) is { } chains ? [chains] : [];
            case nameof(Catalog.CatalogVersion):
                return await storage.ReadCatalogAsync(tenant, None).ConfigureAwait(false);
            case nameof(RejectedRecord):
                return await storage.ListRejectedAsync(tenant, null, int.MaxValue, None).ConfigureAwait(false);
            case nameof(RunShard):
                return await storage.ListRunShardsAsync(tenant, RowSamples.Run, None).ConfigureAwait(false);
            case nameof(RunRecord):
                return await storage.ListRunsAsync(tenant, int.MaxValue, None).ConfigureAwait(false);
            case nameof(Ledger.LedgerTransaction):
                return await storage.ListLedgerTransactionsAsync(tenant, payerId, null, int.MaxValue, None).ConfigureAwait(false);
            case nameof(Ledger.LedgerEntry):
                return await storage.ReadLedgerAsync(tenant, payerId, new LocalDate(9000, 1, 1), None).ConfigureAwait(false);
            case nameof(Notifications.OutboxMessage):
                return await storage.ListOutboxAsync(tenant, payerId, null, int.MaxValue, None).ConfigureAwait(false);
        }

        var page = await storage.ReadPayersAsync(tenant, [payerId], SnapshotParts.All, None).ConfigureAwait(false);
        return page.Count == 0 ? [] : PartOf(page[0], type);
    }

    private static IReadOnlyList<IBillingRow> PartOf(PayerSnapshot snapshot, Type type)
    {
        if (type == typeof(QuarantineItem))
        {
            return snapshot.Quarantine is { } item ? [item] : [];
        }

        var list = typeof(PayerSnapshot).GetProperties().Single(p => p.PropertyType.IsGenericType && p.PropertyType.GenericTypeArguments[0] == type);
        return [.. ((System.Collections.IEnumerable)list.GetValue(snapshot)!).Cast<IBillingRow>()];
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ContractViolationException(message);
        }
    }

    private static void Equal<T>(T expected, T actual, string what) =>
        Require(EqualityComparer<T>.Default.Equals(expected, actual), $"Wrong: {what}. Expected: {expected}. Was: {actual}.");

    private static void SameRows<T>(IEnumerable<T> expected, IEnumerable<T> actual, string what)
    {
        var (wanted, given) = (expected.ToArray(), actual.ToArray());
        Equal(wanted.Length, given.Length, $"the number of {what}");
        for (var i = 0; i < wanted.Length; i++)
        {
            Equal(wanted[i], given[i], $"number {i} of {what}");
        }
    }
}
