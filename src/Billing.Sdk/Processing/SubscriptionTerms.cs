using Billing.Subscriptions;
using NodaTime;

namespace Billing.Processing;

/// <summary>Adds terms to subscriptions, and answers when changes take effect. All in the payer's work.</summary>
internal static class SubscriptionTerms
{
    /// <summary>Adds a term and makes the payer due.</summary>
    public static SubscriptionTerm Add(PayerWork work, string subscriptionId, SubscriptionTermKind kind, Instant effectiveAt, Func<SubscriptionTerm, SubscriptionTerm> fill)
    {
        var term = work.Put(fill(new SubscriptionTerm
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            SubscriptionId = subscriptionId,
            Sequence = work.TermsOf(subscriptionId).Select(t => t.Sequence).DefaultIfEmpty(0).Max() + 1,
            Kind = kind,
            EffectiveAt = effectiveAt,
            RecordedAt = work.Now,
            Actor = work.Actor.Actor,
            Reason = work.Actor.Reason,
            CorrelationId = work.Actor.CorrelationId,
        }));
        work.ReachBackTo(effectiveAt);
        work.BillNoLaterThan(work.Now);
        return term;
    }

    /// <summary>Marks terms as taken back.</summary>
    public static void Supersede(PayerWork work, IEnumerable<SubscriptionTerm> terms)
    {
        foreach (var term in terms.ToList())
        {
            work.Put(term with { SupersededAt = work.Now });
            work.ReachBackTo(term.EffectiveAt);
        }

        work.BillNoLaterThan(work.Now);
    }

    /// <summary>The terms that hold now.</summary>
    public static IEnumerable<SubscriptionTerm> Holding(PayerWork work, string subscriptionId) =>
        work.TermsOf(subscriptionId).Where(t => t.SupersededAt is null);

    /// <summary>The moment that a change takes effect.</summary>
    public static Instant MomentOf(PayerWork work, SubscriptionTimeline timeline, ChangeTime when)
    {
        if (when.AtEndOfPeriod)
        {
            return PeriodAt(work, timeline, work.Now).To;
        }

        return MomentOf(work, timeline.Nearest(work.Now).Grid.Zone, when);
    }

    /// <summary>The moment of a time that does not depend on periods.</summary>
    public static Instant MomentOf(PayerWork work, DateTimeZone zone, ChangeTime when) =>
        when.Moment ?? (when.Date is { } date ? zone.AtStartOfDay(date).ToInstant() : work.Now);

    /// <summary>The plan's billing period at a moment: the current one without regard to changes in it; a first part begins at the start or the trial's end.</summary>
    public static BillingPeriod PeriodAt(PayerWork work, SubscriptionTimeline timeline, Instant at)
    {
        var segment = timeline.Nearest(at);
        if (segment.State == SegmentState.Trial)
        {
            var trial = timeline.Segments.Where(s => s.State == SegmentState.Trial).ToList();
            var zone = segment.Grid.Zone;
            return new BillingPeriod(-1, trial[0].From, trial[^1].To, trial[0].From.InZone(zone).Date, trial[^1].To.InZone(zone).Date);
        }

        var period = segment.Grid.PeriodAt(segment.Plan.Interval, Instant.Max(at, segment.From));
        var first = timeline.Segments.FirstOrDefault(s => s.State != SegmentState.Trial);
        var start = first?.From ?? timeline.StartsAt;
        var reset = timeline.Segments.Where(s => ReferenceEquals(s.Grid, segment.Grid)).Select(s => s.From).Min();
        start = Instant.Max(start, reset);
        if (period.From < start)
        {
            var zone = segment.Grid.Zone;
            var date = start.InZone(zone).Date;
            var from = work.Context.Settings.ProrationBasis == ProrationBasis.Seconds ? start : zone.AtStartOfDay(date).ToInstant();
            period = period with { From = from, FromDate = date };
        }

        // The old grid rules up to the border at which another begins.
        var next = timeline.Segments.FirstOrDefault(s => s.From > at && !s.Grid.Equals(segment.Grid) && s.Start == BoundaryKind.BillingDay);
        return next is not null && next.From < period.To
            ? period with { To = next.From, ToDate = next.From.InZone(segment.Grid.Zone).Date }
            : period;
    }

    /// <summary>The end of the time that is paid: the end of the current period.</summary>
    public static Instant PaidThrough(PayerWork work, SubscriptionTimeline timeline)
    {
        var segment = timeline.Nearest(work.Now);
        return segment.State == SegmentState.Trial
            ? timeline.Segments.Where(s => s.State == SegmentState.Trial).Max(s => s.To)
            : segment.Grid.PeriodAt(segment.Plan.Interval, Instant.Max(work.Now, segment.From)).To;
    }

    /// <summary>The old zone rules to the end of the time paid now; the new one from the same date on, and never over time that is paid.</summary>
    public static Instant ZoneChangeAt(PayerWork work, SubscriptionTimeline timeline, DateTimeZone zone)
    {
        var paid = PaidThrough(work, timeline);
        var grid = timeline.Nearest(work.Now).Grid;
        return Instant.Max(paid, PeriodGrid.InstantOf(zone, paid.InZone(grid.Zone).Date, grid.TimeOfDay));
    }

    /// <summary>The old day rules to the end of the time paid now, also for a change of plan before that.</summary>
    public static void ChangeBillingDay(PayerWork work, SubscriptionTimeline timeline, int billingDay)
    {
        Supersede(work, Holding(work, timeline.Subscription.Id).Where(t => t.Kind == SubscriptionTermKind.BillingDayChange && t.EffectiveAt > work.Now));
        Add(work, timeline.Subscription.Id, SubscriptionTermKind.BillingDayChange, PaidThrough(work, timeline), t => t with { BillingDay = billingDay });
    }

    public static void CheckBillingDay(string subject, string id, int day)
    {
        if (day is < 1 or > 31)
        {
            throw BillingException.Validation(subject, id, "billingDay", $"{day} is not a day of a month (1 to 31).");
        }
    }
}
