using Billing.Invoicing;
using Billing.Storage;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Processing;

/// <summary>
/// The billing run: page by page of payers due; each page is read, rated, composed, taxed and committed. A payer that cannot be billed goes to quarantine and stops no other.
/// </summary>
internal sealed class BillingRun(EngineCore core)
{
    private const int PageSize = 500;
    private const int Tries = 8;

    private static readonly Duration RetryQuarantined = Duration.FromHours(1);
    private static readonly Duration RetryHeldBack = Duration.FromDays(1);

    private readonly ILogger _logger = core.Loggers.CreateLogger<BillingRun>();

    /// <summary>Bills all payers of the tenant that are due.</summary>
    public async Task<BillingRunResult> RunAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        var started = core.Clock.GetCurrentInstant();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var invoices = new List<Invoice>();
        var quarantined = new List<QuarantineItem>();
        while (true)
        {
            var due = await core.Storage.ReadDueAsync(tenant.Id, DueKind.Billing, asOf, PageSize, cancellationToken).ConfigureAwait(false);
            var page = due.Where(d => seen.Add(d.PayerId)).ToDictionary(d => d.PayerId, d => (Instant?)d.DueAt, StringComparer.Ordinal);
            if (page.Count == 0)
            {
                break;
            }

            await BillPageAsync(tenant, context, page, asOf, invoices, quarantined, cancellationToken).ConfigureAwait(false);
        }

        if (seen.Count > 0)
        {
            await RecordAsync(tenant, asOf, started, seen.Count, invoices.Count, quarantined.Count, cancellationToken).ConfigureAwait(false);
        }

