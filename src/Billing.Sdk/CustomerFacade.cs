using Billing.Customers;
using Billing.Processing;
using NodaTime;

namespace Billing;

/// <summary>Customers: create, read, change.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class CustomerFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CustomerFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Creates a customer.</summary>
    public Task<Customer> CreateAsync(CommandContext context, CreateCustomerRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The customer.</summary>
    public Task<Customer> GetAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Payers after an id, ordered.</summary>
    public Task<IReadOnlyList<string>> ListPayersAsync(TenantId tenant, string? after = null, int maximum = 1000, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Changes the time zone: periods that begin from then on are counted in it.</summary>
    public Task<Customer> ChangeTimeZoneAsync(CommandContext context, string customerId, string timeZone, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Changes the billing day of aligned subscriptions.</summary>
    public Task<Customer> ChangeBillingDayAsync(CommandContext context, string customerId, int billingDay, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
