using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Processing;

/// <summary>Where subscriptions stand, derived from their timelines and the payer's invoices.</summary>
internal static class SubscriptionStates
{
    public static SubscriptionState Of(PayerWork work, SubscriptionTimeline timeline, Instant at)
    {
        if (at < timeline.StartsAt)
        {
            return SubscriptionState.Scheduled;
        }

        if (timeline.StopsAt is { } stop && stop <= at)
        {
            return timeline.Canceled ? SubscriptionState.Canceled : SubscriptionState.Ended;
        }

        var segment = timeline.Nearest(at);
        if (segment.State == SegmentState.Paused)
        {
            return SubscriptionState.Paused;
        }

        if (timeline.Subscription.SuspendedAt is not null)
        {
            return SubscriptionState.Suspended;
        }

        if (IsPastDue(work, timeline.Subscription.Id))
        {
            return SubscriptionState.PastDue;
        }

        return segment.State == SegmentState.Trial ? SubscriptionState.Trialing : SubscriptionState.Active;
    }

    public static SubscriptionView View(PayerWork work, SubscriptionTimeline timeline, Instant at)
    {
        if (timeline.Segments.Count == 0)
        {
            var start = SubscriptionTerms.Holding(work, timeline.Subscription.Id).First(t => t.Kind == SubscriptionTermKind.Start);
            return new SubscriptionView
            {
                Id = timeline.Subscription.Id,
                CustomerId = timeline.Subscription.CustomerId,
                State = Of(work, timeline, at),
                Plan = start.Plan!,
                Quantity = start.Quantities.GetValueOrDefault("*", 1m),
                Quantities = Own(start.Quantities),
            };
        }

        var segment = timeline.Nearest(at);
        var period = SubscriptionTerms.PeriodAt(work, timeline, at);
        return new SubscriptionView
        {
            Id = timeline.Subscription.Id,
            CustomerId = timeline.Subscription.CustomerId,
            State = Of(work, timeline, at),
            Plan = segment.Plan.Code,
            PeriodFrom = period.FromDate,
            PeriodTo = period.ToDate,
            PeriodStart = period.From,
            PeriodEnd = period.To,
            Quantity = segment.QuantityOf("*"),
            Quantities = Own(segment.Quantities),
        };
    }

    private static EquatableMap<decimal> Own(EquatableMap<decimal> quantities) => new(quantities.Where(q => q.Key != "*"));

    private static bool IsPastDue(PayerWork work, string subscriptionId)
    {
        var invoices = work.Lines.Where(l => l.SubscriptionId == subscriptionId).Select(l => l.InvoiceId).ToHashSet();
        return work.Invoices.Any(i => invoices.Contains(i.Id) && i.Status == InvoiceStatus.Open && i.AmountDue > 0m && PaymentStatus.HasFailedAttempt(work.Payments, i.Id));
    }
}
