using Billing.Tasks;
using NodaTime;

namespace Billing.Payments;

/// <summary>Says when a failed payment is tried again, and what happens when it is not.</summary>
/// <remarks>The first configured policy that answers decides. Pure and thread-safe.</remarks>
[TaskStage("payment-retry", TaskChainKind.First)]
public interface IPaymentRetryPolicy
{
    /// <summary>Decides a batch, in order; <see langword="null"/>: not mine.</summary>
    ValueTask<IReadOnlyList<RetryDecision?>> DecideAsync(IReadOnlyList<RetryRequest> requests, CancellationToken cancellationToken);
}

/// <summary>A payment that failed.</summary>
public sealed record RetryRequest
{
    /// <summary>The payment, after the failed attempt.</summary>
    public required Payment Payment { get; init; }

    /// <summary>Its last attempt.</summary>
    public required PaymentAttempt LastAttempt { get; init; }

    /// <summary>Zone of the payer.</summary>
    public required DateTimeZone TimeZone { get; init; }
}

/// <summary>What happens to the subscriptions and the invoice when the last attempt has failed.</summary>
public enum RetryExhausted
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The invoice's subscriptions are cancelled.</summary>
    Cancel,

    /// <summary>They are paused.</summary>
    Pause,

    /// <summary>The invoice is given up.</summary>
    Uncollectible,
}

/// <summary>When to try again.</summary>
/// <param name="RetryAt">The moment; <see langword="null"/>: not again, <paramref name="Then"/> happens.</param>
/// <param name="Then">What happens when there is no further attempt.</param>
public sealed record RetryDecision(Instant? RetryAt, RetryExhausted Then = RetryExhausted.None);
