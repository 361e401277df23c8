using System.Text.Json.Serialization.Metadata;
using Billing.Payments;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Testing.Faults;

/// <summary>Stands around every call of a gateway: may fail it, leave it unanswered or watch it.</summary>
/// <remarks>Implementations are thread-safe.</remarks>
public interface IGatewayInterceptor
{
    /// <summary>Called in place of a call with one batch.</summary>
    /// <param name="operation"><c>Charge</c>, <c>Query</c> or <c>Refund</c>.</param>
    /// <param name="keys">The engine's keys of the charges or refunds in the batch, in order.</param>
    /// <param name="proceed">Calls the gateway; call it once, or not at all and throw.</param>
    /// <param name="cancellationToken">The engine's: it is cancelled when the time limit of the call has passed.</param>
    /// <returns>What the engine sees as the gateway's answer.</returns>
    Task<IReadOnlyList<GatewayOutcome>> AroundAsync(
        string operation, IReadOnlyList<string> keys, Func<Task<IReadOnlyList<GatewayOutcome>>> proceed, CancellationToken cancellationToken);
}

/// <summary>A plugin whose gateways are called through an <see cref="IGatewayInterceptor"/>; its other tasks are as they were.</summary>
/// <remarks>Of what a gateway can do besides charging and answering, refunds are passed on.</remarks>
public sealed class InterceptedGateways : IBillingPlugin
{
    private readonly IBillingPlugin _plugin;
    private readonly IGatewayInterceptor _interceptor;

    /// <summary>Creates the plugin.</summary>
    /// <param name="plugin">The plugin that registers the gateways.</param>
    /// <param name="interceptor">What stands around their calls.</param>
    public InterceptedGateways(IBillingPlugin plugin, IGatewayInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(interceptor);
        _plugin = plugin;
        _interceptor = interceptor;
    }

    /// <summary>A gateway that does what the given one does, with the interceptor around each call.</summary>
    public static IPaymentGateway Around(IPaymentGateway gateway, IGatewayInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        ArgumentNullException.ThrowIfNull(interceptor);
        return gateway is IRefundingGateway refunding ? new Refunding(gateway, refunding, interceptor) : new Charging(gateway, interceptor);
    }

    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        _plugin.Configure(new Builder(builder, _interceptor));
    }

    private sealed class Builder(IPluginBuilder inner, IGatewayInterceptor interceptor) : IPluginBuilder
    {
        public IServiceCollection Services => inner.Services;

        public IPluginBuilder AddTask<TStage>(string name, Func<IServiceProvider, TStage> create)
            where TStage : class
        {
            inner.AddTask(name, services => Wrap(create(services)));
            return this;
        }

        public IPluginBuilder AddTask<TStage, TParameters>(string name, JsonTypeInfo<TParameters> parameters, Func<IServiceProvider, TParameters, TStage> create)
            where TStage : class
        {
            inner.AddTask<TStage, TParameters>(name, parameters, (services, values) => Wrap(create(services, values)));
            return this;
        }

        private TStage Wrap<TStage>(TStage task)
            where TStage : class => task is IPaymentGateway gateway && typeof(TStage) == typeof(IPaymentGateway) ? (TStage)Around(gateway, interceptor) : task;
    }

    private class Charging(IPaymentGateway gateway, IGatewayInterceptor interceptor) : IPaymentGateway
    {
        protected IGatewayInterceptor Interceptor { get; } = interceptor;

        public async ValueTask<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken) =>
            await Interceptor.AroundAsync("Charge", [.. charges.Select(c => c.Key)], () => gateway.ChargeAsync(charges, cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);

        public async ValueTask<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<GatewayQuery> queries, CancellationToken cancellationToken) =>
            await Interceptor.AroundAsync("Query", [.. queries.Select(q => q.Key)], () => gateway.QueryAsync(queries, cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
    }

    private sealed class Refunding(IPaymentGateway gateway, IRefundingGateway refunding, IGatewayInterceptor interceptor) : Charging(gateway, interceptor), IRefundingGateway
    {
        public async ValueTask<IReadOnlyList<GatewayOutcome>> RefundAsync(IReadOnlyList<GatewayRefund> refunds, CancellationToken cancellationToken) =>
            await Interceptor.AroundAsync("Refund", [.. refunds.Select(r => r.Key)], () => refunding.RefundAsync(refunds, cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
    }
}
