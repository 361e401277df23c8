using Billing;
using Billing.Payments;

namespace Quickstart;

/// <summary>The customer whose card is declined: retries, reminders, a fee and the suspension came by themselves; the money comes by hand.</summary>
internal static class LateCustomer
{
    public static async Task PayByHandAsync(BillingEngine billing, Caller late)
    {
        await ShowStateAsync(billing, late);
        foreach (var (invoice, _) in await billing.Invoices.ListAsync(Company.Tenant, late.Number))
        {
            if (invoice.AmountDue > 0m)
            {
                await billing.Payments.PayAsync(Company.Once($"transfer-{invoice.Id}"), new PayRequest { InvoiceId = invoice.Id, Method = "bankTransfer" });
                Screen.Line($"  {late.Name} transfers {Screen.Dollars(invoice.AmountDue)} for invoice {invoice.Number}.");
            }
        }
    }

    public static async Task ShowStateAsync(BillingEngine billing, Caller late)
    {
        var balance = await billing.Customers.GetBalanceAsync(Company.Tenant, late.Number);
        foreach (var subscription in await billing.Subscriptions.ListAsync(Company.Tenant, late.Number))
        {
            Screen.Line($"  {late.Name}: subscription {subscription.State.ToString().ToLowerInvariant()}, owes {Screen.Dollars(balance.Balance)}");
        }
    }
}
