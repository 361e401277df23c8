using Billing.Invoicing;
using Billing.Storage;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Processing;

/// <summary>What became of a page of payers.</summary>
internal sealed class PageResult
{
    public int Payers { get; set; }

    public List<Invoice> Invoices { get; } = [];

    public List<QuarantineItem> Quarantined { get; } = [];

    public void Add(PageResult other)
    {
        Payers += other.Payers;
        Invoices.AddRange(other.Invoices);
        Quarantined.AddRange(other.Quarantined);
    }
}

/// <summary>
/// Bills a page of payers: read, rate, compose, tax, commit. A payer that cannot be billed goes to quarantine and stops no other; a page that cannot be written is halved until the payer is found.
/// </summary>
internal sealed class BillingPage(EngineCore core, TenantContext tenant, CommandContext context, Instant asOf)
{
    private const int Tries = 8;

    /// <summary>What a billing run needs of a payer; payments are the business of collection.</summary>
    private const SnapshotParts Parts = SnapshotParts.All & ~SnapshotParts.Payments;

    private static readonly Duration RetryQuarantined = Duration.FromHours(1);
    private static readonly Duration RetryHeldBack = Duration.FromDays(1);

    private readonly ILogger _logger = core.Loggers.CreateLogger<BillingPage>();

    /// <summary>Bills the payers of the page that are due.</summary>
    /// <param name="payers">Their ids.</param>
    /// <param name="progress">The shard that the page is of, whose row is written with it; <see langword="null"/>: none.</param>
    /// <param name="cancellationToken">Cancels before a commit.</param>
    public async Task<PageResult> BillAsync(IReadOnlyList<string> payers, ShardProgress? progress, CancellationToken cancellationToken)
    {
        var result = await TryAsync(payers, progress, cancellationToken).ConfigureAwait(false);
        core.Metrics.Billed(tenant.Id, result);
        return result;
    }

