namespace Billing.Testing.Storage;

/// <summary>An adapter breaks a rule of the storage contract. The message says which one and how it showed.</summary>
public sealed class ContractViolationException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ContractViolationException(string message)
        : base(message)
    {
    }
}
