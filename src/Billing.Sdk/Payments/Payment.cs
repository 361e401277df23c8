using NodaTime;

namespace Billing.Payments;

/// <summary>A way to pay that a customer has given, as the gateway's token. Card and account numbers never enter.</summary>
public sealed record PaymentMethod : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>The id, chosen by the host, unique for the tenant.</summary>
    public required string Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The kind: <c>card</c>, <c>ach</c>, <c>sepaDebit</c>, <c>manual</c> or another of a plugin's.</summary>
    public required string Type { get; init; }

    /// <summary>Name of the gateway task that knows the token; <see langword="null"/>: the tenant's only gateway.</summary>
    public string? Gateway { get; init; }

    /// <summary>The gateway's token.</summary>
    public required string Token { get; init; }

    /// <summary>Brand of the card.</summary>
    public string? Brand { get; init; }

    /// <summary>Last four digits.</summary>
    public string? LastFour { get; init; }

    /// <summary>Month of expiry, 1 to 12.</summary>
    public int? ExpiryMonth { get; init; }

    /// <summary>Year of expiry.</summary>
    public int? ExpiryYear { get; init; }

    /// <summary>Whether it is charged when nothing else is said.</summary>
    public bool IsDefault { get; init; }

    /// <summary>When it was added.</summary>
    public required Instant AddedAt { get; init; }

    /// <summary>When it was removed.</summary>
    public Instant? RemovedAt { get; init; }
}

/// <summary>Where a payment stands.</summary>
public enum PaymentState
{
    /// <summary>An attempt is under way.</summary>
    Pending,

    /// <summary>The money came.</summary>
    Succeeded,

    /// <summary>It did not; it may be tried again.</summary>
    Failed,

    /// <summary>The gateway's answer was lost; only a query decides.</summary>
    Unknown,

    /// <summary>Given back in full.</summary>
    Refunded,

    /// <summary>Given back in part.</summary>
    PartiallyRefunded,

    /// <summary>The customer's bank took it back for now.</summary>
    Disputed,
}

/// <summary>Money for an invoice: one payment with all its attempts.</summary>
public sealed record Payment : IVersionedRow, IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the payment.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>1, 2, 3, … in order of creation for the payer.</summary>
    public required int Ordinal { get; init; }

    /// <summary>The invoice.</summary>
    public required Guid InvoiceId { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>The amount asked for by the last attempt.</summary>
    public required decimal Amount { get; init; }

    /// <summary>Part of it that no invoice took (unapplied cash).</summary>
    public decimal UnappliedAmount { get; init; }

    /// <summary>What was given back.</summary>
    public decimal RefundedAmount { get; init; }

    /// <summary>Where it stands.</summary>
    public required PaymentState State { get; init; }

    /// <summary>The kind of method: <c>card</c>, <c>ach</c>, <c>cash</c>, <c>check</c>, <c>bankTransfer</c>, <c>manual</c>.</summary>
    public required string MethodType { get; init; }

    /// <summary>The payment method; <see langword="null"/> for money that came by hand.</summary>
    public string? PaymentMethodId { get; init; }

    /// <summary>How many attempts were made.</summary>
    public int Attempts { get; init; }

    /// <summary>Code of the last decline.</summary>
    public string? LastCode { get; init; }

    /// <summary>When it is tried again or, once its money has come, when a refund of it that has no answer is sent again; <see langword="null"/>: not by itself.</summary>
    public Instant? NextAttemptAt { get; init; }

    /// <summary>When it was made.</summary>
    public required Instant CreatedAt { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>Where an attempt stands.</summary>
public enum AttemptState
{
    /// <summary>Committed before the gateway is called, or the gateway has yet to decide.</summary>
    Pending,

    /// <summary>Charged.</summary>
    Succeeded,

    /// <summary>Declined; may be tried again.</summary>
    Declined,

    /// <summary>Declined for good.</summary>
    HardDeclined,

    /// <summary>Certainly not charged: the gateway could not do it.</summary>
    NotCharged,

    /// <summary>The answer was lost.</summary>
    Unknown,

    /// <summary>The customer has to act at the gateway's link.</summary>
    RequiresAction,
}

/// <summary>One call of a gateway for a payment. Committed as pending before the call, under the key that the gateway gets.</summary>
public sealed record PaymentAttempt : IVersionedRow, IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the attempt.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The payment.</summary>
    public required Guid PaymentId { get; init; }

    /// <summary>1, 2, 3, … within the payment.</summary>
    public required int Number { get; init; }

    /// <summary>The idempotency key that the gateway gets, unique for the tenant.</summary>
    public required string Key { get; init; }

    /// <summary>Name of the gateway task.</summary>
    public required string Gateway { get; init; }

    /// <summary>The payment method's token.</summary>
    public required string Token { get; init; }

    /// <summary>The amount.</summary>
    public required decimal Amount { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>Where it stands.</summary>
    public required AttemptState State { get; init; }

    /// <summary>The gateway's decline code or reason.</summary>
    public string? Code { get; init; }

    /// <summary>The gateway's own reference.</summary>
    public string? GatewayReference { get; init; }

    /// <summary>Where the customer has to act.</summary>
    public string? ActionLink { get; init; }

    /// <summary>When the gateway is asked again for the outcome; <see langword="null"/>: not by itself.</summary>
    public Instant? QueryAt { get; init; }

    /// <summary>When it was committed.</summary>
    public required Instant StartedAt { get; init; }

    /// <summary>When its outcome was committed.</summary>
    public Instant? CompletedAt { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}

/// <summary>Money given back.</summary>
public sealed record Refund : IPayerRow
{
    /// <inheritdoc/>
    public required TenantId Tenant { get; init; }

    /// <summary>Id of the refund; the gateway gets it as its key.</summary>
    public required Guid Id { get; init; }

    /// <inheritdoc/>
    public required string PayerId { get; init; }

    /// <summary>The payment.</summary>
    public required Guid PaymentId { get; init; }

    /// <summary>The amount.</summary>
    public required decimal Amount { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>The credit note that it pays out; <see langword="null"/>: it opens the debt again.</summary>
    public Guid? CreditNoteId { get; init; }

    /// <summary>Where it stands.</summary>
    public required PaymentState State { get; init; }

    /// <summary>When it was asked for.</summary>
    public required Instant CreatedAt { get; init; }
}
