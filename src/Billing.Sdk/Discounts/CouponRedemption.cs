using NodaTime;

namespace Billing.Discounts;

/// <summary>A coupon that a customer or subscription has redeemed.</summary>
public sealed record CouponRedemption : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the redemption, in order of application.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The subscription; <see langword="null"/>: all of the customer's.</summary>
    public string? SubscriptionId { get; init; }

    /// <summary>Code of the coupon.</summary>
    public required string Coupon { get; init; }

    /// <summary>When it was redeemed.</summary>
    public required Instant RedeemedAt { get; init; }

    /// <summary>The invoice that used up a <c>once</c> coupon; <see cref="Guid.Empty"/> when it was used up without an invoice; <see langword="null"/> while unused.</summary>
    public Guid? UsedOnInvoiceId { get; init; }

    /// <summary>Start of the billing period with which a <c>once</c> or <c>repeating</c> coupon began to work; <see langword="null"/> before.</summary>
    public Instant? FirstPeriodFrom { get; init; }
}
