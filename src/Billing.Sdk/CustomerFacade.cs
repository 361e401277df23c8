using Billing.Customers;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
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
    /// <exception cref="BillingException"><c>duplicate</c>: the id is taken; <c>not-found</c>: there is no such parent; <c>validation</c>.</exception>
    public Task<Customer> CreateAsync(CommandContext context, CreateCustomerRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        Check(request);
        return request.ParentId is { } parent
            ? _commands.ExecuteAsync(
                context,
                "customers.create",
                request,
                token => _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, parent, token),
                SnapshotParts.Customers,
                (work, _) =>
                {
                    var child = New(work.Context, request, work.PayerId);
                    if (work.Find<Customer>(child.Id) is not null)
                    {
                        throw Taken(child.Id);
                    }

                    if (child.Currency != work.Payer.Currency)
                    {
                        throw BillingException.For(BillingErrorCodes.CurrencyMismatch, "customer", child.Id, "currency", $"Its payer '{work.PayerId}' is billed in {work.Payer.Currency}.");
                    }

                    work.Put(child);
                    work.Put(Contact(work, request));
                    work.Emit("customer.created", child.Id, notify: false);
                    return Task.FromResult(child);
                },
                cancellationToken)
            : _commands.CreatePayerAsync(
                context,
                "customers.create",
                request,
                tenant =>
                {
                    var customer = New(tenant, request, request.Id);
                    var work = PayerWork.ForNewPayer(tenant, context, customer);
                    work.Put(Contact(work, request));
                    work.Emit("customer.created", customer.Id, notify: false);
                    return (work, customer);
                },
                cancellationToken);
    }

    /// <summary>The customer.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<Customer> GetAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var payer = await _commands.PayerOfAsync(tenant, StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false);
        var snapshots = await _core.Storage.ReadPayersAsync(tenant, [payer], SnapshotParts.Customers, cancellationToken).ConfigureAwait(false);
        return snapshots.SelectMany(s => s.Customers).FirstOrDefault(c => c.Id == customerId) ?? throw BillingException.NotFound("customer", customerId);
    }

    /// <summary>Payers after an id, ordered.</summary>
    public Task<IReadOnlyList<string>> ListPayersAsync(TenantId tenant, string? after = null, int maximum = 1000, CancellationToken cancellationToken = default) =>
        _core.Storage.ListPayersAsync(tenant, after, maximum, cancellationToken);

    /// <summary>Changes the time zone: billing periods that begin from then on are counted in it.</summary>
    /// <exception cref="BillingException"><c>not-found</c>, or <c>validation</c>: no such zone.</exception>
    public Task<Customer> ChangeTimeZoneAsync(CommandContext context, string customerId, string timeZone, CancellationToken cancellationToken = default)
    {
        _ = TenantContext.ZoneOf(timeZone);
        return ChangeAsync(context, "customers.change-time-zone", customerId, timeZone, (work, customer) =>
        {
            foreach (var timeline in Timelines.Of(work, work.Now).Where(t => t.Subscription.CustomerId == customerId && (t.StopsAt is null || t.StopsAt > work.Now)))
            {
                SubscriptionTerms.Add(work, timeline.Subscription.Id, SubscriptionTermKind.TimeZoneChange, SubscriptionTerms.ZoneChangeAt(work, timeline, TenantContext.ZoneOf(timeZone)), t => t with { TimeZone = timeZone });
            }

            return customer with { TimeZone = timeZone };
        }, cancellationToken);
    }

    /// <summary>Changes the billing day of aligned subscriptions.</summary>
    /// <exception cref="BillingException"><c>not-found</c>, or <c>validation</c>: not a day of a month.</exception>
    public Task<Customer> ChangeBillingDayAsync(CommandContext context, string customerId, int billingDay, CancellationToken cancellationToken = default)
    {
        SubscriptionTerms.CheckBillingDay("customer", customerId, billingDay);
        return ChangeAsync(context, "customers.change-billing-day", customerId, billingDay, (work, customer) =>
        {
            if (work.Context.Settings.AccountAlignment)
            {
                foreach (var timeline in Timelines.Of(work, work.Now).Where(t => t.Subscription.CustomerId == customerId && (t.StopsAt is null || t.StopsAt > work.Now)))
                {
                    SubscriptionTerms.ChangeBillingDay(work, timeline, billingDay);
                }
            }

            return customer with { BillingDay = billingDay };
        }, cancellationToken);
    }

    private Task<Customer> ChangeAsync<TRequest>(CommandContext context, string command, string customerId, TRequest request, Func<PayerWork, Customer, Customer> change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _commands.ExecuteAsync(
            context,
            command,
            new { customerId, request },
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, customerId, token),
            SnapshotParts.All,
            (work, _) =>
            {
                var changed = work.Put(change(work, work.Find<Customer>(customerId)!));
                work.BillNoLaterThan(work.Now);
                return Task.FromResult(changed);
            },
            cancellationToken);
    }

    private static Customer New(TenantContext tenant, CreateCustomerRequest request, string payerId) => new()
    {
        Tenant = tenant.Id,
        Id = request.Id,
        PayerId = payerId,
        ParentId = request.ParentId,
        Currency = request.Currency ?? tenant.Settings.Currency,
        TimeZone = request.TimeZone,
        BillingDay = request.BillingDay,
        Country = request.Country,
        Region = request.Region,
        TaxId = request.TaxId,
        TaxExempt = request.TaxExempt,
        CreatedAt = tenant.Now,
        BillingVersion = 1,
    };

    private static CustomerContact Contact(PayerWork work, CreateCustomerRequest request) => new()
    {
        Tenant = work.Context.Id,
        Id = work.NewId(),
        PayerId = work.PayerId,
        CustomerId = request.Id,
        ValidFrom = work.Now,
        Name = request.Name,
        Email = request.Email,
        BillingAddress = request.BillingAddress,
    };

    private static void Check(CreateCustomerRequest request)
    {
        Identifier.Check(request.Id, "customer");
        if (request.Currency is { } currency && !Currency.TryOf(currency, out _))
        {
            throw BillingException.Validation("customer", request.Id, "currency", $"'{currency}' is not a currency code of ISO 4217.");
        }

        if (request.TimeZone is { } zone)
        {
            _ = TenantContext.ZoneOf(zone);
        }

        if (request.BillingDay is { } day)
        {
            SubscriptionTerms.CheckBillingDay("customer", request.Id, day);
        }
    }

    private static BillingException Taken(string id) => BillingException.For(BillingErrorCodes.Duplicate, "customer", id, "id", "There is a customer with this id already.");
}
