using Billing.Collections;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Processing;

/// <summary>Ages overdue invoices: the policy says which step is next and when, this run does it, at most one per invoice.</summary>
internal sealed class AgingRun(EngineCore core)
{
    private const int PageSize = 200;

    private readonly PayerCommits _commits = new(core);

    public async Task<AgingRunResult> RunAsync(TenantContext tenant, CommandContext context, CancellationToken cancellationToken)
    {
        tenant.Tasks.EnsureComplete();
        var steps = 0;
        await _commits.ForEachPageAsync(
            tenant,
            context,
            DueKind.Aging,
            PageSize,
            async works =>
            {
                var counts = await AgeAsync(works, cancellationToken).ConfigureAwait(false);
                var written = await _commits.CommitAsync(tenant, works, cancellationToken).ConfigureAwait(false);

                // Losers of the commit stay due: the next run sees them as they are then.
                steps += counts.Where(c => written.Contains(c.Key)).Sum(c => c.Value);
            },
            cancellationToken).ConfigureAwait(false);
        return new AgingRunResult(steps);
    }

    private async Task<IReadOnlyDictionary<string, int>> AgeAsync(IReadOnlyList<PayerWork> works, CancellationToken cancellationToken)
    {
        var counts = works.ToDictionary(w => w.PayerId, _ => 0, StringComparer.Ordinal);
        var due = works.SelectMany(w => w.Invoices.Where(i => i.NextAgingAt <= w.Now).Select(i => (Work: w, i.Id))).ToList();
        var done = new List<(PayerWork Work, Guid Id)>();
        foreach (var (work, id, step) in await AskAsync(due, cancellationToken).ConfigureAwait(false))
        {
            var invoice = work.Find<Invoice>(id)!;
            if (step is null || StartOf(work, invoice, step) > work.Now)
            {
                work.Put(invoice with { NextAgingAt = step is null ? null : StartOf(work, invoice, step) });
                continue;
            }

            Do(work, invoice, step);
            counts[work.PayerId]++;
            done.Add((work, id));
        }

        foreach (var (work, id, step) in await AskAsync(done, cancellationToken).ConfigureAwait(false))
        {
            var invoice = work.Find<Invoice>(id)!;
            work.Put(invoice with { NextAgingAt = step is null ? null : StartOf(work, invoice, step) });
        }

        return counts;
    }

    /// <summary>The next step of each invoice; none for those that no longer age.</summary>
    private async Task<IReadOnlyList<(PayerWork Work, Guid Id, AgingStep? Step)>> AskAsync(IReadOnlyList<(PayerWork Work, Guid Id)> invoices, CancellationToken cancellationToken)
    {
        var aging = invoices.Where(i => Ages(i.Work.Find<Invoice>(i.Id)!)).ToList();
        var requests = aging.ConvertAll(i => RequestOf(i.Work.Find<Invoice>(i.Id)!));
        var policies = invoices.Count == 0 ? [] : invoices[0].Work.Context.Tasks.Chain<IAgingPolicy>();
        var steps = await FirstAnswer.AskAsync(core.Invoker, policies, requests, static (policy, batch, token) => policy.NextStepAsync(batch, token), cancellationToken).ConfigureAwait(false);
        return [.. aging.Zip(steps, (i, s) => (i.Work, i.Id, s)), .. invoices.Except(aging).Select(i => (i.Work, i.Id, (AgingStep?)null))];
    }

    private static bool Ages(Invoice invoice) => invoice is { Status: InvoiceStatus.Open, AmountDue: > 0m, FeesOnly: false, DueDate: not null };

    private static AgingRequest RequestOf(Invoice invoice) => new()
    {
        DueDate = invoice.DueDate!.Value,
        StepsDone = invoice.AgingStepsDone,
        AmountDue = new Money(invoice.AmountDue, invoice.Currency),
    };

