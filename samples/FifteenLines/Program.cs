using Billing;
using Billing.Catalog;
using Billing.Customers;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.Subscriptions;
using Microsoft.Extensions.DependencyInjection;

await using var services = new ServiceCollection()
    .AddBilling(b => b.UseSqlite("billing.db"))
    .BuildServiceProvider();
var billing = services.GetRequiredService<BillingEngine>();
await billing.InitializeAsync();

var shop = new TenantId("shop");
await billing.Tenants.CreateAsync(shop, "The Shop");
var fee = new Charge { Code = "fee", Name = "Monthly fee", Type = ChargeType.Recurring, Price = Price.Flat(20m) };
await billing.Catalog.PublishAsync(shop, new CatalogDefinition { Plans = [new Plan { Code = "basic", Charges = [fee] }] });
await billing.Customers.CreateAsync(shop, new CreateCustomerRequest { Id = "jane", Name = "Jane Doe" });
await billing.Subscriptions.SubscribeAsync(shop, new SubscribeRequest { Id = "jane-basic", CustomerId = "jane", Plan = "basic" });

var run = await billing.Runs.BillCustomerAsync(shop, "jane");
Console.WriteLine($"Invoice {run.Invoices[0].Number}: {run.Invoices[0].Total} {run.Invoices[0].Currency}");
