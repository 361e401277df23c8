using Billing.Catalog;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Processing;

/// <summary>
/// Bills one payer in its work, moment by moment: what each moment since the last run owes, less what is booked. The stages stand here in their order; nothing is written.
/// </summary>
internal sealed class PayerBilling
{
    private const int MomentsPerRun = 10_000;

    private readonly PayerWork _work;
    private readonly RatingStage _rating;
    private readonly InvoiceIssue _issue;
    private readonly List<Guid> _issued = [];

    /// <param name="work">The payer's work.</param>
    /// <param name="stages">The stages of the page that the payer is on. The methods are called within <see cref="PageStages.RunAsync(Func{Task}, CancellationToken)"/>.</param>
    public PayerBilling(PayerWork work, PageStages stages)
    {
        _work = work;
        _rating = new RatingStage(stages);
        _issue = new InvoiceIssue(stages, work);
        work.TakeReopening();
    }

    /// <summary>Ids of the invoices made, drafts included, in order.</summary>
    public IReadOnlyList<Guid> Issued => _issued;

    /// <summary>Bills all moments that are due up to one.</summary>
    public async Task BillThroughAsync(Instant asOf)
    {
        var moments = 0;
        while (_work.Payer.DueAt is { } due && due <= asOf)
        {
            if (++moments > MomentsPerRun)
            {
                throw BillingException.For(BillingErrorCodes.TaskFailed, "customer", _work.PayerId, "dueAt", $"More than {MomentsPerRun} moments are due at once.");
            }

            await BillNextAsync(due).ConfigureAwait(false);
        }
    }

    /// <summary>Bills moments, also ahead, until something is issued or nothing lies ahead.</summary>
    public async Task BillUntilIssuedAsync(Instant notBefore)
    {
        for (var moments = 0; _issued.Count == 0 && moments < MomentsPerRun && _work.Payer.DueAt is { } due; moments++)
        {
            await BillNextAsync(Instant.Max(due, notBefore)).ConfigureAwait(false);
        }
    }

    /// <summary>Makes a draft final now, filled anew.</summary>
    public async Task FinalizeAsync(Invoice draft)
    {
        foreach (var each in _work.Invoices.Where(i => i.Status == InvoiceStatus.Draft && i.Ordinal <= draft.Ordinal).OrderBy(i => i.Ordinal).ToList())
        {
            await RebuildAsync(each, finalize: each.Id == draft.Id).ConfigureAwait(false);
        }

        if (_work.Payer.DueAt is { } due && due > _work.Now)
        {
            // The end of the draft's grace is no reason for a run any more.
            _work.SetBillingDue(NextDue(await OwedAsync(_work.Now).ConfigureAwait(false), _work.Now));
        }
    }

    private async Task BillNextAsync(Instant moment)
    {
        _work.MoveTo(moment);
        foreach (var draft in _work.Invoices.Where(i => i.Status == InvoiceStatus.Draft).OrderBy(i => i.Ordinal).ToList())
        {
            await RebuildAsync(draft, draft.FinalizeAt <= moment).ConfigureAwait(false);
        }

        var owed = await OwedAsync(moment).ConfigureAwait(false);
        var lines = Difference(owed, moment);
        _issued.AddRange(await _issue.IssueAsync(lines, moment, IsRenewal(moment), PeriodsSince(owed, moment)).ConfigureAwait(false));
        _work.SetBillingDue(NextDue(owed, moment));
        Settle(owed, moment);
    }

    /// <summary>Notes what is settled now. Drafts, coupons and composers look at lines of the past, so nothing is settled while there are any.</summary>
    private void Settle(IReadOnlyList<OwedResult> owed, Instant moment)
    {
        var payer = _work.Payer;
        payer = payer with { BilledThrough = payer.BilledThrough is { } before ? Instant.Max(before, moment) : moment };
        var keepsPast = _work.All<CouponRedemption>().Count > 0
            || _work.Context.Tasks.Chain<IInvoiceComposer>().Count > 0
            || _work.Invoices.Any(i => i.Status is InvoiceStatus.Draft or InvoiceStatus.Prepared);
        var settled = keepsPast ? Instant.MinValue : SettlementHorizon.Of([.. owed.Select(o => o.Timeline)], moment);
        if (settled > (payer.SettledThrough ?? Instant.MinValue))
        {
            var open = _work.Lines.Where(l => IsOpen(l, settled)).ToList();
            payer = payer with
            {
                SettledThrough = settled,
                HistoryFrom = open.Select(l => l.RecordedAt).Append(moment).Min(),
                FirstOpenInvoice = open.Select(l => _work.Find<Invoice>(l.InvoiceId)?.Ordinal).OfType<int>().Append(payer.LastInvoiceOrdinal + 1).Min(),
            };
        }

        _work.Put(payer);
    }

