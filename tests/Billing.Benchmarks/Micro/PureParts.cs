using BenchmarkDotNet.Attributes;
using Billing.Catalog;
using Billing.Rating;
using Billing.Usage;

namespace Billing.Benchmarks.Micro;

/// <summary>Parts that only calculate, one by one, with what they allocate.</summary>
[MemoryDiagnoser]
public class PureParts
{
    private readonly PriceCalculator _calculator = new();
    private readonly Meter _meter = World.Minutes;
    private readonly Money _amount = new(1234.56m, "USD");
    private readonly decimal[] _weights = [3m, 1m, 2.5m, 7m];
    private readonly UsageEvent _event = World.UsageOf(0, 1, 1).First().Event;
    private readonly PricingRequest _request = new() { Price = World.Tiers, Quantity = 1225.25m, Currency = "USD" };
    private World? _world;

    /// <summary>Makes the customer whose next invoice is composed.</summary>
    [GlobalSetup]
    public async Task SetUpAsync()
    {
        _world = await World.OpenAsync(static ids => new Billing.InMemory.InMemoryBillingStorage(ids));
        await _world.CreateTenantAsync();
        await _world.SubscribeAsync(1, 0);
        await _world.BillAsync(0);
        await _world.RecordAsync(World.UsageOf(0, 1, 100), 100);
    }

    /// <summary>Ends it.</summary>
    [GlobalCleanup]
    public async Task CleanUpAsync() => await _world!.DisposeAsync();

    /// <summary>An event's quantity, metered and priced per unit at graduated tiers.</summary>
    [Benchmark]
    public decimal RateOneEvent() => _calculator.Amount(World.Tiers, MeterCalculator.Summarize(_meter, _event)!.Value.Sum);

    /// <summary>A quantity that reaches the third tier.</summary>
    [Benchmark]
    public decimal GraduatedPrice() => _calculator.Price(_request).Amount;

    /// <summary>The next invoice of a customer, as a preview: read, rate, compose, tax; nothing is written.</summary>
    [Benchmark]
    public async Task<decimal> ComposeOneInvoice() => (await _world!.Engine.Invoices.PreviewAsync(_world.Tenant, World.CustomerId(0), World.Month(1)))[0].Invoice.Total;

    /// <summary>An amount over four weights by largest remainder.</summary>
    [Benchmark]
    public Money Allocate() => _amount.Allocate(_weights)[0];

    /// <summary>An amount as a whole number of cents.</summary>
    [Benchmark]
    public long ToMinorUnits() => _amount.ToMinorUnits();
}
