using System.Globalization;
using Billing.Credits;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Storage;
using NodaTime;

namespace Billing.Testing.Faults;

/// <summary>The books of a tenant in a form that two histories of the same business share: figures, dates and states, without ids and without the moments at which a process got to something.</summary>
/// <remarks>
/// In it: customers' balances, terms, invoices with their lines, credits, payments with their attempts, refunds, what the gateways hold, postings by document kind
/// and account, names of messages (delivered or not), quarantine, usage without an owner, and the numbers given. Immutable.
/// </remarks>
public sealed class Books
{
    private readonly List<string> _lines = [];

    private Books()
    {
    }

    /// <summary>The lines, by payer.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Reads the books.</summary>
    /// <param name="engine">The engine: gateways are asked through it what they hold.</param>
    /// <param name="storage">Its store.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static async Task<Books> ReadAsync(BillingEngine engine, IBillingStorage storage, TenantId tenant, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(storage);
        const int page = 500;
        var books = new Books();
        var numbers = new List<string>();
        IReadOnlyList<string> payers = [];
        do
        {
            payers = await storage.ListPayersAsync(tenant, payers.Count == 0 ? null : payers[^1], page, cancellationToken).ConfigureAwait(false);
            foreach (var snapshot in await storage.ReadPayersAsync(tenant, payers, SnapshotParts.All, cancellationToken).ConfigureAwait(false))
            {
                books.AddPayer(snapshot);
                numbers.AddRange(snapshot.Invoices.Where(i => i.SeriesNumber is not null).Select(i => Text($"{i.LegalEntity}/{i.Series} {i.SeriesNumber:D9}")));
                var net = await engine.Payments.GetGatewayNetAsync(tenant, snapshot.Payer.Id, cancellationToken).ConfigureAwait(false);
                books.Add($"{snapshot.Payer.Id} gateways hold {Number(net)}");
                await books.AddPostingsAsync(storage, tenant, snapshot.Payer.Id, cancellationToken).ConfigureAwait(false);
                await books.AddMessagesAsync(engine, tenant, snapshot.Payer.Id, cancellationToken).ConfigureAwait(false);
            }
        }
        while (payers.Count == page);

