using Billing.Invoicing;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>What a billing run did.</summary>
public sealed record BillingRunResult
{
    /// <summary>Payers that were due.</summary>
    public required int Payers { get; init; }

    /// <summary>The invoices it made, drafts included, in order.</summary>
    public required IReadOnlyList<Invoice> Invoices { get; init; }

    /// <summary>Payers that could not be billed, with the reason; all others were.</summary>
    public IReadOnlyList<QuarantineItem> Quarantined { get; init; } = [];
}

/// <summary>What a collection run did.</summary>
/// <param name="Attempts">Attempts made.</param>
/// <param name="Succeeded">Of these, charged.</param>
/// <param name="Failed">Of these, declined or not charged.</param>
/// <param name="Unresolved">Of these, pending or unknown.</param>
public sealed record CollectionRunResult(int Attempts, int Succeeded, int Failed, int Unresolved);

/// <summary>What an aging run did.</summary>
/// <param name="Steps">Steps done.</param>
public sealed record AgingRunResult(int Steps);

/// <summary>What a dispatch did.</summary>
/// <param name="Delivered">Messages delivered.</param>
/// <param name="Failed">Messages that will be tried again.</param>
/// <param name="Dead">Messages given up.</param>
public sealed record DispatchResult(int Delivered, int Failed, int Dead);
