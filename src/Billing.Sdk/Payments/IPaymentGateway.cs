using Billing.Tasks;
using NodaTime;

namespace Billing.Payments;

/// <summary>Moves money: charges a stored payment method, and says afterwards what became of a charge.</summary>
/// <remarks>
/// <para>The engine has committed the attempt before it calls and holds no transaction while it waits. A call with a key that was used before must
/// not charge again but answer what became of the first. An exception or time-out counts as <see cref="GatewayOutcomeKind.Unknown"/>.</para>
/// <para>Implementations are thread-safe. What more a gateway can do it says by <see cref="IRefundingGateway"/>, <see cref="ICapturingGateway"/>,
/// <see cref="IPaymentMethodVault"/> and <see cref="IGatewayWebhook"/>.</para>
/// </remarks>
[TaskStage("gateway", TaskChainKind.All)]
public interface IPaymentGateway
{
    /// <summary>Charges a batch; outcomes in order.</summary>
    ValueTask<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken);

    /// <summary>Says what became of charges, by key; outcomes in order. A key that the gateway never saw is <see cref="GatewayOutcomeKind.NotCharged"/>.</summary>
    ValueTask<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<GatewayQuery> queries, CancellationToken cancellationToken);
}

/// <summary>A gateway that can give money back.</summary>
public interface IRefundingGateway
{
    /// <summary>Gives back (part of) charges; outcomes in order. A repeated key gives back once.</summary>
    ValueTask<IReadOnlyList<GatewayOutcome>> RefundAsync(IReadOnlyList<GatewayRefund> refunds, CancellationToken cancellationToken);
}

/// <summary>A gateway that can reserve first and take later.</summary>
public interface ICapturingGateway
{
    /// <summary>Reserves amounts; outcomes in order.</summary>
    ValueTask<IReadOnlyList<GatewayOutcome>> AuthorizeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken);

    /// <summary>Takes (part of) what was reserved under the keys; outcomes in order.</summary>
    ValueTask<IReadOnlyList<GatewayOutcome>> CaptureAsync(IReadOnlyList<GatewayCharge> captures, CancellationToken cancellationToken);

    /// <summary>Gives reservations up; outcomes in order.</summary>
    ValueTask<IReadOnlyList<GatewayOutcome>> VoidAsync(IReadOnlyList<GatewayQuery> authorizations, CancellationToken cancellationToken);
}

/// <summary>A gateway that stores payment methods and gives tokens for them.</summary>
public interface IPaymentMethodVault
{
    /// <summary>Removes a stored method.</summary>
    ValueTask RemoveAsync(string token, CancellationToken cancellationToken);
}

/// <summary>A gateway that calls back.</summary>
public interface IGatewayWebhook
{
    /// <summary>Verifies and reads a message; <see langword="null"/>: not genuine, or of no concern.</summary>
    GatewayNotice? Read(ReadOnlySpan<byte> body, IReadOnlyDictionary<string, string> headers);
}

/// <summary>What a genuine webhook says.</summary>
/// <param name="Key">The engine's key of the charge.</param>
/// <param name="Outcome">What became of it.</param>
public sealed record GatewayNotice(string Key, GatewayOutcome Outcome);

/// <summary>A charge to make.</summary>
public sealed record GatewayCharge
{
    /// <summary>The tenant.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>Our idempotency key of the attempt.</summary>
    public required string Key { get; init; }

    /// <summary>The customer that pays.</summary>
    public required string CustomerId { get; init; }

    /// <summary>Kind of the payment method.</summary>
    public required string MethodType { get; init; }

    /// <summary>Token of the payment method.</summary>
    public required string Token { get; init; }

    /// <summary>The amount.</summary>
    public required Money Amount { get; init; }

    /// <summary>Number of the invoice, for statements.</summary>
    public string? Reference { get; init; }

    /// <summary>The moment of the charge.</summary>
    public required Instant At { get; init; }
}

/// <summary>A charge to ask about.</summary>
public sealed record GatewayQuery
{
    /// <summary>The tenant.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>Our idempotency key of the attempt.</summary>
    public required string Key { get; init; }

    /// <summary>The gateway's reference, when it gave one.</summary>
    public string? GatewayReference { get; init; }

    /// <summary>The moment of the question.</summary>
    public required Instant At { get; init; }
}

