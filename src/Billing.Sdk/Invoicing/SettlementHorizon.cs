using Billing.Subscriptions;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>
/// Up to when periods are settled once a moment is billed, so that later runs need not look at them: the period that runs at the moment and the one before it stay open.
/// </summary>
internal static class SettlementHorizon
{
    /// <summary>The latest moment that no period of the subscriptions straddles and that leaves the running and the last period open.</summary>
    public static Instant Of(IReadOnlyList<SubscriptionTimeline> timelines, Instant billed) =>
        WithoutStraddling(timelines, WithoutStraddling(timelines, billed) - Duration.Epsilon);

    /// <summary>The latest moment up to one within which no period lies. A period that begins before it and ends after it moves it back, and that can make another one straddle it.</summary>
    private static Instant WithoutStraddling(IReadOnlyList<SubscriptionTimeline> timelines, Instant at)
    {
        var moved = true;
        while (moved)
        {
            moved = false;
            foreach (var timeline in timelines)
            {
                foreach (var segment in timeline.Segments)
                {
                    if (StartOfStraddling(segment, at) is { } start)
                    {
                        (at, moved) = (start, true);
                    }
                }
            }
        }

        return at;
    }

    private static Instant? StartOfStraddling(TimelineSegment segment, Instant at)
    {
        if (segment.From >= at)
        {
            return null;
        }

        if (segment.State == SegmentState.Trial)
        {
            // Usage of a trial is one period.
            return at < segment.To ? segment.From : null;
        }

        // The last period of a segment may end after it.
        var inside = at < segment.To ? at : segment.To - Duration.Epsilon;
        foreach (var interval in segment.Plan.AllCharges.Select(c => c.Interval ?? segment.Plan.Interval).Append(segment.Plan.Interval).Distinct())
        {
            var period = segment.Grid.PeriodAt(interval, inside);
            if (period.From < at && at < period.To)
            {
                return period.From;
            }
        }

        return null;
    }
}
