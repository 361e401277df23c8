using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Billing.Payments;
using Billing.Tasks;

[assembly: BillingPlugin<FirstPlugin.Gateway.GatewayPlugin>("first-gateway")]

namespace FirstPlugin.Gateway;

public sealed class GatewayPlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) => builder.AddTask<IPaymentGateway, LimitParameters>(
        "first-gateway/limit", LimitJson.Default.LimitParameters, (_, parameters) => new LimitGateway(parameters.Limit));
}

public sealed record LimitParameters
{
    public required decimal Limit { get; init; }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web), JsonSerializable(typeof(LimitParameters))]
internal sealed partial class LimitJson : JsonSerializerContext;

/// <summary>Charges everything up to a limit. A call with a key that was used before must answer what became of the first.</summary>
public sealed class LimitGateway(decimal limit) : PaymentGateway
{
    private readonly ConcurrentDictionary<string, GatewayOutcome> _known = new();

    protected override ValueTask<GatewayOutcome> ChargeAsync(GatewayCharge charge, CancellationToken cancellationToken) =>
        new(_known.GetOrAdd(charge.Key, key => charge.Amount.Amount <= limit ? GatewayOutcome.Succeeded(key) : GatewayOutcome.Declined("over_limit")));

    protected override ValueTask<GatewayOutcome> QueryAsync(GatewayQuery query, CancellationToken cancellationToken) =>
        new(_known.TryGetValue(query.Key, out var outcome) ? outcome : GatewayOutcome.NotCharged("never_seen"));
}
