using Billing.Catalog;
using Billing.Invoicing;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class LateRunTests
{
    [Theory]
    [MemberData(nameof(Stores.All), MemberType = typeof(Stores))]
    public async Task One_run_after_four_months_makes_the_documents_of_monthly_runs(string store)
    {
        await using var monthly = await OpenAsync(store);
        await using var late = await OpenAsync(store);
        for (var month = 1; month <= 5; month++)
        {
            await monthly.BillAsync(new LocalDate(2026, month, 1));
            await monthly.BillAsync(new LocalDate(2026, month, 20));
        }

        await late.BillAsync(new LocalDate(2026, 5, 20));

        foreach (var customer in new[] { "flat", "usage", "anchored", "changed" })
        {
            var expected = await monthly.InvoicesAsync(customer);
            var actual = await late.InvoicesAsync(customer);
            Assert.True(expected.Count >= 5, $"{customer} has {expected.Count} invoices.");
            Assert.Equal(expected.Select(Figures), actual.Select(Figures));
        }
    }

    private static string Figures(InvoiceDocument document)
    {
        var invoice = document.Invoice;
        var lines = document.Lines.Select(l => $"{l.Type} {l.Charge} {l.FromDate:R}..{l.ToDate:R} x{Plain(l.Quantity)} = {Plain(l.Amount)}").Order(StringComparer.Ordinal);
        return $"#{invoice.Ordinal} {invoice.Date:R} due {invoice.DueDate:R} {invoice.Status} {Plain(invoice.Subtotal)}/{Plain(invoice.Total)}: {string.Join("; ", lines)}";
    }

    private static string Plain(decimal value) => value.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<Shop> OpenAsync(string store)
    {
        var shop = await Shop.OpenAsync(store, new TenantSettings { PaymentTermDays = 14 });
        await shop.PublishAsync(
            Shop.PlanOf("flat", Shop.Recurring("line", Price.Flat(20m))),
            Shop.PlanOf("usage", Shop.Recurring("line", Price.Flat(20m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        await shop.SubscriberAsync("flat", "flat");
        await shop.SubscriberAsync("usage", "usage");
        await shop.Engine.Customers.CreateAsync(Shop.Tenant, new Customers.CreateCustomerRequest { Id = "anchored" });
        await shop.Engine.Subscriptions.SubscribeAsync(Shop.Tenant, new SubscribeRequest { Id = "anchored", CustomerId = "anchored", Plan = "usage", BillingDay = 15 });
        await shop.SubscriberAsync("changed", "usage", quantity: 2m);
        await shop.Engine.Subscriptions.ChangePlanAsync(Shop.Tenant, new ChangePlanRequest { SubscriptionId = "changed", Plan = "flat", When = ChangeTime.On(new LocalDate(2026, 3, 12)) });
        for (var month = 1; month <= 4; month++)
        {
            foreach (var customer in new[] { "usage", "anchored" })
            {
                await shop.CallAsync(customer, $"{customer}-{month}", new LocalDate(2026, month, 17), $"{month}00");
            }
        }

        await shop.CallAsync("changed", "changed-1", new LocalDate(2026, 3, 5), "77");
        return shop;
    }
}