/// <summary>A refund to make.</summary>
public sealed record GatewayRefund
{
    /// <summary>The tenant.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>Our idempotency key of the refund.</summary>
    public required string Key { get; init; }

    /// <summary>Our key of the charge.</summary>
    public required string ChargeKey { get; init; }

    /// <summary>The gateway's reference of the charge.</summary>
    public string? GatewayReference { get; init; }

    /// <summary>The amount.</summary>
    public required Money Amount { get; init; }

    /// <summary>The moment of the refund.</summary>
    public required Instant At { get; init; }
}

/// <summary>What became of a charge or refund.</summary>
public enum GatewayOutcomeKind
{
    /// <summary>Done.</summary>
    Succeeded,

    /// <summary>Under way; ask again.</summary>
    Pending,

    /// <summary>The customer has to act at the link.</summary>
    RequiresAction,

    /// <summary>Refused, with a code.</summary>
    Declined,

    /// <summary>Certainly not charged: the gateway could not do it.</summary>
    NotCharged,

    /// <summary>Nobody knows; only a query decides.</summary>
    Unknown,
}

/// <summary>What a gateway answers.</summary>
public sealed record GatewayOutcome
{
    /// <summary>What became of it.</summary>
    public required GatewayOutcomeKind Kind { get; init; }

    /// <summary>Decline code or reason.</summary>
    public string? Code { get; init; }

    /// <summary>Declined: whether trying again can help. Default true.</summary>
    public bool Retryable { get; init; } = true;

    /// <summary>The gateway's own reference.</summary>
    public string? Reference { get; init; }

    /// <summary>RequiresAction: where.</summary>
    public string? ActionLink { get; init; }

    /// <summary>Pending, Unknown: when to ask again; <see langword="null"/>: the engine chooses.</summary>
    public Instant? QueryAt { get; init; }

    /// <summary>Query: what the gateway holds of the charge now, net of refunds, when it can tell.</summary>
    public decimal? NetAmount { get; init; }

    /// <summary>Done.</summary>
    public static GatewayOutcome Succeeded(string? reference = null) => new() { Kind = GatewayOutcomeKind.Succeeded, Reference = reference };

    /// <summary>Refused.</summary>
    public static GatewayOutcome Declined(string code, bool retryable = true) => new() { Kind = GatewayOutcomeKind.Declined, Code = code, Retryable = retryable };

    /// <summary>Under way.</summary>
    public static GatewayOutcome Pending(Instant? queryAt = null, string? reference = null) => new() { Kind = GatewayOutcomeKind.Pending, QueryAt = queryAt, Reference = reference };

    /// <summary>Certainly not charged.</summary>
    public static GatewayOutcome NotCharged(string code) => new() { Kind = GatewayOutcomeKind.NotCharged, Code = code };

    /// <summary>Nobody knows.</summary>
    public static GatewayOutcome Unknown(string code, Instant? queryAt = null) => new() { Kind = GatewayOutcomeKind.Unknown, Code = code, QueryAt = queryAt };
}

/// <summary>The one-at-a-time form of <see cref="IPaymentGateway"/>. What one charge throws makes that charge <see cref="GatewayOutcomeKind.Unknown"/> and no other.</summary>
public abstract class PaymentGateway : IPaymentGateway
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(charges);
        var outcomes = new GatewayOutcome[charges.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = await GuardAsync(ChargeAsync, charges[i], cancellationToken).ConfigureAwait(false);
        }

        return outcomes;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<GatewayQuery> queries, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(queries);
        var outcomes = new GatewayOutcome[queries.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = await GuardAsync(QueryAsync, queries[i], cancellationToken).ConfigureAwait(false);
        }

        return outcomes;
    }

    /// <summary>Charges once.</summary>
    protected abstract ValueTask<GatewayOutcome> ChargeAsync(GatewayCharge charge, CancellationToken cancellationToken);

    /// <summary>Says what became of a charge.</summary>
    protected abstract ValueTask<GatewayOutcome> QueryAsync(GatewayQuery query, CancellationToken cancellationToken);

    private static async ValueTask<GatewayOutcome> GuardAsync<T>(Func<T, CancellationToken, ValueTask<GatewayOutcome>> call, T request, CancellationToken cancellationToken)
    {
        try
        {
            return await call(request, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            // A stranger's code or a network can throw anything, and money may have moved: nobody knows.
            return GatewayOutcome.Unknown(error.GetType().Name);
        }
    }
}
