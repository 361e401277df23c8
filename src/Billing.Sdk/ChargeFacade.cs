using Billing.Customers;
using Billing.Invoicing;
using Billing.Processing;
using Billing.Storage;

namespace Billing;

/// <summary>Charges that are no part of a plan.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed class ChargeFacade
{
    private readonly CommandExecutor _commands;

    internal ChargeFacade(CommandExecutor commands) => _commands = commands;

    /// <summary>Adds a charge: to the next invoice, or to one of its own at once. An amount with more decimals than the currency has is rounded like any other line.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public Task<PendingItem> AddAsync(CommandContext context, AddChargeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        return _commands.ExecuteAsync(
            context,
            "charges.add",
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, request.CustomerId, token),
            SnapshotParts.Customers | SnapshotParts.PendingItems,
            (work, _) =>
            {
                var customer = work.Find<Customer>(request.CustomerId)!;
                var item = work.Put(new PendingItem
                {
                    Tenant = work.Context.Id,
                    Id = work.NewId(),
                    PayerId = work.PayerId,
                    CustomerId = customer.Id,
                    Type = request.Amount < 0m ? InvoiceLineType.Adjustment : InvoiceLineType.OneTime,
                    Description = request.Description ?? "Charge",
                    Amount = request.Amount,
                    TaxCode = request.TaxCode,
                    InvoiceNow = request.InvoiceNow,
                    RecordedAt = work.Now,
                });
                if (request.InvoiceNow)
                {
                    work.BillNoLaterThan(work.Now);
                }

                return Task.FromResult(item);
            },
            cancellationToken);
    }
}
