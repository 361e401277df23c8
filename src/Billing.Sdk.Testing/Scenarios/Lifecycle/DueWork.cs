using Billing.Invoicing;
using Billing.Storage;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>Moves the clock from step to step and does on the way what falls due, in order of its time.</summary>
/// <param name="host">The engine.</param>
/// <param name="context">Who asks.</param>
/// <param name="observes">Whether each billing run is compared with a preview taken just before.</param>
internal sealed class DueWork(ScenarioHost host, CommandContext context, bool observes = true)
{
    /// <summary>Rounds of runs at one moment after which they will not come to rest any more.</summary>
    private const int MaximumRounds = 10_000;

    private readonly List<ObservedRun> _observed = [];
    private readonly List<QuarantineItem> _quarantined = [];

    /// <summary>The billing of payers since it was taken last.</summary>
    public IReadOnlyList<ObservedRun> TakeObserved() => Take(_observed);

    /// <summary>The payers that could not be billed since they were taken last.</summary>
    public IReadOnlyList<QuarantineItem> TakeQuarantined() => Take(_quarantined);

    /// <summary>Does everything due up to a moment, included, and leaves the clock there.</summary>
    public async Task DoUntilAsync(Instant until, CancellationToken cancellationToken)
    {
        var rounds = 0;
        while (await host.Engine.Runs.GetNextDueAsync(ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false) is { } due && due <= until)
        {
            rounds = due > host.Clock.Now ? 1 : rounds + 1;
            if (rounds > MaximumRounds)
            {
                throw new InvalidOperationException($"runs do not settle: at {host.Clock.Now} there is still work due at {due} after {MaximumRounds} rounds.");
            }

            host.Clock.AdvanceTo(due);
            await RunAsync(cancellationToken).ConfigureAwait(false);
        }

        host.Clock.AdvanceTo(until);
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        var runs = host.Engine.Runs;
        var now = host.Clock.Now;
        await runs.ExpireCreditsAsync(context, now, cancellationToken).ConfigureAwait(false);
        await BillAsync(now, cancellationToken).ConfigureAwait(false);
        await runs.CollectAsync(context, now, cancellationToken).ConfigureAwait(false);
        await runs.AgeAsync(context, now, cancellationToken).ConfigureAwait(false);
        await runs.DispatchAsync(ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Bills, and notes for each payer that is due what a preview taken just before said.</summary>
    private async Task BillAsync(Instant now, CancellationToken cancellationToken)
    {
        if (!observes)
        {
            _quarantined.AddRange((await host.Engine.Runs.BillAsync(context, now, cancellationToken).ConfigureAwait(false)).Quarantined);
            return;
        }

        var due = await host.Storage.ReadDueAsync(ScenarioHost.Tenant, DueKind.Billing, now, 10_000, cancellationToken).ConfigureAwait(false);
        var previews = new List<(string Payer, IReadOnlyList<InvoiceDocument> Documents, string? Error)>();
        foreach (var payer in due.Select(d => d.PayerId).Distinct(StringComparer.Ordinal))
        {
            var (documents, error) = await PreviewAsync(payer, now, cancellationToken).ConfigureAwait(false);
            previews.Add((payer, documents, error));
        }

        var result = await host.Engine.Runs.BillAsync(context, now, cancellationToken).ConfigureAwait(false);
        _quarantined.AddRange(result.Quarantined);
        foreach (var (payer, documents, error) in previews)
        {
            var produced = new List<InvoiceDocument>();
            foreach (var invoice in result.Invoices.Where(i => i.PayerId == payer))
            {
                produced.Add(await host.Engine.Invoices.GetAsync(ScenarioHost.Tenant, invoice.Id, cancellationToken).ConfigureAwait(false));
            }

            _observed.Add(new ObservedRun(payer, now, documents, produced) { PreviewError = error });
        }
    }

    private async Task<(IReadOnlyList<InvoiceDocument> Documents, string? Error)> PreviewAsync(string payer, Instant now, CancellationToken cancellationToken)
    {
        try
        {
            return (await host.Engine.Invoices.PreviewAsync(ScenarioHost.Tenant, payer, now, cancellationToken).ConfigureAwait(false), null);
        }
        catch (BillingException refused) when (refused.Code != BillingErrorCodes.NotSupported)
        {
            return ([], $"{refused.Code}: {refused.Message}");
        }
    }

    private static IReadOnlyList<T> Take<T>(List<T> items)
    {
        IReadOnlyList<T> taken = [.. items];
        items.Clear();
        return taken;
    }
}
