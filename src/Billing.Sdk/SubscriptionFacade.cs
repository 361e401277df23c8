using Billing.Processing;
using Billing.Subscriptions;
using NodaTime;

namespace Billing;

/// <summary>Subscriptions: start, change, end.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class SubscriptionFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal SubscriptionFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Starts a subscription.</summary>
    public Task<SubscriptionView> SubscribeAsync(CommandContext context, SubscribeRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Changes the plan.</summary>
    public Task<SubscriptionView> ChangePlanAsync(CommandContext context, ChangePlanRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Changes quantities.</summary>
    public Task<SubscriptionView> ChangeQuantityAsync(CommandContext context, ChangeQuantityRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Cancels.</summary>
    public Task<SubscriptionView> CancelAsync(CommandContext context, CancelRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Pauses: no charges until it resumes.</summary>
    public Task<SubscriptionView> PauseAsync(CommandContext context, PauseRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Resumes.</summary>
    public Task<SubscriptionView> ResumeAsync(CommandContext context, string subscriptionId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Takes back all changes that lie ahead.</summary>
    public Task<SubscriptionView> UndoPendingChangesAsync(CommandContext context, string subscriptionId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Changes the billing day.</summary>
    public Task<SubscriptionView> ChangeBillingDayAsync(CommandContext context, string subscriptionId, int billingDay, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The subscription as it is at a moment (default: now).</summary>
    public Task<SubscriptionView> GetAsync(TenantId tenant, string subscriptionId, Instant? at = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The subscriptions of a customer as they are now, ordered by id.</summary>
    public Task<IReadOnlyList<SubscriptionView>> ListAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
