using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Billing.Catalog;
using Billing.Processing;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing;

public sealed partial class UsageFacade
{
    private const int LongestSource = 128;
    private const int LongestProperties = 32_768;

    private static readonly UsageEntryResult Accepted = new() { Status = UsageStatus.Accepted };
    private static readonly UsageEntryResult Duplicate = new() { Status = UsageStatus.Duplicate };
    private static readonly UsageEntryResult Unattributed = new() { Status = UsageStatus.Unattributed };

    /// <summary>The meters of catalog versions, which never change.</summary>
    private readonly ConditionalWeakTable<CatalogVersion, EventMeters> _meters = [];

    /// <summary>Records events. Each is answered by itself: accepted, duplicate, unattributed or rejected with a code; nothing else is lost by a rejected one.</summary>
    /// <remarks>
    /// The events that are new are stored in one commit, and an answer means that it is on disk. Batches of 1,000 to 10,000 cost the least per event; callers with single events share commits by a
    /// <see cref="UsageBuffer"/>. When the call fails, it is not known whether the commit was made: record the same events again, each counts once.
    /// </remarks>
    /// <param name="context">Who asks.</param>
    /// <param name="entries">The events; of two with one source and id the first wins.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    public async Task<IReadOnlyList<UsageEntryResult>> RecordAsync(CommandContext context, IReadOnlyList<UsageEntry> entries, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(entries);
        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var attribution = await ReadAttributionAsync(tenant, entries, cancellationToken).ConfigureAwait(false);
        var results = new UsageEntryResult[entries.Count];
        var intake = new Intake(tenant, attribution, MetersOf(tenant.CatalogAt(tenant.Now)), entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            if (intake.Take(entries[i]) is { } error)
            {
                // A wrong event is an answer, not a failure of the batch.
                results[i] = new UsageEntryResult { Status = UsageStatus.Rejected, Code = error.Code, Message = error.Message };
            }
        }

        if (intake.Batch.Count > 0)
        {
            var batch = intake.Batch.Build();
            Answer(results, batch, await _core.Storage.AppendUsageAsync(context.Tenant, batch, cancellationToken).ConfigureAwait(false));
        }