    private static Instant StartOf(PayerWork work, Invoice invoice, AgingStep step) => work.StartOf(invoice.DueDate!.Value.PlusDays(step.DaysAfterDue));

    private static void Do(PayerWork work, Invoice invoice, AgingStep step)
    {
        var open = invoice.AmountDue;
        invoice = work.Put(invoice with { AgingStepsDone = invoice.AgingStepsDone + 1 });
        work.Emit(EventNames.DunningStep, work.PayerId, notify: false, Facts(invoice, step, open));
        foreach (var action in step.Actions)
        {
            switch (action.Kind)
            {
                case AgingActionKind.Notify:
                    work.Emit(EventNames.InvoiceOverdue, work.PayerId, notify: true, Facts(invoice, step, open));
                    break;
                case AgingActionKind.Fee:
                    ChargeFee(work, invoice, step, action, open);
                    break;
                case AgingActionKind.Retry:
                    Retry(work, invoice.Id);
                    break;
                case AgingActionKind.Suspend:
                    Suspend(work, invoice.Id);
                    break;
                case AgingActionKind.Cancel:
                    DunningTerms.Add(work, invoice.Id, SubscriptionTermKind.Cancel, $"aging step '{step.Name}'");
                    break;
                case AgingActionKind.WriteOff:
                    WriteOff(work, invoice.Id);
                    break;
                default:
                    throw BillingException.For(BillingErrorCodes.TaskFailed, "aging step", step.Name, "actions", $"There is no action {action.Kind}.");
            }
        }
    }

    private static void ChargeFee(PayerWork work, Invoice invoice, AgingStep step, AgingAction action, decimal open)
    {
        var amount = (action.Amount ?? 0m) + (open * (action.Percent ?? 0m) / 100m);
        var fee = Rounding.Round(amount, work.Currency.MinorUnit, work.Context.Settings.RoundingMode);
        if (fee <= 0m)
        {
            return;
        }

        // The billing run makes the invoice, with the tax that fees carry.
        work.Put(new PendingItem
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            CustomerId = work.PayerId,
            Type = InvoiceLineType.Fee,
            Description = $"{step.Name}, invoice {invoice.Number ?? invoice.Id.ToString()}",
            Amount = fee,
            InvoiceNow = true,
            FeeOfInvoiceId = invoice.Id,
            RecordedAt = work.Now,
        });
        work.BillNoLaterThan(work.Now);
    }

    private static void Retry(PayerWork work, Guid invoiceId)
    {
        if (work.Find<Invoice>(invoiceId) is { AmountDue: > 0m } invoice && CollectionMethod.Find(work) is not null)
        {
            work.Put(invoice with { NextCollectionAt = work.Now });
        }
    }

    private static void Suspend(PayerWork work, Guid invoiceId)
    {
        foreach (var subscription in Settlement.SubscriptionsOf(work, invoiceId).Where(s => s.SuspendedAt is null && !DunningTerms.HasEnded(work, s)))
        {
            work.Put(subscription with { SuspendedAt = work.Now });
            work.Emit(EventNames.SubscriptionSuspended, subscription.CustomerId, notify: false, ("subscriptionId", subscription.Id), ("invoiceId", invoiceId.ToString()));
        }
    }

    private static void WriteOff(PayerWork work, Guid invoiceId)
    {
        if (work.Find<Invoice>(invoiceId) is { Status: InvoiceStatus.Open } invoice)
        {
            Settlement.WriteOff(work, invoice);
        }
    }

    private static (string Key, string Value)[] Facts(Invoice invoice, AgingStep step, decimal open) =>
    [
        ("invoiceId", invoice.Id.ToString()),
        ("step", step.Name),
        ("amountDue", Journal.Print(open, invoice.Currency)),
        ("currency", invoice.Currency),
        ("dueDate", NodaTime.Text.LocalDatePattern.Iso.Format(invoice.DueDate!.Value)),
    ];
}
