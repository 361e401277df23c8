using Billing.Payments;
using Billing.Plugins.TestGateway;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;

[assembly: BillingPlugin<TestGatewayPlugin>("billing.test-gateway")]

namespace Billing.Plugins.TestGateway;

/// <summary>Registers the gateway task <c>test-gateway</c>.</summary>
public sealed class TestGatewayPlugin : IBillingPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);

        // One memory per host: a tenant's new configuration makes a new gateway object, and that must not forget what was charged.
        builder.Services.AddSingleton<JournalShelf>();
        builder.AddTask<IPaymentGateway, TestGatewayParameters>(
            "test-gateway",
            TestGatewayJson.Default.TestGatewayParameters,
            static (services, parameters) => new TestGateway(services.GetRequiredService<JournalShelf>().Take(parameters.StateFile)));
    }
}
