using Billing.Catalog;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>No amount has more decimals than its currency, in any currency of ISO 4217.</summary>
public sealed class MinorUnitTests
{
    [Fact]
    public void Currencies_have_0_2_3_and_4_decimals() =>
        Assert.Equal([0, 2, 3, 4], Currency.All.Select(c => c.MinorUnit).Distinct().Order());

    [Theory]
    [InlineData(RoundingUnit.Line)]
    [InlineData(RoundingUnit.Invoice)]
    public async Task Amounts_of_lines_invoices_and_postings_are_whole_minor_units(RoundingUnit unit)
    {
        await using var shop = await Shop.OpenAsync(Stores.Memory, new TenantSettings { RoundingUnit = unit });
        await shop.Engine.Catalog.PublishAsync(Shop.Tenant, Shop.CatalogOf([.. Currency.All.Select(PlanIn)]) with
        {
            Coupons = [new Coupon { Code = "seventh", PercentOff = 14.2857m, Duration = CouponDuration.Forever }],
        });
        foreach (var currency in Currency.All)
        {
            await shop.SubscriberAsync(currency.Code, currency.Code, quantity: 3m, currency: currency.Code);
            await shop.Engine.Coupons.ApplyAsync(Shop.Tenant, "seventh", currency.Code, null);
            await shop.CallAsync(currency.Code, $"call-{currency.Code}", new LocalDate(2026, 1, 7), "12345.6789");
        }

        await shop.BillAsync(new LocalDate(2026, 1, 1));
        shop.Clock.AdvanceTo(Shop.Midnight(new LocalDate(2026, 1, 12)));
        foreach (var currency in Currency.All)
        {
            await shop.Engine.Subscriptions.ChangeQuantityAsync(Shop.Tenant, new ChangeQuantityRequest { SubscriptionId = currency.Code, Quantity = 2m });
        }

        Assert.Empty((await shop.BillAsync(new LocalDate(2026, 2, 1))).Quarantined);

        foreach (var currency in Currency.All)
        {
            await AssertWholeAsync(shop, currency);
        }
    }

    private static Plan PlanIn(Currency currency) =>
        Shop.PlanOf(currency.Code, Shop.Recurring("seat", Price.PerUnit(1234.56789m)), Shop.Metered("calls", Price.PerUnit(0.0123457m))) with { Currency = currency.Code };

    private static async Task AssertWholeAsync(Shop shop, Currency currency)
    {
        void Whole(decimal amount) => Assert.True(decimal.Round(amount, currency.MinorUnit) == amount, $"{amount} {currency.Code}");

        var documents = await shop.InvoicesAsync(currency.Code);
        Assert.True(documents.Count >= 2);
        foreach (var (invoice, lines) in documents)
        {
            Assert.Equal(currency.Code, invoice.Currency);
            Assert.Equal(invoice.Subtotal, lines.Sum(l => l.Amount));
            Assert.Equal(invoice.Total, invoice.Subtotal - invoice.Discount + invoice.Tax);
            foreach (var amount in lines.SelectMany(l => new[] { l.Amount, l.Discount, l.Tax }).Concat([invoice.Subtotal, invoice.Discount, invoice.Total, invoice.AmountDue, invoice.CreditApplied]))
            {
                Whole(amount);
            }
        }

        var entries = await shop.Storage.ReadLedgerAsync(Shop.Tenant, currency.Code, new LocalDate(2026, 12, 31), CancellationToken.None);
        Assert.NotEmpty(entries);
        Assert.All(entries, e => Whole(e.Amount));
        Assert.Equal(0m, entries.Sum(e => e.Amount));
        Assert.All(await shop.Engine.Ledger.GetTrialBalanceAsync(Shop.Tenant, new LocalDate(2026, 2, 9), currency.Code), b => Whole(b.Net));
    }
}
