using Billing;
using Billing.Catalog;
using Billing.Customers;
using Billing.InMemory;
using Billing.Storage;
using Billing.Subscriptions;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Cluster;

/// <summary>A telephone company with many customers, each of whom pays a monthly fee in advance.</summary>
internal static class Company
{
    public const decimal Fee = 19.90m;

    private const int AtOnce = 1000;

    public static TenantId Tenant { get; } = new("northline");

    public static string CustomerId(int number) => $"c{number:0000000}";

    public static async Task OpenAsync(BillingEngine engine)
    {
        await engine.Tenants.CreateAsync(Tenant, "Northline Telephone", new TenantSettings { TimeZone = "Europe/Berlin" });
        var fee = new Charge { Code = "line", Name = "Line", Type = ChargeType.Recurring, Timing = ChargeTiming.InAdvance, Price = Price.Flat(Fee) };
        await engine.Catalog.PublishAsync(Tenant, new CatalogDefinition { Plans = [new Plan { Code = "line", Charges = [fee] }] });
    }

    /// <summary>
    /// Takes customers over in large commits: an engine in memory makes their rows, which are then written to the database as they are. A commit for each customer would take longer than all
    /// that is shown afterwards.
    /// </summary>
    public static async Task TakeOverAsync(IBillingStorage database, int customers)
    {
        for (var first = 1; first <= customers; first += AtOnce)
        {
            await using var services = new ServiceCollection().AddBilling(billing => billing.UseInMemoryStorage()).BuildServiceProvider();
            var engine = services.GetRequiredService<BillingEngine>();
            await OpenAsync(engine);
            var ids = Enumerable.Range(first, Math.Min(AtOnce, customers - first + 1)).Select(CustomerId).ToList();
            foreach (var id in ids)
            {
                await engine.Customers.CreateAsync(Tenant, new CreateCustomerRequest { Id = id, Name = $"Customer {id}" });
                await engine.Subscriptions.SubscribeAsync(Tenant, new SubscribeRequest { Id = id, CustomerId = id, Plan = "line" });
            }

            var made = await services.GetRequiredService<IBillingStorage>().ReadPayersAsync(Tenant, ids, SnapshotParts.All, CancellationToken.None);
            var result = await database.CommitAsync(new BillingBatch { Tenant = Tenant, Payers = [.. made.Select(AsNew)] }, CancellationToken.None);
            if (result.Payers.FirstOrDefault(p => p.Outcome != CommitOutcome.Committed) is { } lost)
            {
                throw new InvalidOperationException($"Customer {lost.PayerId} was not written: {lost.Outcome} {lost.Detail}");
            }
        }
    }

    private static PayerChanges AsNew(PayerSnapshot made)
    {
        IEnumerable<IBillingRow> rows = [made.Payer with { BillingVersion = 1 }, .. made.Contacts, .. made.Subscriptions, .. made.Terms];
        return new PayerChanges
        {
            PayerId = made.Payer.Id,
            ExpectedVersion = 0,
            Rows = [.. rows.Select(RowChange.Insert)],
            Due = made.Due.ToDictionary(d => d.Kind, d => (Instant?)d.DueAt),
        };
    }
}
