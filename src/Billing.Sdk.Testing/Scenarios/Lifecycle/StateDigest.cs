using System.Globalization;
using Billing.Invoicing;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>All that can be seen of a tenant, as lines of text: two digests are equal when nothing has changed.</summary>
internal sealed class StateDigest
{
    private readonly List<string> _lines = [];

    public static async Task<StateDigest> ReadAsync(LifecycleRun run, CancellationToken cancellationToken)
    {
        using var unwatched = run.Unwatched();
        var digest = new StateDigest();
        foreach (var payer in await ScenarioMoment.ListPayersAsync(run.Host, cancellationToken).ConfigureAwait(false))
        {
            await digest.AddPayerAsync(run.Engine, payer, cancellationToken).ConfigureAwait(false);
        }

        foreach (var customer in run.Customers)
        {
            await digest.AddCustomerAsync(run.Engine, customer, cancellationToken).ConfigureAwait(false);
        }

        foreach (var entry in await run.Host.Storage.ReadLedgerAsync(ScenarioHost.Tenant, null, LocalDate.MaxIsoValue, cancellationToken).ConfigureAwait(false))
        {
            digest.Add($"posting {entry.Id} {entry.Account} {entry.Amount} {entry.Currency} of {entry.AccountingDate}");
        }

        return digest;
    }

    /// <summary>Tells the first thing that has changed, if any.</summary>
    public void CompareWith(StateDigest before, ScenarioComparison comparison, string path)
    {
        var gone = before._lines.Except(_lines, StringComparer.Ordinal).FirstOrDefault();
        var added = _lines.Except(before._lines, StringComparer.Ordinal).FirstOrDefault();
        if (gone is not null || added is not null)
        {
            comparison.Fail(path, $"no trace ({gone ?? "nothing there"})", added ?? "gone");
        }
    }

    private async Task AddPayerAsync(BillingEngine engine, string payer, CancellationToken cancellationToken)
    {
        foreach (var (invoice, lines) in await engine.Invoices.ListAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false))
        {
            AddInvoice(invoice, lines);
        }

        foreach (var payment in await engine.Payments.ListAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false))
        {
            Add($"payment {payer}#{payment.Ordinal} {payment.State} {payment.Amount} refunded {payment.RefundedAmount} unapplied {payment.UnappliedAmount} attempts {payment.Attempts} next {payment.NextAttemptAt}");
        }

        foreach (var note in await engine.Credits.ListNotesAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false))
        {
            Add($"credit note {payer}#{note.Ordinal} {note.Total} left {note.Remaining}");
        }

        foreach (var grant in await engine.Credits.ListGrantsAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false))
        {
            Add($"credit grant {grant.CustomerId}/{grant.Id} {grant.Amount} left {grant.Remaining} usable {grant.Usable} expired {grant.Expired}");
        }

        foreach (var message in await engine.Messages.ListAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false))
        {
            Add($"message {payer} {message.Sequence} {message.Name}");
        }
    }

    private async Task AddCustomerAsync(BillingEngine engine, string customer, CancellationToken cancellationToken)
    {
        var balance = await engine.Customers.GetBalanceAsync(ScenarioHost.Tenant, customer, cancellationToken).ConfigureAwait(false);
        Add($"customer {customer} balance {balance.Balance} credit {balance.CreditBalance} grants {string.Join(' ', balance.Credits.Select(c => Invariant($"{c.Key}={c.Value}")))}");
        foreach (var view in await engine.Subscriptions.ListAsync(ScenarioHost.Tenant, customer, cancellationToken).ConfigureAwait(false))
        {
            Add($"subscription {view.Id} {view.State} {view.Plan} {view.PeriodStart} {view.PeriodEnd} {view.Quantity} {string.Join(' ', view.Quantities.Select(q => Invariant($"{q.Key}={q.Value}")))}");
        }

        foreach (var (meter, quantity) in await engine.Usage.GetCurrentAsync(ScenarioHost.Tenant, customer, cancellationToken).ConfigureAwait(false))
        {
            Add($"usage {customer} {meter} {quantity}");
        }
    }

    private void AddInvoice(Invoice invoice, EquatableList<InvoiceLine> lines)
    {
        Add($"invoice {invoice.PayerId}#{invoice.Ordinal} {invoice.Number} {invoice.Status} {invoice.Date} due {invoice.DueDate} total {invoice.Total} credit {invoice.CreditApplied} paid {invoice.AmountPaid} written off {invoice.AmountWrittenOff} aging {invoice.AgingStepsDone}");
        foreach (var line in lines)
        {
            Add($"line {line.Key}/{line.Revision} {line.Type} {line.Amount} discount {line.Discount} tax {line.Tax} credited {line.CreditedAmount}");
        }
    }

    private void Add(FormattableString line) => _lines.Add(line.ToString(CultureInfo.InvariantCulture));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
