using System.Diagnostics.CodeAnalysis;
using Billing.Catalog;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Storage;

/// <summary>What a storage adapter does. Reads give snapshots, writes take one immutable batch.</summary>
/// <remarks>
/// <para>Thread-safe; several processes may use one database. Every call is confined to the tenant that it names; another tenant's rows are
/// never seen and never an error of another kind. Uniqueness is kept by the store itself: see <see cref="StorageKeys"/>.</para>
/// <para>An adapter proves itself with the contract suite of Billing.Sdk.Testing. The contract can still change before version 1.0.</para>
/// </remarks>
[Experimental("BILLING001")]
public interface IBillingStorage
{
    /// <summary>Creates what is missing (schema) and checks what is there; a corrupt or unfitting store is a <see cref="BillingException"/> with code <c>storage</c>.</summary>
    Task InitializeAsync(CancellationToken cancellationToken);

    /// <summary>The tenant, or <see langword="null"/>.</summary>
    Task<Tenant?> FindTenantAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>All tenants, ordered by id.</summary>
    Task<IReadOnlyList<Tenant>> ListTenantsAsync(CancellationToken cancellationToken);

    /// <summary>The tenant's task chains, or <see langword="null"/>.</summary>
    Task<TaskConfigurationRow?> FindTaskConfigurationAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>All catalog versions of the tenant, by number. Versions never change: callers may keep them.</summary>
    Task<IReadOnlyList<CatalogVersion>> ReadCatalogAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>Number of the tenant's newest catalog version; 0 without one.</summary>
    Task<int> ReadCatalogNumberAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>The payer of an object, or <see langword="null"/> when there is no such object.</summary>
    Task<string?> FindPayerAsync(TenantId tenant, StoredObject kind, string id, CancellationToken cancellationToken);

    /// <summary>
    /// A consistent view of each payer that exists, in the order asked for, with a constant number of queries.
    /// </summary>
    Task<IReadOnlyList<PayerSnapshot>> ReadPayersAsync(TenantId tenant, IReadOnlyList<string> payerIds, SnapshotParts parts, CancellationToken cancellationToken);

    /// <summary>Ids of payers (customers whose payer is themselves) after an id, ordered.</summary>
    Task<IReadOnlyList<string>> ListPayersAsync(TenantId tenant, string? after, int maximum, CancellationToken cancellationToken);

    /// <summary>The subscriptions with these ids that exist, with their terms: for attributing usage.</summary>
    Task<IReadOnlyList<SubscriptionWithTerms>> ReadSubscriptionsAsync(TenantId tenant, IReadOnlyList<string> subscriptionIds, CancellationToken cancellationToken);

    /// <summary>The subscriptions of these customers, with their terms: for attributing usage.</summary>
    Task<IReadOnlyList<SubscriptionWithTerms>> ReadSubscriptionsOfCustomersAsync(TenantId tenant, IReadOnlyList<string> customerIds, CancellationToken cancellationToken);

    /// <summary>Which of these customers exist, in any order: for telling usage of an unknown customer from usage of one without a subscription.</summary>
    Task<IReadOnlyList<string>> FindCustomersAsync(TenantId tenant, IReadOnlyList<string> customerIds, CancellationToken cancellationToken);

    /// <summary>Usage by query, in their order, with a constant number of queries.</summary>
    Task<IReadOnlyList<UsageData>> ReadUsageAsync(TenantId tenant, IReadOnlyList<UsageQuery> queries, CancellationToken cancellationToken);

    /// <summary>
    /// Stores events that are new, with what they add to rollups and make due, in one commit; answers in their order. An event counts once by its hash, within the call, across calls
    /// and after the event itself was dropped.
    /// </summary>
    Task<IReadOnlyList<UsageOutcome>> AppendUsageAsync(TenantId tenant, UsageAppendBatch events, CancellationToken cancellationToken);

    /// <summary>The stored event with this hash, or <see langword="null"/>; also <see langword="null"/> when its key was dropped.</summary>
    Task<UsageRecord?> FindUsageAsync(TenantId tenant, Guid hash, CancellationToken cancellationToken);

    /// <summary>The events of one bucket of a subscription, of one type; removed ones left out.</summary>
    Task<IReadOnlyList<UsageRecord>> ReadUsageBucketAsync(TenantId tenant, string subscriptionId, string eventType, Instant bucket, CancellationToken cancellationToken);

    /// <summary>Replaces an event (a correction, version checked) and adds rollups that replace its buckets, in one commit; <see langword="false"/>: the version did not fit.</summary>
    Task<bool> CorrectUsageAsync(TenantId tenant, UsageRecord record, IReadOnlyList<UsageRollup> rollups, DueItem? makesDue, CancellationToken cancellationToken);

