using System.Reflection;
using Billing.Catalog;
using Billing.InMemory;
using Billing.Storage;
using Billing.Testing.Scenarios;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Engine.Tests;

public sealed class PageTests
{
    [Fact]
    public async Task A_page_of_payers_is_billed_with_as_many_storage_calls_as_one_payer()
    {
        var one = await CallsOfARunAsync(payers: 1);
        var many = await CallsOfARunAsync(payers: 40);

        Assert.Equal(one, many);
        Assert.Equal(1, many[nameof(IBillingStorage.ReadUsageAsync)]);
        Assert.Equal(1, many[nameof(IBillingStorage.ReadPayersAsync)]);
    }

    /// <summary>The storage calls of a month's run over payers with a fee and a call each.</summary>
    private static async Task<SortedDictionary<string, int>> CallsOfARunAsync(int payers)
    {
        CountingStorage? counted = null;
        var options = new ScenarioRunnerOptions
        {
            UseStore = billing =>
            {
                billing.UseStorage(services => (counted = CountingStorage.Around(new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()))).Storage);
                return null;
            },
        };
        await using var shop = await Shop.OpenAsync(options);
        await shop.PublishAsync(Shop.PlanOf("basic", Shop.Recurring("fee", Price.Flat(20m)), Shop.Metered("calls", Price.PerUnit(0.05m))));
        for (var i = 0; i < payers; i++)
        {
            await shop.SubscriberAsync($"p{i:00}", "basic");
        }

        await shop.Engine.Runs.BillAsync(Shop.Tenant, shop.Clock.Now);
        for (var i = 0; i < payers; i++)
        {
            await shop.CallAsync($"p{i:00}", $"call-{i}", new LocalDate(2026, 1, 4), "100");
        }

        shop.Clock.Advance(Duration.FromDays(31));
        counted!.Calls.Clear();
        var run = await shop.Engine.Runs.BillAsync(Shop.Tenant, shop.Clock.Now);

        Assert.Equal(payers, run.Invoices.Count);
        Assert.All(run.Invoices, i => Assert.Equal(25m, i.Total));
        return counted.Calls;
    }

    /// <summary>Counts the calls of a storage by name.</summary>
    public class CountingStorage : DispatchProxy
    {
        private IBillingStorage _inner = null!;

        public SortedDictionary<string, int> Calls { get; } = new(StringComparer.Ordinal);

        internal IBillingStorage Storage { get; private set; } = null!;

        internal static CountingStorage Around(IBillingStorage inner)
        {
            var storage = Create<IBillingStorage, CountingStorage>();
            var proxy = (CountingStorage)(object)storage;
            proxy._inner = inner;
            proxy.Storage = storage;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            lock (Calls)
            {
                Calls[targetMethod!.Name] = Calls.GetValueOrDefault(targetMethod.Name) + 1;
            }

            return targetMethod.Invoke(_inner, args);
        }
    }
}