        // Which payer got which number is for the order of commits to say; that none is missing and none given twice is not.
        books._lines.AddRange(numbers.Order(StringComparer.Ordinal).Select(n => $"number {n}"));
        var unattributed = await storage.ListUnattributedUsageAsync(tenant, int.MaxValue, cancellationToken).ConfigureAwait(false);
        books._lines.AddRange(unattributed.Select(u => $"unattributed {u.Event.Source}/{u.Event.Id}").Order(StringComparer.Ordinal));
        return books;
    }

    /// <summary>What differs, one a line: <c>- </c> only in the other books, <c>+ </c> only in these. Empty: the same books.</summary>
    /// <param name="other">The books to compare with.</param>
    /// <param name="most">How many lines at most.</param>
    public IReadOnlyList<string> DifferencesFrom(Books other, int most = 20)
    {
        ArgumentNullException.ThrowIfNull(other);
        return [.. Missing(other._lines, _lines).Select(l => $"- {l}").Concat(Missing(_lines, other._lines).Select(l => $"+ {l}")).Take(most)];
    }

    /// <summary>All lines.</summary>
    public override string ToString() => string.Join('\n', _lines);

    /// <summary>The lines of the first that the second has not, or has fewer times.</summary>
    private static IEnumerable<string> Missing(IEnumerable<string> first, IEnumerable<string> second)
    {
        var counts = second.GroupBy(l => l, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        foreach (var line in first)
        {
            counts[line] = counts.GetValueOrDefault(line) - 1;
            if (counts[line] < 0)
            {
                yield return line;
            }
        }
    }

    private void AddPayer(PayerSnapshot snapshot)
    {
        var payer = snapshot.Payer.Id;
        Add($"{payer} balance {Number(snapshot.Payer.CreditBalance)} quarantine {snapshot.Quarantine?.Code}");
        foreach (var customer in snapshot.Customers)
        {
            Add($"{payer} customer {customer.Id} {customer.Currency} {customer.TimeZone} {customer.BillingDay}");
        }

        foreach (var term in snapshot.Terms)
        {
            Add($"{payer} term {term.SubscriptionId}/{term.Sequence} {term.Kind} {MomentOf(term)} {term.Plan} {string.Join(' ', term.Quantities.Select(q => Text($"{q.Key}={Number(q.Value)}")))} superseded {term.SupersededAt is not null}");
        }

        foreach (var subscription in snapshot.Subscriptions)
        {
            Add($"{payer} subscription {subscription.Id} suspended {subscription.SuspendedAt is not null}");
        }

        AddInvoices(snapshot);
        AddPayments(snapshot);
        AddCredits(snapshot);
    }

    /// <summary>What dunning changes it changes when the engine knows the gateway's last answer: the day says enough.</summary>
    private static string MomentOf(Subscriptions.SubscriptionTerm term) =>
        term.ByDunning ? NodaTime.Text.LocalDatePattern.Iso.Format(term.EffectiveAt.InUtc().Date) : term.EffectiveAt.ToString();

    private void AddInvoices(PayerSnapshot snapshot)
    {
        var payer = snapshot.Payer.Id;
        var ordinals = snapshot.Invoices.ToDictionary(i => i.Id, i => i.Ordinal);
        foreach (var i in snapshot.Invoices)
        {
            Add($"{payer} invoice {i.Ordinal} {i.Status} {i.Date} due {i.DueDate} {i.Currency} subtotal {Number(i.Subtotal)} discount {Number(i.Discount)} tax {Number(i.Tax)} total {Number(i.Total)} credit {Number(i.CreditApplied)} paid {Number(i.AmountPaid)} written off {Number(i.AmountWrittenOff)} aged {i.AgingStepsDone} numbered {i.SeriesNumber is not null}");
        }

        foreach (var l in snapshot.Lines.OrderBy(l => ordinals[l.InvoiceId]).ThenBy(l => l.Position))
        {
            Add($"{payer} line {ordinals[l.InvoiceId]}/{l.Position} {KeyOf(l)} {l.Type} {l.Plan} {l.Charge} {l.From}/{l.To} {Number(l.Quantity)} {Number(l.Amount)} discount {Number(l.Discount)} tax {Number(l.Tax)} credited {Number(l.CreditedAmount)} void {l.Voided}");
        }

        foreach (var item in snapshot.PendingItems.OrderBy(i => i.RecordedAt).ThenBy(i => i.Description, StringComparer.Ordinal))
        {
            Add($"{payer} item {item.Type} {item.CustomerId} {Number(item.Amount)}");
        }

        foreach (var redemption in snapshot.Redemptions)
        {
            Add($"{payer} coupon {redemption.Coupon} {redemption.CustomerId} {redemption.SubscriptionId}");
        }
    }

    /// <summary>The key of a line; that of an item has the item's id in it, which is another one in another history.</summary>
    private static string KeyOf(InvoiceLine line) => line.SubscriptionId is null ? "" : Text($"{line.Key}/{line.Revision}");

    private void AddPayments(PayerSnapshot snapshot)
    {
        var payer = snapshot.Payer.Id;
        var ordinals = snapshot.Payments.ToDictionary(p => p.Id, p => p.Ordinal);
        foreach (var p in snapshot.Payments)
        {
            var attempts = snapshot.Attempts.Where(a => a.PaymentId == p.Id).OrderBy(a => a.Number).Select(a => Text($"{a.State}:{Number(a.Amount)}"));
            Add($"{payer} payment {p.Ordinal} {p.State} {p.MethodType} {Number(p.Amount)} {p.Currency} refunded {Number(p.RefundedAmount)} unapplied {Number(p.UnappliedAmount)} attempts {string.Join(' ', attempts)}");
        }

        foreach (var refund in snapshot.Refunds.OrderBy(r => ordinals[r.PaymentId]).ThenBy(r => r.CreatedAt).ThenBy(r => r.Amount))
        {
            Add($"{payer} refund of {ordinals[refund.PaymentId]} {refund.State} {Number(refund.Amount)} for a note {refund.CreditNoteId is not null}");
        }

        foreach (var method in snapshot.PaymentMethods)
        {
            Add($"{payer} method {method.Id} default {method.IsDefault} removed {method.RemovedAt is not null}");
        }
    }

    private void AddCredits(PayerSnapshot snapshot)
    {
        var payer = snapshot.Payer.Id;
        foreach (var note in snapshot.CreditNotes)
        {
            Add($"{payer} note {note.Ordinal} {note.Date} {Number(note.Total)} tax {Number(note.Tax)} left {Number(note.Remaining)}");
        }

        foreach (var grant in snapshot.Grants)
        {
            Add($"{payer} grant {grant.CustomerId}/{grant.Id} {Number(grant.Amount)} left {Number(grant.Remaining)} usable {grant.Usable} expired {grant.Expired}");
        }

        var ordinals = snapshot.Invoices.ToDictionary(i => i.Id, i => i.Ordinal);
        foreach (var use in snapshot.CreditUses.Select(u => Text($"{payer} credit of {u.Source} {(u.Source == CreditSource.Grant ? u.SourceId : "")} on {ordinals[u.InvoiceId]} {Number(u.Amount)}")).Order(StringComparer.Ordinal))
        {
            _lines.Add(use);
        }
    }

    private async Task AddPostingsAsync(IBillingStorage storage, TenantId tenant, string payer, CancellationToken cancellationToken)
    {
        var kinds = new Dictionary<Guid, string>();
        IReadOnlyList<Ledger.LedgerTransaction> page = [];
        do
        {
            page = await storage.ListLedgerTransactionsAsync(tenant, payer, page.Count == 0 ? null : page[^1].Id, 1000, cancellationToken).ConfigureAwait(false);
            foreach (var transaction in page)
            {
                kinds.Add(transaction.Id, transaction.DocumentKind);
            }
        }
        while (page.Count == 1000);

        foreach (var kind in kinds.Values.GroupBy(k => k, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            Add($"{payer} journal {kind.Key} {kind.Count()} transactions");
        }

        var entries = await storage.ReadLedgerAsync(tenant, payer, LocalDate.MaxIsoValue, cancellationToken).ConfigureAwait(false);
        foreach (var account in entries.GroupBy(e => (Kind: kinds.GetValueOrDefault(e.TransactionId, "no transaction"), e.Account, e.Currency)).OrderBy(g => g.Key.ToString(), StringComparer.Ordinal))
        {
            Add($"{payer} posted {account.Key.Kind} {account.Key.Account} {Number(account.Sum(e => e.Amount))} {account.Key.Currency}");
        }
    }

    private async Task AddMessagesAsync(BillingEngine engine, TenantId tenant, string payer, CancellationToken cancellationToken)
    {
        var messages = await engine.Messages.ListAsync(tenant, payer, cancellationToken).ConfigureAwait(false);
        foreach (var name in messages.GroupBy(m => m.Name, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            Add($"{payer} messages {name.Key} {name.Count()}");
        }
    }

    private static string Number(decimal value) => Rounding.Format(value, 0);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Add(FormattableString line) => _lines.Add(Text(line));
}
