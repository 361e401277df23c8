using System.Text.Json.Serialization;
using Billing.PluginFixtures.Good;
using Billing.Rating;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

[assembly: BillingPlugin<GoodPlugin>("fixture.good")]

namespace Billing.PluginFixtures.Good;

public sealed class GoodPlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder)
    {
        builder.Services.AddSingleton<Markup>();
        builder
            .AddTask<IPricingRule>("fixture.good/echo", static _ => new FixtureRule(static request => PricingResult.Of(request.Quantity)))
            .AddTask<IPricingRule>("fixture.good/now", static services => new FixtureRule(_ => PricingResult.Of(services.GetRequiredService<IClock>().GetCurrentInstant().ToUnixTimeSeconds())))
            .AddTask("fixture.good/fixed", FixedContext.Default.FixedParameters, static (services, parameters) => Fixed(services.GetRequiredService<Markup>(), parameters));
    }

    private static IPricingRule Fixed(Markup markup, FixedParameters parameters) =>
        new FixtureRule(_ => PricingResult.Of(parameters.Amount + markup.Amount));
}

public sealed record FixedParameters
{
    public required decimal Amount { get; init; }
}

[JsonSerializable(typeof(FixedParameters))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowReadingFromString)]
internal sealed partial class FixedContext : JsonSerializerContext;

internal sealed class Markup
{
    public decimal Amount { get; } = 1m;
}
