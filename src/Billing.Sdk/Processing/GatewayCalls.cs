using Billing.Payments;
using Billing.Tasks;

namespace Billing.Processing;

/// <summary>Calls gateways, with no transaction open. What a gateway throws or leaves unanswered is <see cref="GatewayOutcomeKind.Unknown"/>.</summary>
internal sealed class GatewayCalls(TaskInvoker invoker, TenantTasks tasks)
{
    // The time limit is per call of a task, and a gateway may take seconds per charge.
    private const int LargestBatch = 10;

    public Task<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<(string Gateway, GatewayCharge Request)> charges, CancellationToken cancellationToken) =>
        CallAsync(charges, static (gateway, batch, token) => gateway.ChargeAsync(batch, token), cancellationToken);

    public Task<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<(string Gateway, GatewayQuery Request)> queries, CancellationToken cancellationToken) =>
        CallAsync(queries, static (gateway, batch, token) => gateway.QueryAsync(batch, token), cancellationToken);

    public Task<IReadOnlyList<GatewayOutcome>> RefundAsync(IReadOnlyList<(string Gateway, GatewayRefund Request)> refunds, CancellationToken cancellationToken) =>
        CallAsync(
            refunds,
            static async (gateway, batch, token) => gateway is IRefundingGateway refunding
                ? await refunding.RefundAsync(batch, token).ConfigureAwait(false)
                : [.. batch.Select(_ => GatewayOutcome.NotCharged("refunds-not-supported"))],
            cancellationToken);

    private async Task<IReadOnlyList<GatewayOutcome>> CallAsync<TRequest>(
        IReadOnlyList<(string Gateway, TRequest Request)> requests,
        Func<IPaymentGateway, IReadOnlyList<TRequest>, CancellationToken, ValueTask<IReadOnlyList<GatewayOutcome>>> call,
        CancellationToken cancellationToken)
    {
        var outcomes = new GatewayOutcome[requests.Count];
        foreach (var places in Enumerable.Range(0, requests.Count).GroupBy(i => requests[i].Gateway, StringComparer.Ordinal))
        {
            foreach (var chunk in places.Chunk(LargestBatch))
            {
                var answers = await CallOneAsync(places.Key, [.. chunk.Select(i => requests[i].Request)], call, cancellationToken).ConfigureAwait(false);
                for (var i = 0; i < chunk.Length; i++)
                {
                    outcomes[chunk[i]] = answers[i];
                }
            }
        }

        return outcomes;
    }

    private async Task<IReadOnlyList<GatewayOutcome>> CallOneAsync<TRequest>(
        string name,
        IReadOnlyList<TRequest> batch,
        Func<IPaymentGateway, IReadOnlyList<TRequest>, CancellationToken, ValueTask<IReadOnlyList<GatewayOutcome>>> call,
        CancellationToken cancellationToken)
    {
        if (CollectionMethod.Gateway(tasks, name) is not { } gateway)
        {
            return [.. batch.Select(_ => GatewayOutcome.Unknown("gateway-missing"))];
        }

        var outcome = await invoker.InvokeAsync(gateway, batch, call, cancellationToken).ConfigureAwait(false);
        return outcome.Failure is { } failure
            ? [.. batch.Select(_ => GatewayOutcome.Unknown(outcome.TimedOut ? "timeout" : failure.Code))]
            : outcome.Results;
    }
}
