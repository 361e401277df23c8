using Billing.Catalog;
using Billing.Invoicing;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>A billing run repeated at the same moment makes no invoice, and a preview of one right after a run shows none.</summary>
public sealed class RepeatedRunProducesNothing : IScenarioInvariant
{
    /// <inheritdoc/>
    public string Name => "a billing run repeated at the same moment produces nothing";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> FindViolationsAsync(ScenarioMoment moment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(moment);
        var now = moment.Host.Clock.Now;
        var context = new CommandContext(ScenarioHost.Tenant) { Actor = "scenario" };
        var violations = new List<string>();

        // The run itself looks only at payers that are due; the preview looks at one that has just been billed, due or not.
        foreach (var payer in JustBilled(moment))
        {
            var again = await moment.Host.Engine.Invoices.PreviewAsync(ScenarioHost.Tenant, payer, now, cancellationToken).ConfigureAwait(false);
            violations.AddRange(again.Select(d => $"'{payer}' was billed and would be again: {Describe(d.Invoice)}"));
        }

        var result = await moment.Host.Engine.Runs.BillAsync(context, now, cancellationToken).ConfigureAwait(false);
        violations.AddRange(result.Invoices.Select(i => $"'{i.PayerId}' got another invoice: {Describe(i)}"));
        return violations;
    }

    /// <summary>Payers that a run of this very moment has billed; those with a draft are left out, because a draft is shown until it is final.</summary>
    private static IEnumerable<string> JustBilled(ScenarioMoment moment)
    {
        var withDraft = moment.Invoices.Where(d => d.Invoice.Status is InvoiceStatus.Draft or InvoiceStatus.Prepared).Select(d => d.Invoice.PayerId).ToHashSet(StringComparer.Ordinal);
        return moment.Runs
            .Where(r => r.AsOf == moment.Host.Clock.Now && r.Produced.Count > 0 && !withDraft.Contains(r.PayerId))
            .Select(r => r.PayerId)
            .Distinct(StringComparer.Ordinal);
    }

    private static string Describe(Invoice invoice) => $"{invoice.Date} {Rounding.Format(invoice.Total, 2)} {invoice.Currency}";
}

/// <summary>A preview taken just before a run equals what the run produced: all figures of invoices and lines; not ids and numbers.</summary>
public sealed class PreviewEqualsRun : IScenarioInvariant
{
    /// <inheritdoc/>
    public string Name => "a preview taken just before a run equals what the run produced";

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> FindViolationsAsync(ScenarioMoment moment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(moment);
        return Task.FromResult<IReadOnlyList<string>>([.. moment.Runs.SelectMany(Compare)]);
    }

    private static IEnumerable<string> Compare(ObservedRun run)
    {
        var previewed = run.Previewed.SelectMany(Describe).ToList();
        var produced = run.Produced.SelectMany(Describe).ToList();
        if (run.PreviewError is { } error)
        {
            return produced.Count == 0 ? [] : [$"'{run.PayerId}' at {run.AsOf}: no preview ({error}), but the run made: {produced[0]}"];
        }

        var missing = previewed.Except(produced, StringComparer.Ordinal).FirstOrDefault();
        var surplus = produced.Except(previewed, StringComparer.Ordinal).FirstOrDefault();
        return missing is null && surplus is null && previewed.Count == produced.Count
            ? []
            : [$"'{run.PayerId}' at {run.AsOf}: previewed {missing ?? $"{previewed.Count} parts"}, produced {surplus ?? $"{produced.Count} parts"}"];
    }

    private static IEnumerable<string> Describe(InvoiceDocument document, int index)
    {
        var i = document.Invoice;
        yield return FormattableString.Invariant(
            $"invoice {index + 1}: {i.Date} at {i.DatedAt} due {i.DueDate} {JsonFields.WordFor(i.Status)} {i.Currency} subtotal {N(i.Subtotal)} discount {N(i.Discount)} tax {N(i.Tax)} total {N(i.Total)} credit {N(i.CreditApplied)} due {N(i.AmountDue)}");
        foreach (var l in document.Lines)
        {
            yield return FormattableString.Invariant(
                $"invoice {index + 1}, line {l.Position}: {l.Key}/{l.Revision} {JsonFields.WordFor(l.Type)} {l.Plan} {l.Charge} {l.From}/{l.To} quantity {N(l.Quantity)} amount {N(l.Amount)} discount {N(l.Discount)} tax {N(l.Tax)}");
        }
    }

    private static string N(decimal number) => Rounding.Format(number, 2);
}
