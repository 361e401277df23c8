using Billing;
using Billing.Customers;
using Billing.Invoicing;
using Billing.Payments;
using Billing.Subscriptions;

namespace Quickstart;

/// <summary>Somebody who calls.</summary>
/// <param name="Number">The number; the customer's id too.</param>
/// <param name="Name">The name that the exchange shows, else the number.</param>
internal sealed record Caller(string Number, string Name);

/// <summary>The customers: they sign up with a card and take the plan.</summary>
internal static class Customers
{
    public static async Task SignUpAsync(BillingEngine billing, IReadOnlyList<Caller> callers)
    {
        foreach (var (index, caller) in callers.Index())
        {
            // The test gateway reads from its token what it shall do: the last customer's card works once and then no more.
            var behavior = index == callers.Count - 1 ? "succeed|decline:insufficient_funds" : "succeed";
            await billing.Customers.CreateAsync(Company.Once($"customer-{caller.Number}"), new CreateCustomerRequest { Id = caller.Number, Name = caller.Name });
            await billing.Payments.AddMethodAsync(
                Company.Once($"card-{caller.Number}"),
                new AddPaymentMethodRequest { Id = $"{caller.Number}-card", CustomerId = caller.Number, Type = "card", Token = $"test:{caller.Number}/card;behavior={behavior}" });
            await billing.Subscriptions.SubscribeAsync(
                Company.Once($"subscription-{caller.Number}"),
                new SubscribeRequest { Id = $"{caller.Number}-voip", CustomerId = caller.Number, Plan = "voip" });
            Screen.Progress("customers", index + 1, callers.Count);
        }
    }

    /// <summary>How the last invoice of a customer came about.</summary>
    public static async Task ExplainAsync(BillingEngine billing, Caller caller)
    {
        var invoices = await billing.Invoices.ListAsync(Company.Tenant, caller.Number);
        var renewal = invoices.LastOrDefault(i => i.Lines.Any(l => l.Type == InvoiceLineType.Usage));
        if (renewal is not null)
        {
            var terms = renewal.Lines.Select(l => l.Type == InvoiceLineType.Usage ? $"{l.Quantity:0.##} × {Screen.Dollars(l.Amount / l.Quantity)}" : Screen.Dollars(l.Amount));
            Screen.Line($"  {caller.Name}: {string.Join(" + ", terms)} = {Screen.Dollars(renewal.Invoice.Total)}");
        }
    }
}
