using Billing.Tasks;

namespace Billing.Subscriptions;

/// <summary>Refuses subscriptions that the company does not want (credit check, combination of plans).</summary>
/// <remarks>All must agree. Thread-safe.</remarks>
[TaskStage("subscription-check", TaskChainKind.All)]
public interface ISubscriptionValidator
{
    /// <summary>For each request, in order, the reason why it is refused; <see langword="null"/>: it is not.</summary>
    ValueTask<IReadOnlyList<string?>> ValidateAsync(IReadOnlyList<SubscribeRequest> requests, CancellationToken cancellationToken);
}
