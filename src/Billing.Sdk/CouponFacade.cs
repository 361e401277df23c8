using Billing.Discounts;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;
using NodaTime.Text;

namespace Billing;

/// <summary>Coupons: redeem.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed class CouponFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CouponFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Redeems a coupon for a customer, or for one of its subscriptions.</summary>
    /// <exception cref="BillingException"><c>not-found</c>, <c>coupon-expired</c>, <c>coupon-exhausted</c>; <c>validation</c>: neither customer nor subscription is named.</exception>
    public async Task<CouponRedemption> ApplyAsync(CommandContext context, string coupon, string? customerId, string? subscriptionId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (customerId is null && subscriptionId is null)
        {
            throw BillingException.Validation("coupon", coupon, "customer", "Name the customer or the subscription that redeems it.");
        }

        var redemptions = await _core.Storage.CountRedemptionsAsync(context.Tenant, coupon, cancellationToken).ConfigureAwait(false);
        return await _commands.ExecuteAsync(
            context,
            "coupons.apply",
            new { coupon, customerId, subscriptionId },
            token => subscriptionId is { } subscription
                ? _commands.PayerOfAsync(context.Tenant, StoredObject.Subscription, subscription, token)
                : _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, customerId!, token),
            SnapshotParts.Customers | SnapshotParts.Subscriptions | SnapshotParts.Redemptions,
            (work, _) => Task.FromResult(Redeem(work, coupon, customerId ?? work.Find<Subscription>(subscriptionId!)!.CustomerId, subscriptionId, redemptions)),
            cancellationToken).ConfigureAwait(false);
    }

    internal static CouponRedemption Redeem(PayerWork work, string code, string customerId, string? subscriptionId, int redemptions)
    {
        var catalog = work.Context.CatalogAt(work.Now) ?? throw BillingException.NotFound("coupon", code);
        var coupon = catalog.Definition.Coupon(code);
        if (coupon.Until is { } until && work.Now >= MomentOf(until, work.Context.Zone))
        {
            throw BillingException.For(BillingErrorCodes.CouponExpired, "coupon", code, "until", $"It could be redeemed until {until}.");
        }

        if (coupon.MaxRedemptions is { } maximum && redemptions >= maximum)
        {
            throw BillingException.For(BillingErrorCodes.CouponExhausted, "coupon", code, "maxRedemptions", $"It has been redeemed {redemptions} times, as often as it may be.");
        }

        return work.Put(new CouponRedemption
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            CustomerId = customerId,
            SubscriptionId = subscriptionId,
            Coupon = code,
            RedeemedAt = work.Now,
        });
    }

    private static Instant MomentOf(string text, DateTimeZone zone)
    {
        if (LocalDatePattern.Iso.Parse(text) is { Success: true, Value: var date })
        {
            return zone.AtStartOfDay(date).ToInstant();
        }

        return InstantPattern.ExtendedIso.Parse(text) is { Success: true, Value: var instant }
            ? instant
            : LocalDateTimePattern.ExtendedIso.Parse(text).GetValueOrThrow().InZoneLeniently(zone).ToInstant();
    }
}
