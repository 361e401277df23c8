using Billing.Notifications;
using Billing.Subscriptions;

namespace Billing.Processing;

/// <summary>Cancels and pauses subscriptions for dunning. Nothing is given back.</summary>
internal static class DunningTerms
{
    /// <summary>Adds the term to all subscriptions that an invoice bills and that have not ended yet, and makes the payer due: what is in arrears is billed.</summary>
    public static void Add(PayerWork work, Guid invoiceId, SubscriptionTermKind kind, string reason)
    {
        foreach (var subscription in Settlement.SubscriptionsOf(work, invoiceId))
        {
            var terms = work.TermsOf(subscription.Id).ToList();
            if (HasEnded(work, subscription) || (kind == SubscriptionTermKind.Pause && IsPaused(work, terms)))
            {
                continue;
            }

            if (kind == SubscriptionTermKind.Cancel && subscription.SuspendedAt is not null)
            {
                work.Put(subscription with { SuspendedAt = null });
            }

            work.Put(Term(work, subscription, terms.Select(t => t.Sequence).DefaultIfEmpty(0).Max() + 1, kind, reason));
            work.Emit(
                kind == SubscriptionTermKind.Cancel ? EventNames.SubscriptionCanceled : EventNames.SubscriptionPaused,
                subscription.CustomerId,
                notify: false,
                ("subscriptionId", subscription.Id),
                ("reason", reason));
            work.BillNoLaterThan(work.Now);
        }
    }

    /// <summary>Whether it was cancelled or has ended by now.</summary>
    public static bool HasEnded(PayerWork work, Subscription subscription) => work.TermsOf(subscription.Id).Any(t =>
        t.SupersededAt is null && t.EffectiveAt <= work.Now && t.Kind is SubscriptionTermKind.Cancel or SubscriptionTermKind.End);

    private static bool IsPaused(PayerWork work, List<SubscriptionTerm> terms) =>
        terms.Where(t => t.SupersededAt is null && t.EffectiveAt <= work.Now && t.Kind is SubscriptionTermKind.Pause or SubscriptionTermKind.Resume)
            .OrderBy(t => t.EffectiveAt).ThenBy(t => t.Sequence)
            .LastOrDefault() is { Kind: SubscriptionTermKind.Pause } pause
        && (pause.Until is not { } until || until > work.Now);

    private static SubscriptionTerm Term(PayerWork work, Subscription subscription, int sequence, SubscriptionTermKind kind, string reason) => new()
    {
        Tenant = work.Context.Id,
        Id = work.NewId(),
        PayerId = work.PayerId,
        SubscriptionId = subscription.Id,
        Sequence = sequence,
        Kind = kind,
        EffectiveAt = work.Now,
        RecordedAt = work.Now,
        Credit = false,
        ByDunning = true,
        Actor = work.Actor.Actor,
        Reason = reason,
        CorrelationId = work.Actor.CorrelationId,
    };
}