    private static bool IsOpen(InvoiceLine line, Instant? settled) => settled is null || (line.PeriodTo ?? line.RecordedAt) > settled;

    /// <summary>A draft takes what has become known since; when its grace is over it becomes final.</summary>
    private async Task RebuildAsync(Invoice draft, bool finalize)
    {
        var before = _work.LinesOf(draft.Id).ToList();
        before.ForEach(_work.Remove);

        var owed = await OwedAsync(draft.DatedAt).ConfigureAwait(false);
        var lines = Recognized(Difference(owed, draft.DatedAt), before);
        await _issue.RefillAsync(draft, lines, PeriodsSince(owed, draft.DatedAt), finalize).ConfigureAwait(false);
    }

    /// <summary>A line that stood on the draft before stays the same line: a credit of a later change may name it.</summary>
    private static List<InvoiceLine> Recognized(List<InvoiceLine> lines, List<InvoiceLine> before)
    {
        var known = before.Where(l => l.From is not null).ToLookup(l => (l.Key, l.Type, l.From, l.To, l.LayerFrom, l.ReversesLineId));
        return [.. lines.Select(l => known[(l.Key, l.Type, l.From, l.To, l.LayerFrom, l.ReversesLineId)].FirstOrDefault() is { } same
            ? l with { Id = same.Id, Revision = same.Revision }
            : l)];
    }

    /// <summary>What the payer's subscriptions owe at a moment.</summary>
    private Task<IReadOnlyList<OwedResult>> OwedAsync(Instant moment)
    {
        var catalog = _work.Context.CatalogAt(moment)?.Definition ?? CatalogDefinition.Empty;
        return _rating.RateAsync(_work.Context, [.. Timelines.Of(_work, moment).Select(t => OwedParts.Find(t, _work.Context.Settings, catalog, moment, _work.Payer.SettledThrough))]);
    }

    private List<InvoiceLine> Difference(IReadOnlyList<OwedResult> owed, Instant moment)
    {
        var context = _work.Context;
        var factory = new LineFactory(context.Id, _work.PayerId, _work.Currency, context.Settings, _work.Lines, _work.NewId, moment);

        // What was booked after a draft's date follows from what became known after it.
        var settled = _work.Payer.SettledThrough;
        var lines = _work.Lines;
        var result = new List<InvoiceLine>();
        foreach (var subscription in owed)
        {
            var id = subscription.Timeline.Subscription.Id;
            var earlier = new List<InvoiceLine>();
            foreach (var line in lines)
            {
                if (line.SubscriptionId == id && line.RecordedAt <= moment && IsOpen(line, settled))
                {
                    earlier.Add(line);
                }
            }

            var missing = Convergence.Difference(subscription, earlier, factory, context.Settings, moment);
            result.AddRange(missing);
            if (subscription.Commitments.Count > 0)
            {
                result.AddRange(Minimums(subscription, earlier, missing, factory));
            }
        }

        return result;
    }

    /// <summary>What is missing to a commitment: the lines of the period count towards it, taxes and discounts do not.</summary>
    private static IEnumerable<InvoiceLine> Minimums(OwedResult owed, List<InvoiceLine> booked, IReadOnlyList<InvoiceLine> lines, LineFactory factory)
    {
        foreach (var commitment in owed.Commitments)
        {
            bool IsIn(InvoiceLine line) => line.PeriodFrom >= commitment.Period.From && line.PeriodFrom < commitment.Period.To;

            var counted = booked.Concat(lines).Where(l => l.Type != InvoiceLineType.Minimum && IsIn(l)).Sum(l => l.Amount);
            var made = booked.Where(l => l.Type == InvoiceLineType.Minimum && IsIn(l)).Sum(l => l.Amount);
            var missing = Math.Max(0m, factory.Round(commitment.Amount.Value) - counted) - made;
            if (missing != 0m)
            {
                yield return factory.Minimum(commitment, missing);
            }
        }
    }

