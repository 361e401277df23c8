namespace Billing.Payments;

/// <summary>Adds a payment method by the gateway's token.</summary>
public sealed record AddPaymentMethodRequest
{
    /// <summary>The id, unique for the tenant.</summary>
    public required string Id { get; init; }

    /// <summary>The customer.</summary>
    public required string CustomerId { get; init; }

    /// <summary>The kind: <c>card</c>, <c>ach</c>, <c>sepaDebit</c>, <c>manual</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The gateway's token. Anything that looks like a card number is refused.</summary>
    public required string Token { get; init; }

    /// <summary>Name of the gateway task; <see langword="null"/>: the tenant's first.</summary>
    public string? Gateway { get; init; }

    /// <summary>Brand of the card.</summary>
    public string? Brand { get; init; }

    /// <summary>Last four digits.</summary>
    public string? LastFour { get; init; }

    /// <summary>Month of expiry.</summary>
    public int? ExpiryMonth { get; init; }

    /// <summary>Year of expiry.</summary>
    public int? ExpiryYear { get; init; }
}

/// <summary>Records money that came by hand.</summary>
public sealed record PayRequest
{
    /// <summary>The invoice.</summary>
    public required Guid InvoiceId { get; init; }

    /// <summary>The amount; <see langword="null"/>: what is open. More than is open becomes credit balance.</summary>
    public decimal? Amount { get; init; }

    /// <summary>How it came: <c>cash</c>, <c>check</c>, <c>bankTransfer</c>, <c>manual</c>.</summary>
    public string Method { get; init; } = "manual";
}

/// <summary>Gives money of a payment back.</summary>
public sealed record RefundRequest
{
    /// <summary>The payment.</summary>
    public required Guid PaymentId { get; init; }

    /// <summary>The amount; <see langword="null"/>: what is left of it.</summary>
    public decimal? Amount { get; init; }
}
