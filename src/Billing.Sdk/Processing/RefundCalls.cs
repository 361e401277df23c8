using Billing.Payments;

namespace Billing.Processing;

/// <summary>Sends refunds that were committed as pending to their gateways, under their own key, and commits the answers. One whose answer was lost is sent again: a repeated key gives back once.</summary>
internal sealed class RefundCalls(EngineCore core)
{
    private readonly PayerCommits _commits = new(core);

    /// <summary>Completes refunds of one payer.</summary>
    /// <returns>The refunds as they are afterwards, in the order given.</returns>
    public async Task<IReadOnlyList<Refund>> CompleteAsync(TenantContext tenant, CommandContext context, string payerId, IReadOnlyList<Guid> refundIds, CancellationToken cancellationToken)
    {
        var work = (await _commits.ReadAsync(tenant, context, [payerId], cancellationToken).ConfigureAwait(false))[0];
        var refunds = refundIds.Select(id => work.Find<Refund>(id)!).ToList();
        var open = refunds.FindAll(Refunds.IsOpen);
        if (open.Count == 0)
        {
            return refunds;
        }

        var requests = open.ConvertAll(r => Refunds.CallOf(work, r));
        var outcomes = await new GatewayCalls(core.Invoker, tenant.Tasks).RefundAsync(requests, cancellationToken).ConfigureAwait(false);
        return await _commits.ChangeAsync(
            tenant,
            context,
            payerId,
            current =>
            {
                for (var i = 0; i < open.Count; i++)
                {
                    Refunds.Complete(current, open[i].Id, outcomes[i]);
                }

                return Task.FromResult<IReadOnlyList<Refund>>([.. refundIds.Select(id => current.Find<Refund>(id)!)]);
            },
            CancellationToken.None).ConfigureAwait(false);
    }
}