    private async Task<PageResult> TryAsync(IReadOnlyList<string> payers, ShardProgress? progress, CancellationToken cancellationToken)
    {
        try
        {
            return await BillTogetherAsync(payers, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (!IsFinal(error))
        {
            // Something about one of the payers that no stage reports: tried once more, then the page is halved until it is found.
            _logger.LogWarning(error, "A page of {Count} payers of tenant {Tenant} could not be billed.", payers.Count, tenant.Id);
            return await BillHalvesAsync(payers, progress, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<PageResult> BillHalvesAsync(IReadOnlyList<string> payers, ShardProgress? progress, CancellationToken cancellationToken)
    {
        try
        {
            return await BillTogetherAsync(payers, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (!IsFinal(error) && payers.Count == 1)
        {
            var result = new PageResult { Payers = 1 };
            var work = (await PayerWorks.ReadAsync(core, tenant, context, payers, SnapshotParts.All, cancellationToken).ConfigureAwait(false))[0];
            _logger.LogError(error, "Payer {Payer} of tenant {Tenant} goes to quarantine.", work.PayerId, tenant.Id);
            Quarantine(work, "commit", BillingErrorCodes.TaskFailed, error.Message, asOf, RetryQuarantined, result.Quarantined);
            _ = await CommitAsync([(work, null)], result, progress, cancellationToken).ConfigureAwait(false);
            return result;
        }
        catch (Exception error) when (!IsFinal(error))
        {
            // One of the page: each half is tried by itself.
            var middle = payers.Count / 2;
            var first = await BillHalvesAsync([.. payers.Take(middle)], progress, cancellationToken).ConfigureAwait(false);
            first.Add(await BillHalvesAsync([.. payers.Skip(middle)], progress, cancellationToken).ConfigureAwait(false));
            return first;
        }
    }

    /// <summary>Errors that are not about one payer: the call was given up, the store is away, the shard was lost, a task of the tenant's is missing or failed for the page.</summary>
    private static bool IsFinal(Exception error) =>
        error is OperationCanceledException or ShardLostException
            or BillingException { Code: BillingErrorCodes.Storage or BillingErrorCodes.Conflict or BillingErrorCodes.TaskMissing or BillingErrorCodes.TaskFailed };

    private async Task<PageResult> BillTogetherAsync(IReadOnlyList<string> payers, ShardProgress? progress, CancellationToken cancellationToken)
    {
        var result = new PageResult { Payers = payers.Count };
        var remaining = payers;
        for (var attempt = 1; remaining.Count > 0; attempt++)
        {
            var works = await ReadAsync(remaining, cancellationToken).ConfigureAwait(false);
            var ready = await BillAsync(works, result, cancellationToken).ConfigureAwait(false);
            var changed = ready.Where(r => r.Work.HasChanges).ToList();
            remaining = changed.Count == 0 ? [] : await CommitAsync(changed, result, progress, cancellationToken).ConfigureAwait(false);
            if (attempt == Tries && remaining.Count > 0)
            {
                throw BillingException.For(BillingErrorCodes.Conflict, "customer", remaining[0], "billingVersion", $"Other changes came first {Tries} times; run again.");
            }
        }

        return result;
    }

    /// <summary>Reads what is open of the payers, and everything of those that something reaches back for, or that a suspension may be lifted from.</summary>
    private async Task<IReadOnlyList<PayerWork>> ReadAsync(IReadOnlyList<string> payers, CancellationToken cancellationToken)
    {
        var works = await PayerWorks.ReadAsync(core, tenant, context, payers, Parts | SnapshotParts.OpenOnly, cancellationToken).ConfigureAwait(false);
        var reopened = works.Where(w => w.IsReopened || w.Subscriptions.Any(s => s.SuspendedAt is not null)).Select(w => w.PayerId).ToList();
        if (reopened.Count == 0)
        {
            return works;
        }

        var whole = (await PayerWorks.ReadAsync(core, tenant, context, reopened, SnapshotParts.All, cancellationToken).ConfigureAwait(false))
            .ToDictionary(w => w.PayerId, StringComparer.Ordinal);
        return [.. works.Select(w => whole.GetValueOrDefault(w.PayerId, w))];
    }

    private async Task<List<(PayerWork Work, PayerBilling? Billing)>> BillAsync(IReadOnlyList<PayerWork> works, PageResult result, CancellationToken cancellationToken)
    {
        var held = await HeldBackAsync(tenant, [.. works.Select(w => w.PayerId)], asOf, cancellationToken).ConfigureAwait(false);
        var due = works.Where(w => w.Payer.DueAt <= asOf).ToLookup(w => held.ContainsKey(w.PayerId));
        var ready = await BillDueAsync([.. due[false]], result, cancellationToken).ConfigureAwait(false);
        ready.AddRange(due[true].Select(w => (HoldBack(w, held[w.PayerId], asOf, result.Quarantined), (PayerBilling?)null)));
        return ready;
    }

    /// <summary>Commits; gives the payers to which another change came first, or which a worker billed at the same time.</summary>
    private async Task<IReadOnlyList<string>> CommitAsync(
        IReadOnlyList<(PayerWork Work, PayerBilling? Billing)> changed, PageResult result, ShardProgress? progress, CancellationToken cancellationToken)
    {
        var changes = changed.Select(c => c.Work.ToChanges()).ToArray();
        var shard = progress?.Count(changed.Count, changed.Sum(c => c.Billing?.Issued.Count ?? 0), changed.Count(c => c.Billing is null));
        var batch = new BillingBatch { Tenant = tenant.Id, Payers = changes, Rows = shard is null ? [] : [shard] };
        var written = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
        if (written.Batch.Outcome != CommitOutcome.Committed)
        {
            throw new ShardLostException();
        }

        progress?.Accept();
        var numbers = written.Numbers.ToDictionary(n => n.InvoiceId);
        var lost = new List<string>();
        for (var i = 0; i < changed.Count; i++)
        {
            if (written.Payers[i].Outcome == CommitOutcome.Committed)
            {
                result.Invoices.AddRange(Made(changed[i], numbers));
            }
            else
            {
                // Counted again when it is billed again.
                lost.Add(changed[i].Work.PayerId);
                result.Quarantined.RemoveAll(q => q.PayerId == changed[i].Work.PayerId);
                progress?.Uncount(changed[i].Billing?.Issued.Count ?? 0, changed[i].Billing is null ? 1 : 0);
            }
        }

        return lost;
    }

    private static IEnumerable<Invoice> Made((PayerWork Work, PayerBilling? Billing) billed, Dictionary<Guid, AssignedNumber> numbers) =>
        (billed.Billing?.Issued ?? [])
            .Select(id => billed.Work.Find<Invoice>(id))
            .OfType<Invoice>()
            .Select(i => numbers.TryGetValue(i.Id, out var number) ? i with { SeriesNumber = number.SeriesNumber, Number = number.Number } : i);

    /// <summary>Bills side by side. One payer whose inputs cannot be billed must not stop the others: it waits, with its reason, and what was computed for it is dropped.</summary>
    private async Task<List<(PayerWork Work, PayerBilling? Billing)>> BillDueAsync(IReadOnlyList<PayerWork> works, PageResult result, CancellationToken cancellationToken)
    {
        var stages = new PageStages(core, tenant);
        var billings = works.Select(w => new PayerBilling(w, stages)).ToList();
        var errors = await stages.RunAsync(billings.ConvertAll(b => (Func<Task>)(() => b.BillThroughAsync(asOf))), cancellationToken).ConfigureAwait(false);
        var billed = new List<(PayerWork, PayerBilling?)>(works.Count);
        for (var i = 0; i < works.Count; i++)
        {
            var work = works[i];
            if (errors[i] is { } error)
            {
                _logger.LogError(error, "Payer {Payer} of tenant {Tenant} goes to quarantine.", work.PayerId, tenant.Id);
                var code = (error as BillingException)?.Code ?? BillingErrorCodes.TaskFailed;
                var fresh = await PayerWorks.ReadAsync(core, tenant, context, [work.PayerId], SnapshotParts.All, cancellationToken).ConfigureAwait(false);
                billed.Add((Quarantine(fresh[0], "bill", code, error.Message, asOf, RetryQuarantined, result.Quarantined), null));
                continue;
            }

            if (work.Find<QuarantineItem>(work.PayerId) is { } released)
            {
                work.Remove(released);
            }

            billed.Add((work, billings[i]));
        }

        return billed;
    }

    private static PayerWork HoldBack(PayerWork work, string reason, Instant asOf, List<QuarantineItem> quarantined) =>
        Quarantine(work, "billing-selection", "held-back", reason, asOf, RetryHeldBack, quarantined);

    private static PayerWork Quarantine(PayerWork work, string stage, string code, string message, Instant asOf, Duration retry, List<QuarantineItem> quarantined)
    {
        var item = new QuarantineItem
        {
            Tenant = work.Context.Id,
            PayerId = work.PayerId,
            Stage = stage,
            Code = code,
            Message = message,
            Fingerprint = work.Payer.BillingVersion + 1,
            Since = work.Find<QuarantineItem>(work.PayerId)?.Since ?? asOf,
        };
        work.Put(item);
        work.PostponeBilling(asOf + retry);
        quarantined.Add(item);
        return work;
    }

    private async Task<Dictionary<string, string>> HeldBackAsync(TenantContext tenant, IReadOnlyList<string> payers, Instant asOf, CancellationToken cancellationToken)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var filter in tenant.Tasks.Chain<IBillingFilter>())
        {
            var outcome = await core.Invoker.InvokeAsync(filter, payers, (f, ids, t) => Objection.OfAsync(f.HoldBackAsync(ids, asOf, t)), cancellationToken).ConfigureAwait(false);
            if (outcome.Failure is { } failure)
            {
                throw failure;
            }

            for (var i = 0; i < payers.Count; i++)
            {
                if (outcome.Results[i].Reason is { } reason)
                {
                    result.TryAdd(payers[i], reason);
                }
            }
        }

        return result;
    }
}