    /// <summary>Drops raw events before a moment. Rollups and the keys by which events count once stay.</summary>
    /// <returns>How many were dropped.</returns>
    Task<int> DeleteUsageEventsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken);

    /// <summary>Drops the keys by which events count once, of events that happened before a moment. The caller takes no such events any more; those that are stored are billed as before, but cannot be found by hash or corrected.</summary>
    /// <returns>How many were dropped.</returns>
    Task<int> DeleteUsageKeysAsync(TenantId tenant, Instant before, CancellationToken cancellationToken);

    /// <summary>Drops rollups of buckets before a moment (of periods that are closed for good).</summary>
    /// <returns>How many were dropped.</returns>
    Task<int> DeleteUsageRollupsAsync(TenantId tenant, Instant before, CancellationToken cancellationToken);

    /// <summary>Usage that no subscription has, oldest first.</summary>
    Task<IReadOnlyList<UsageRecord>> ListUnattributedUsageAsync(TenantId tenant, int maximum, CancellationToken cancellationToken);

    /// <summary>Due items up to a moment, oldest first, then by tenant and payer; of one tenant or of all.</summary>
    Task<IReadOnlyList<DueItem>> ReadDueAsync(TenantId? tenant, DueKind kind, Instant upTo, int maximum, CancellationToken cancellationToken);

    /// <summary>Due items up to a moment in a range of payer ids, in order of payer id (byte-wise, as the database has it).</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">What is due.</param>
    /// <param name="upTo">Due by then.</param>
    /// <param name="after">Payers after this id; <see langword="null"/>: from the first.</param>
    /// <param name="through">Payers up to this id; <see langword="null"/>: to the last.</param>
    /// <param name="maximum">At most so many.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<IReadOnlyList<DueItem>> ReadDueRangeAsync(
        TenantId tenant, DueKind kind, Instant upTo, string? after, string? through, int maximum, CancellationToken cancellationToken);

    /// <summary>Counts the payers that are due and cuts them into ranges of a size, in order of payer id.</summary>
    Task<DueRanges> SplitDueAsync(TenantId tenant, DueKind kind, Instant upTo, int size, CancellationToken cancellationToken);

    /// <summary>The earliest due item of a kind, or <see langword="null"/>.</summary>
    Task<DueItem?> ReadNextDueAsync(TenantId tenant, DueKind kind, CancellationToken cancellationToken);

    /// <summary>When a payer is due, or <see langword="null"/>.</summary>
    Task<Instant?> FindDueAsync(TenantId tenant, DueKind kind, string payerId, CancellationToken cancellationToken);

    /// <summary>The stored answer of a command, or <see langword="null"/>.</summary>
    Task<IdempotencyRecord?> FindIdempotencyAsync(TenantId tenant, string command, string key, CancellationToken cancellationToken);

    /// <summary>Writes a batch. Version checks come first, numbers last; each payer's changes are written together or not at all.</summary>
    Task<CommitResult> CommitAsync(BillingBatch batch, CancellationToken cancellationToken);

    /// <summary>Postings up to an accounting date: of one payer or of all, in order.</summary>
    Task<IReadOnlyList<LedgerEntry>> ReadLedgerAsync(TenantId tenant, string? payerId, LocalDate upTo, CancellationToken cancellationToken);

    /// <summary>Journal transactions of one payer or of all, after a transaction, in order.</summary>
    Task<IReadOnlyList<LedgerTransaction>> ListLedgerTransactionsAsync(TenantId tenant, string? payerId, Guid? after, int maximum, CancellationToken cancellationToken);

    /// <summary>
    /// Leases messages that are due to this caller: per payer in order of sequence (a payer with an earlier message that is pending and not due, or leased
    /// elsewhere, gives none). A lease that runs out makes the message free again. Without a tenant: of all tenants that have a row of their own.
    /// </summary>
    Task<IReadOnlyList<OutboxMessage>> LeaseOutboxAsync(TenantId? tenant, Instant now, Duration lease, int maximum, CancellationToken cancellationToken);

    /// <summary>Writes what became of leased messages; those whose version no longer fits are left alone.</summary>
    Task CompleteOutboxAsync(IReadOnlyList<OutboxMessage> messages, CancellationToken cancellationToken);

    /// <summary>Messages of one payer or of all, after a message id, in order of id.</summary>
    Task<IReadOnlyList<OutboxMessage>> ListOutboxAsync(TenantId tenant, string? payerId, Guid? after, int maximum, CancellationToken cancellationToken);

    /// <summary>When the next pending message is due, or <see langword="null"/>.</summary>
    Task<Instant?> ReadNextOutboxDueAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>Rejected records of a feed or of all, in order of recording.</summary>
    Task<IReadOnlyList<RejectedRecord>> ListRejectedAsync(TenantId tenant, string? feed, int maximum, CancellationToken cancellationToken);

    /// <summary>Payers in quarantine, ordered by id.</summary>
    Task<IReadOnlyList<QuarantineItem>> ListQuarantineAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>How many redemptions of a coupon there are.</summary>
    Task<int> CountRedemptionsAsync(TenantId tenant, string coupon, CancellationToken cancellationToken);

    /// <summary>The run, or <see langword="null"/>.</summary>
    Task<RunRecord?> FindRunAsync(TenantId tenant, Guid run, CancellationToken cancellationToken);

    /// <summary>The shards of a run, by number.</summary>
    Task<IReadOnlyList<RunShard>> ListRunShardsAsync(TenantId tenant, Guid run, CancellationToken cancellationToken);

    /// <summary>Runs, newest first.</summary>
    Task<IReadOnlyList<RunRecord>> ListRunsAsync(TenantId tenant, int maximum, CancellationToken cancellationToken);
}

/// <summary>Objects whose payer can be looked up.</summary>
public enum StoredObject
{
    /// <summary>A customer.</summary>
    Customer,

    /// <summary>A subscription.</summary>
    Subscription,

    /// <summary>An invoice (id as text).</summary>
    Invoice,

    /// <summary>A payment (id as text).</summary>
    Payment,

    /// <summary>A payment method.</summary>
    PaymentMethod,

    /// <summary>A payment attempt, by the key that the gateway got.</summary>
    PaymentAttemptKey,
}

/// <summary>A subscription and what is agreed.</summary>
/// <param name="Subscription">The subscription.</param>
/// <param name="Terms">Its terms, by sequence.</param>
/// <param name="DueAt">When its payer is due for billing next.</param>
/// <param name="BilledThrough">The moment up to which its payer is billed.</param>
public sealed record SubscriptionWithTerms(
    Subscriptions.Subscription Subscription, IReadOnlyList<Subscriptions.SubscriptionTerm> Terms, Instant? DueAt, Instant? BilledThrough = null);