        return new BillingRunResult { Payers = seen.Count, Invoices = invoices, Quarantined = quarantined };
    }

    /// <summary>Bills one payer, if it is due.</summary>
    public async Task<BillingRunResult> RunPayerAsync(CommandContext context, string payerId, Instant asOf, CancellationToken cancellationToken)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        var invoices = new List<Invoice>();
        var quarantined = new List<QuarantineItem>();
        var due = await core.Storage.FindDueAsync(tenant.Id, DueKind.Billing, payerId, cancellationToken).ConfigureAwait(false);
        await BillPageAsync(tenant, context, new Dictionary<string, Instant?> { [payerId] = due }, asOf, invoices, quarantined, cancellationToken).ConfigureAwait(false);
        return new BillingRunResult { Payers = 1, Invoices = invoices, Quarantined = quarantined };
    }

    /// <summary>What a run would issue; nothing is written.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="payerId">The payer.</param>
    /// <param name="asOf">The moment of the run; <see langword="null"/>: the earliest one from now on that issues anything.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<InvoiceDocument>> PreviewAsync(CommandContext context, string payerId, Instant? asOf, CancellationToken cancellationToken)
    {
        var tenant = await OpenAsync(context, asOf ?? core.Clock.GetCurrentInstant(), cancellationToken).ConfigureAwait(false);
        var works = await ReadAsync(tenant, context, [payerId], cancellationToken).ConfigureAwait(false);
        var work = works.Count == 1 ? works[0] : throw BillingException.NotFound("customer", payerId);
        TakeDue(work, await core.Storage.FindDueAsync(tenant.Id, DueKind.Billing, payerId, cancellationToken).ConfigureAwait(false));
        var stages = new PageStages(core, tenant);
        var billing = new PayerBilling(work, stages);
        await stages.RunAsync(() => asOf is { } moment ? billing.BillThroughAsync(moment) : billing.BillUntilIssuedAsync(tenant.Now), cancellationToken).ConfigureAwait(false);

        return [.. billing.Issued.Select(id => work.Find<Invoice>(id)).OfType<Invoice>().Select(i => new InvoiceDocument(i, [.. work.LinesOf(i.Id).OrderBy(l => l.Position)]))];
    }

    private async Task<TenantContext> OpenAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken)
    {
        var tenant = await core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        tenant.Tasks.EnsureComplete();
        return tenant.At(asOf);
    }

    private async Task<List<PayerWork>> ReadAsync(TenantContext tenant, CommandContext context, IReadOnlyList<string> payers, CancellationToken cancellationToken)
    {
        var snapshots = await core.Storage.ReadPayersAsync(tenant.Id, payers, SnapshotParts.All, cancellationToken).ConfigureAwait(false);
        return [.. snapshots.Select(s => new PayerWork(tenant, context, s))];
    }

    private async Task BillPageAsync(
        TenantContext tenant,
        CommandContext context,
        IReadOnlyDictionary<string, Instant?> page,
        Instant asOf,
        List<Invoice> invoices,
        List<QuarantineItem> quarantined,
        CancellationToken cancellationToken)
    {
        IReadOnlyList<string> remaining = [.. page.Keys];
        for (var attempt = 1; remaining.Count > 0; attempt++)
        {
            var lost = new List<string>();
            var works = await ReadAsync(tenant, context, remaining, cancellationToken).ConfigureAwait(false);
            works.ForEach(w => TakeDue(w, page[w.PayerId]));
            var held = await HeldBackAsync(tenant, [.. works.Select(w => w.PayerId)], asOf, cancellationToken).ConfigureAwait(false);
            var due = works.Where(w => w.Payer.DueAt <= asOf).ToLookup(w => held.ContainsKey(w.PayerId));
            var ready = await BillAsync([.. due[false]], tenant, context, asOf, quarantined, cancellationToken).ConfigureAwait(false);
            ready.AddRange(due[true].Select(w => (HoldBack(w, held[w.PayerId], asOf, quarantined), (PayerBilling?)null)));
            var changed = ready.Where(r => r.Work.HasChanges).ToList();
            if (changed.Count == 0)
            {
                return;
            }

            var batch = new BillingBatch { Tenant = tenant.Id, Payers = [.. changed.Select(c => c.Work.ToChanges())] };
            var result = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
            var numbers = result.Numbers.ToDictionary(n => n.InvoiceId);
            for (var i = 0; i < changed.Count; i++)
            {
                if (result.Payers[i].Outcome == CommitOutcome.Committed)
                {
                    invoices.AddRange(Made(changed[i], numbers));
                }
                else
                {
                    // Another change came first (or a worker billed the same): compute anew from what is there now.
                    lost.Add(changed[i].Work.PayerId);
                }
            }

            if (attempt == Tries && lost.Count > 0)
            {
                throw BillingException.For(BillingErrorCodes.Conflict, "customer", lost[0], "billingVersion", $"Other changes came first {Tries} times; run again.");
            }

            remaining = lost;
        }
    }

    /// <summary>Late usage makes a payer due without touching its row.</summary>
    private static void TakeDue(PayerWork work, Instant? due)
    {
        if (due is { } at)
        {
            work.BillNoLaterThan(at);
        }
    }

    private static IEnumerable<Invoice> Made((PayerWork Work, PayerBilling? Billing) billed, Dictionary<Guid, AssignedNumber> numbers) =>
        (billed.Billing?.Issued ?? [])
            .Select(id => billed.Work.Find<Invoice>(id))
            .OfType<Invoice>()
            .Select(i => numbers.TryGetValue(i.Id, out var number) ? i with { SeriesNumber = number.SeriesNumber, Number = number.Number } : i);

    private async Task<List<(PayerWork Work, PayerBilling? Billing)>> BillAsync(
        IReadOnlyList<PayerWork> works,
        TenantContext tenant,
        CommandContext context,
        Instant asOf,
        List<QuarantineItem> quarantined,
        CancellationToken cancellationToken)
    {
        var stages = new PageStages(core, tenant);
        var billings = works.Select(w => new PayerBilling(w, stages)).ToList();
        var errors = await stages.RunAsync(billings.ConvertAll(b => (Func<Task>)(() => b.BillThroughAsync(asOf))), cancellationToken).ConfigureAwait(false);
        var billed = new List<(PayerWork, PayerBilling?)>();
        for (var i = 0; i < billings.Count; i++)
        {
            var work = works[i];
            if (errors[i] is { } error)
            {
                billed.Add((await QuarantineAsync(work, error, tenant, context, asOf, quarantined, cancellationToken).ConfigureAwait(false), null));
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

    /// <summary>One payer whose inputs cannot be billed must not stop the others: it waits, with its reason, and what was computed for it is dropped.</summary>
    private async Task<PayerWork> QuarantineAsync(
        PayerWork work,
        Exception error,
        TenantContext tenant,
        CommandContext context,
        Instant asOf,
        List<QuarantineItem> quarantined,
        CancellationToken cancellationToken)
    {
        _logger.LogError(error, "Payer {Payer} of tenant {Tenant} goes to quarantine.", work.PayerId, tenant.Id);
        var code = (error as BillingException)?.Code ?? BillingErrorCodes.TaskFailed;
        var fresh = await ReadAsync(tenant, context, [work.PayerId], cancellationToken).ConfigureAwait(false);
        return Quarantine(fresh[0], "bill", code, error.Message, asOf, RetryQuarantined, quarantined);
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

    private async Task RecordAsync(TenantContext tenant, Instant asOf, Instant started, int payers, int invoices, int quarantined, CancellationToken cancellationToken)
    {
        var record = new RunRecord
        {
            Tenant = tenant.Id,
            Id = core.Ids.NewId(),
            AsOf = asOf,
            Payers = payers,
            Invoices = invoices,
            Quarantined = quarantined,
            StartedAt = started,
            FinishedAt = core.Clock.GetCurrentInstant(),
            Version = 1,
        };
        await core.Storage.CommitAsync(new BillingBatch { Tenant = tenant.Id, Rows = [RowChange.Insert(record)] }, cancellationToken).ConfigureAwait(false);
    }
}