        _core.Metrics.Recorded(context.Tenant, results);
        return results;
    }

    /// <summary>Opens a buffer that records single events of many callers together. The caller closes it by disposing it.</summary>
    /// <param name="options">How it gathers and holds back; <see langword="null"/>: all defaults.</param>
    /// <exception cref="BillingException">With code <c>validation</c>: an option is out of its range.</exception>
    public UsageBuffer OpenBuffer(UsageBufferOptions? options = null) => new(this, options ?? new UsageBufferOptions());

    /// <summary>The key by which an event counts once: the first 16 bytes of SHA-256 over source, a zero byte and id.</summary>
    internal static Guid HashOf(string source, string id)
    {
        const int enough = 1024;
        var length = Encoding.UTF8.GetMaxByteCount(source.Length) + 1 + Encoding.UTF8.GetMaxByteCount(id.Length);
        var text = length <= enough ? stackalloc byte[enough] : new byte[length];
        var written = Encoding.UTF8.GetBytes(source, text);
        text[written++] = 0;
        written += Encoding.UTF8.GetBytes(id, text[written..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..written], hash);
        return new Guid(hash[..16], bigEndian: true);
    }

    private EventMeters MetersOf(CatalogVersion? catalog) =>
        catalog is null ? new EventMeters(null) : _meters.GetValue(catalog, static version => new EventMeters(version.Definition));

    /// <summary>Gives each event that was not refused the answer of the store, which has the order of the batch.</summary>
    private static void Answer(UsageEntryResult[] results, UsageAppendBatch batch, IReadOnlyList<UsageOutcome> outcomes)
    {
        var next = 0;
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i] is null)
            {
                results[i] = outcomes[next] == UsageOutcome.Duplicate ? Duplicate : batch.Records[next].SubscriptionId is null ? Unattributed : Accepted;
                next++;
            }
        }
    }

    private async Task<Attribution> ReadAttributionAsync(TenantContext tenant, IReadOnlyList<UsageEntry> entries, CancellationToken cancellationToken)
    {
        var (subscriptionIds, customerIds) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        foreach (var entry in entries)
        {
            _ = entry.SubscriptionId is { } subscription ? subscriptionIds.Add(subscription) : entry.CustomerId is { } customer && customerIds.Add(customer);
        }

        var subscriptions = new List<SubscriptionWithTerms>();
        var customers = new HashSet<string>(StringComparer.Ordinal);
        if (customerIds.Count > 0)
        {
            subscriptions.AddRange(await _core.Storage.ReadSubscriptionsOfCustomersAsync(tenant.Id, [.. customerIds], cancellationToken).ConfigureAwait(false));
            customers.UnionWith(subscriptions.Select(s => s.Subscription.CustomerId));
            customerIds.ExceptWith(customers);
            if (customerIds.Count > 0)
            {
                customers.UnionWith(await _core.Storage.FindCustomersAsync(tenant.Id, [.. customerIds], cancellationToken).ConfigureAwait(false));
            }
        }

        for (var wanted = subscriptionIds; wanted.Count > 0;)
        {
            var read = await _core.Storage.ReadSubscriptionsAsync(tenant.Id, [.. wanted], cancellationToken).ConfigureAwait(false);
            subscriptions.AddRange(read);

            // An add-on ends with its base, which the batch need not name.
            wanted = subscriptions.Select(s => s.Subscription.ParentSubscriptionId).OfType<string>().ToHashSet(StringComparer.Ordinal);
            wanted.ExceptWith(subscriptions.Select(s => s.Subscription.Id));
            wanted = read.Count == 0 ? [] : wanted;
        }

        return new Attribution(tenant, subscriptions, customers);
    }

    /// <summary>Makes one batch of entries: checks each, finds its owner, and sums up what it adds to meters. For one call; not thread-safe.</summary>
    private sealed class Intake(TenantContext tenant, Attribution attribution, EventMeters meters, int capacity)
    {
        private readonly Instant _oldest = Oldest(tenant);
        private UsageSummary[] _summaries = new UsageSummary[4];
        private string[] _groups = new string[4];

        /// <summary>What was taken so far.</summary>
        public UsageAppendBatchBuilder Batch { get; } = new(capacity);

        /// <summary>Takes an entry.</summary>
        /// <returns>Why it is refused, or <see langword="null"/>.</returns>
        public BillingException? Take(UsageEntry entry)
        {
            var usage = entry.Event;
            var ofType = meters.Of(usage.Type);
            SubscriptionWithTerms? owner = null;
            if ((Wrong(entry) ?? Measure(usage, ofType.Ready) ?? attribution.Find(entry, ofType.Meters, out owner)) is { } error)
            {
                return error;
            }

            Batch.Add(
                new UsageRecord
                {
                    Tenant = tenant.Id,
                    Hash = HashOf(usage.Source, usage.Id),
                    Event = usage,
                    CustomerId = owner?.Subscription.CustomerId ?? entry.CustomerId,
                    SubscriptionId = owner?.Subscription.Id,
                    RecordedAt = tenant.Now,
                    Version = 1,
                },
                owner is null ? null : attribution.DueOf(owner, usage, ofType.Meters));
            if (owner is not null)
            {
                AddDeltas(owner.Subscription.Id, usage, ofType.Ready);
            }

            return null;
        }

        private BillingException? Measure(UsageEvent usage, EventMeter[] ready)
        {
            if (ready.Length > _summaries.Length)
            {
                (_summaries, _groups) = (new UsageSummary[ready.Length], new string[ready.Length]);
            }

            for (var i = 0; i < ready.Length; i++)
            {
                if (ready[i].Take(usage, out _summaries[i], out _groups[i]) is { } error)
                {
                    return error;
                }
            }

            return null;
        }

        private void AddDeltas(string subscriptionId, UsageEvent usage, EventMeter[] ready)
        {
            var bucket = UsageRollup.BucketOf(usage.At);
            for (var i = 0; i < ready.Length; i++)
            {
                if (ready[i].Meter.IsAdditive)
                {
                    // An event that the filter leaves out is counted as nothing: so a time with events and without rollups is one whose rollups are missing.
                    Batch.AddDelta(subscriptionId, ready[i].Meter.Code, _groups[i], bucket, _summaries[i]);
                }
            }
        }

        private static Instant Oldest(TenantContext tenant)
        {
            var accepted = tenant.Settings.UsageAcceptedDays is { } days ? tenant.Now - Duration.FromDays(days) : Instant.MinValue;
            return Instant.Max(accepted, tenant.Tenant.UsageKeysFrom ?? Instant.MinValue);
        }

        private BillingException? Wrong(UsageEntry entry)
        {
            var usage = entry.Event;
            if (!Identifier.IsValid(usage.Id) || !Identifier.IsValid(usage.Type))
            {
                var key = Identifier.IsValid(usage.Id) ? "type" : "id";
                return BillingException.Validation("usage event", usage.Id ?? "", key, "An id or type has 1 to 128 characters, no control characters and no white space at its ends.");
            }

            if (usage.Source.Length > LongestSource || !IsText(usage.Source) || !IsText(usage.Id) || !IsText(usage.Type))
            {
                return BillingException.Validation("usage event", usage.Id, "source", $"A source has at most {LongestSource} characters, and source, id and type are well-formed text.");
            }

            if (entry.CustomerId is null && entry.SubscriptionId is null)
            {
                return BillingException.Validation("usage event", usage.Id, "customer", "Name the customer or the subscription that it belongs to.");
            }

            return usage.At < _oldest
                ? BillingException.For(BillingErrorCodes.Expired, "usage event", usage.Id, "at", $"It is of {usage.At}; usage from before {_oldest} is not taken any more.")
                : WrongProperties(usage);
        }

        /// <summary>Why properties cannot be kept, or <see langword="null"/>.</summary>
        public static BillingException? WrongProperties(UsageEvent usage)
        {
            var length = 0;
            foreach (var (name, value) in usage.Properties)
            {
                length += name.Length + (value?.Length ?? 0);
                if (value is null || !IsText(name) || !IsText(value))
                {
                    return BillingException.Validation("usage event", usage.Id, name.Replace('\0', '?'), "A property is well-formed text without NUL.");
                }
            }

            return length <= LongestProperties
                ? null
                : BillingException.Validation("usage event", usage.Id, "properties", $"The properties have more than {LongestProperties} characters.");
        }

        // Databases take neither NUL nor half of a surrogate pair; one such event would make the commit of all others fail.
        private static bool IsText(string text) => text.AsSpan().IndexOf('\0') < 0 && (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0 || HasWholePairs(text));

        private static bool HasWholePairs(string text)
        {
            for (var i = 0; i < text.Length; i++)
            {
                if (char.IsSurrogate(text[i]) && (!char.IsHighSurrogate(text[i]) || ++i == text.Length || !char.IsLowSurrogate(text[i])))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
