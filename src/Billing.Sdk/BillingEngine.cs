using Billing.Processing;

namespace Billing;

/// <summary>The billing engine: one object per host, reached by dependency injection after <c>AddBilling</c>.</summary>
/// <remarks>Thread-safe. Every call names its tenant; every command takes a <see cref="CommandContext"/> (a <see cref="TenantId"/> converts to one).</remarks>
public sealed class BillingEngine
{
    internal BillingEngine(EngineCore core)
    {
        Core = core;
        var commands = new CommandExecutor(core);
        Tenants = new TenantFacade(core, commands);
        Catalog = new CatalogFacade(core, commands);
        Customers = new CustomerFacade(core, commands);
        Subscriptions = new SubscriptionFacade(core, commands);
        Usage = new UsageFacade(core, commands);
        Mediation = new MediationFacade(core, Usage);
        Charges = new ChargeFacade(core, commands);
        Coupons = new CouponFacade(core, commands);
        Credits = new CreditFacade(core, commands);
        Invoices = new InvoiceFacade(core, commands);
        Payments = new PaymentFacade(core, commands);
        Runs = new RunFacade(core, commands);
        Ledger = new LedgerFacade(core, commands);
        Messages = new MessageFacade(core, commands);
    }

    /// <inheritdoc cref="TenantFacade"/>
    public TenantFacade Tenants { get; }

    /// <inheritdoc cref="CatalogFacade"/>
    public CatalogFacade Catalog { get; }

    /// <inheritdoc cref="CustomerFacade"/>
    public CustomerFacade Customers { get; }

    /// <inheritdoc cref="SubscriptionFacade"/>
    public SubscriptionFacade Subscriptions { get; }

    /// <inheritdoc cref="UsageFacade"/>
    public UsageFacade Usage { get; }

    /// <inheritdoc cref="MediationFacade"/>
    public MediationFacade Mediation { get; }

    /// <inheritdoc cref="ChargeFacade"/>
    public ChargeFacade Charges { get; }

    /// <inheritdoc cref="CouponFacade"/>
    public CouponFacade Coupons { get; }

    /// <inheritdoc cref="CreditFacade"/>
    public CreditFacade Credits { get; }

    /// <inheritdoc cref="InvoiceFacade"/>
    public InvoiceFacade Invoices { get; }

    /// <inheritdoc cref="PaymentFacade"/>
    public PaymentFacade Payments { get; }

    /// <inheritdoc cref="RunFacade"/>
    public RunFacade Runs { get; }

    /// <inheritdoc cref="LedgerFacade"/>
    public LedgerFacade Ledger { get; }

    /// <inheritdoc cref="MessageFacade"/>
    public MessageFacade Messages { get; }

    internal EngineCore Core { get; }

    /// <summary>Makes the store ready: creates what is missing and checks what is there. Call it once at start, before anything else; again does no harm.</summary>
    /// <exception cref="BillingException"><c>storage</c>, when the store cannot be opened or does not fit.</exception>
    public Task InitializeAsync(CancellationToken cancellationToken = default) => Core.Storage.InitializeAsync(cancellationToken);
}
