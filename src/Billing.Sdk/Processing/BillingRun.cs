using Billing.Invoicing;
using Billing.Storage;
using NodaTime;

namespace Billing.Processing;

/// <summary>The billing run as one call: a durable run that is started and worked off here, and billing of a single payer.</summary>
internal sealed class BillingRun(EngineCore core)
{
    /// <summary>Bills all payers of the tenant that are due.</summary>
    public async Task<BillingRunResult> RunAsync(CommandContext context, Instant asOf, CancellationToken cancellationToken)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        var worker = new WorkerOptions();
        var run = await new RunControl(core).StartAsync(tenant, context, asOf, cancellationToken).ConfigureAwait(false);
        if (run is null)
        {
            return new BillingRunResult { Payers = 0, InvoiceCount = 0, QuarantinedCount = 0 };
        }

        return await new RunWorker(core, tenant, context, run, worker).WorkAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Bills one payer, if it is due.</summary>
    public async Task<BillingRunResult> RunPayerAsync(CommandContext context, string payerId, Instant asOf, CancellationToken cancellationToken)
    {
        var tenant = await OpenAsync(context, asOf, cancellationToken).ConfigureAwait(false);
        var result = new RunCounter();
        result.Add(await new BillingPage(core, tenant, context, asOf).BillAsync([payerId], null, cancellationToken).ConfigureAwait(false));
        return result.Result(null);
    }

    /// <summary>What a run would issue; nothing is written.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="payerId">The payer.</param>
    /// <param name="asOf">The moment of the run; <see langword="null"/>: the earliest one from now on that issues anything.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<InvoiceDocument>> PreviewAsync(CommandContext context, string payerId, Instant? asOf, CancellationToken cancellationToken)
    {
        var tenant = await OpenAsync(context, asOf ?? core.Clock.GetCurrentInstant(), cancellationToken).ConfigureAwait(false);
        var works = await PayerWorks.ReadAsync(core, tenant, context, [payerId], SnapshotParts.All, cancellationToken).ConfigureAwait(false);
        var work = works.Count == 1 ? works[0] : throw BillingException.NotFound("customer", payerId);
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
}