    /// <summary>Whether time alone made the moment due (a change by a command is billed at once, without grace).</summary>
    private bool IsRenewal(Instant moment) => !_work.All<SubscriptionTerm>().Any(t => t.RecordedAt == moment);

    private static Func<InvoiceLine, Instant, int?> PeriodsSince(IReadOnlyList<OwedResult> owed, Instant moment)
    {
        return (line, first) =>
        {
            var timelines = owed.ToDictionary(o => o.Timeline.Subscription.Id, o => o.Timeline, StringComparer.Ordinal);

            // A charge beside the subscriptions is in the period that they are in.
            if (line.SubscriptionId is null)
            {
                return timelines.Values.Where(t => t.Subscription.CustomerId == line.CustomerId).Select(t => (int?)Periods(t, moment, moment, first)).Min();
            }

            if (line.SubscriptionId is not { } id || line.PeriodFrom is not { } period || !timelines.TryGetValue(id, out var timeline))
            {
                return null;
            }

            return Periods(timeline, Instant.Max(period, line.From ?? period), period, first);
        };
    }

    private static int Periods(SubscriptionTimeline timeline, Instant at, Instant period, Instant first)
    {
        var segment = timeline.Nearest(at);
        return segment.Grid.PeriodAt(segment.Plan.Interval, period).Index - segment.Grid.PeriodAt(segment.Plan.Interval, first).Index;
    }

    private Instant? NextDue(IReadOnlyList<OwedResult> owed, Instant moment)
    {
        Instant? next = null;

        void Consider(Instant? at)
        {
            if (at > moment && (next is null || at < next))
            {
                next = at;
            }
        }

        foreach (var subscription in owed)
        {
            Consider(subscription.NextDue);
        }

        foreach (var invoice in _work.Invoices)
        {
            Consider(invoice.Status == InvoiceStatus.Draft ? invoice.FinalizeAt : null);
        }

        foreach (var term in _work.All<SubscriptionTerm>())
        {
            Consider(term.RecordedAt);
            Consider(term.SupersededAt);
        }

        foreach (var item in _work.All<PendingItem>())
        {
            Consider(item is { InvoiceNow: true, InvoiceId: null } ? item.RecordedAt : null);
        }

        return next;
    }
}

/// <summary>The lives of a payer's subscriptions as known at a moment.</summary>
internal static class Timelines
{
    public static IReadOnlyList<SubscriptionTimeline> Of(PayerWork work, Instant knownAt)
    {
        if (work.Subscriptions is [{ ParentSubscriptionId: null } only])
        {
            return Build(work, only, knownAt, []) is { } timeline ? [timeline] : [];
        }

        var built = new Dictionary<string, SubscriptionTimeline?>(StringComparer.Ordinal);
        foreach (var subscription in work.Subscriptions)
        {
            Build(work, subscription, knownAt, built);
        }

        return [.. built.Values.OfType<SubscriptionTimeline>().OrderBy(t => t.Subscription.Id, StringComparer.Ordinal)];
    }

    public static SubscriptionTimeline? Of(PayerWork work, string subscriptionId, Instant knownAt) =>
        Of(work, knownAt).FirstOrDefault(t => t.Subscription.Id == subscriptionId);

    private static SubscriptionTimeline? Build(PayerWork work, Subscription subscription, Instant knownAt, Dictionary<string, SubscriptionTimeline?> built)
    {
        if (built.TryGetValue(subscription.Id, out var known))
        {
            return known;
        }

        built[subscription.Id] = null;
        var parent = subscription.ParentSubscriptionId is { } id && work.Find<Subscription>(id) is { } row
            ? Build(work, row, knownAt, built)
            : null;
        var zone = work.Find<Customer>(subscription.CustomerId) is { } customer ? work.Context.ZoneOf(customer) : work.Context.Zone;
        return built[subscription.Id] = TimelineBuilder.Build(
            subscription,
            work.TermsOf(subscription.Id),
            work.Context.Catalogs,
            work.Context.Settings,
            zone,
            knownAt,
            parent);
    }
}
