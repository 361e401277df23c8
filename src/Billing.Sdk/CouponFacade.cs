using Billing.Discounts;
using Billing.Processing;

namespace Billing;

/// <summary>Coupons: redeem.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class CouponFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CouponFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Redeems a coupon for a customer, or for one of its subscriptions.</summary>
    public Task<CouponRedemption> ApplyAsync(CommandContext context, string coupon, string? customerId, string? subscriptionId, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
