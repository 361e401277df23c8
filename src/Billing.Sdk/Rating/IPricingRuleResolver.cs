namespace Billing.Rating;

/// <summary>Finds the pricing tasks that <c>custom</c> prices name.</summary>
/// <remarks>Thread-safe. One belongs to one tenant and configuration.</remarks>
public interface IPricingRuleResolver
{
    /// <summary>The rule of a task; <see langword="null"/> when the tenant has no such task.</summary>
    IPricingRule? Find(string task);
}
