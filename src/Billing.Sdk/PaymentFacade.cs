using Billing.Payments;
using Billing.Processing;

namespace Billing;

/// <summary>Payments: methods, money by hand, collection, refunds, disputes.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class PaymentFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal PaymentFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Adds a payment method; the first one becomes the default.</summary>
    public Task<PaymentMethod> AddMethodAsync(CommandContext context, AddPaymentMethodRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Records money that came by hand.</summary>
    public Task<Payment> PayAsync(CommandContext context, PayRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Tries to collect an open invoice now with the default payment method.</summary>
    public Task<Payment> CollectAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Gives money back; without a credit note the debt opens again.</summary>
    public Task<Refund> RefundAsync(CommandContext context, RefundRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The bank took the money back for now.</summary>
    public Task<Payment> DisputeAsync(CommandContext context, Guid paymentId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The dispute was won: the money stays.</summary>
    public Task<Payment> WinDisputeAsync(CommandContext context, Guid paymentId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The dispute was lost: the debt opens again.</summary>
    public Task<Payment> LoseDisputeAsync(CommandContext context, Guid paymentId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Payments of a payer, in order.</summary>
    public Task<IReadOnlyList<Payment>> ListAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>What the gateways themselves, asked now by key, say they hold of the payer, net of refunds.</summary>
    public Task<decimal> GetGatewayNetAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
