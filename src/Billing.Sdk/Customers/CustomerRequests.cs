namespace Billing.Customers;

/// <summary>Creates a customer.</summary>
public sealed record CreateCustomerRequest
{
    /// <summary>The id, unique for the tenant.</summary>
    public required string Id { get; init; }

    /// <summary>Name of person or company.</summary>
    public string? Name { get; init; }

    /// <summary>E-mail address for notifications.</summary>
    public string? Email { get; init; }

    /// <summary>Billing address, as printed.</summary>
    public string? BillingAddress { get; init; }

    /// <summary>ISO 4217 code; <see langword="null"/>: the tenant's.</summary>
    public string? Currency { get; init; }

    /// <summary>IANA zone; <see langword="null"/>: the tenant's.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Day of the month, 1 to 31, on which aligned subscriptions renew.</summary>
    public int? BillingDay { get; init; }

    /// <summary>ISO 3166 country.</summary>
    public string? Country { get; init; }

    /// <summary>Region.</summary>
    public string? Region { get; init; }

    /// <summary>Tax number.</summary>
    public string? TaxId { get; init; }

    /// <summary>Whether it pays no tax. Default false.</summary>
    public bool TaxExempt { get; init; }

    /// <summary>The customer that pays for it.</summary>
    public string? ParentId { get; init; }
}

/// <summary>What a customer owes and is owed, in its currency.</summary>
public sealed record CustomerBalance
{
    /// <summary>Open amounts of final invoices.</summary>
    public required decimal Balance { get; init; }

    /// <summary>Credit balance and what is left of credit notes.</summary>
    public required decimal CreditBalance { get; init; }

    /// <summary>What is left of each credit grant; 0 for expired ones.</summary>
    public required EquatableMap<decimal> Credits { get; init; }
}
