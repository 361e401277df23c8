namespace Billing;

/// <summary>A row that a store keeps. Rows are immutable; a change is a new row with the same key.</summary>
public interface IBillingRow
{
    /// <summary>The tenant: the first part of every key.</summary>
    TenantId Tenant { get; }
}

/// <summary>A row that can be replaced; the store accepts a replacement only for the version before it.</summary>
public interface IVersionedRow : IBillingRow
{
    /// <summary>1 for a new row; each replacement has one more.</summary>
    long Version { get; }

    /// <summary>The same row with another version.</summary>
    IVersionedRow WithVersion(long version);
}

/// <summary>A row of a payer: read with the payer's page and written under the payer's billing version.</summary>
public interface IPayerRow : IBillingRow
{
    /// <summary>Id of the customer that pays.</summary>
    string PayerId { get; }
}
