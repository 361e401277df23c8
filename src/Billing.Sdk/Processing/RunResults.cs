using Billing.Invoicing;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>What a billing run, or one worker's part of it, did.</summary>
public sealed record BillingRunResult
{
    /// <summary>How many entries the lists of a result hold at most; the counts have all.</summary>
    public const int MaximumListed = 1000;

    /// <summary>Id of the run; <see langword="null"/>: nothing was due, or one payer was billed by itself.</summary>
    public Guid? RunId { get; init; }

    /// <summary>Payers that were due.</summary>
    public required int Payers { get; init; }

    /// <summary>How many invoices it made, drafts included.</summary>
    public required int InvoiceCount { get; init; }

    /// <summary>How many payers could not be billed.</summary>
    public required int QuarantinedCount { get; init; }

    /// <summary>The first <see cref="MaximumListed"/> invoices that it made, drafts included, by payer id within a page.</summary>
    public IReadOnlyList<Invoice> Invoices { get; init; } = [];

    /// <summary>The first <see cref="MaximumListed"/> payers that could not be billed, with the reason; all others were.</summary>
    public IReadOnlyList<QuarantineItem> Quarantined { get; init; } = [];
}

/// <summary>How far a run is.</summary>
public sealed record RunProgress
{
    /// <summary>The run.</summary>
    public required RunRecord Run { get; init; }

    /// <summary>Payers looked at so far; those that become due meanwhile count too.</summary>
    public required int Done { get; init; }

    /// <summary>Invoices made so far.</summary>
    public required int Invoices { get; init; }

    /// <summary>Payers in quarantine or held back so far.</summary>
    public required int Quarantined { get; init; }

    /// <summary>Invoices per second since the start; 0 at the start.</summary>
    public required decimal InvoicesPerSecond { get; init; }

    /// <summary>The shards, by number.</summary>
    public required IReadOnlyList<RunShard> Shards { get; init; }
}

/// <summary>Sums what pages did, with the first of their invoices: so memory does not grow with the run. Thread-safe.</summary>
internal sealed class RunCounter
{
    private readonly Lock _gate = new();
    private readonly List<Invoice> _invoices = [];
    private readonly List<QuarantineItem> _quarantined = [];
    private int _payers;
    private int _invoiceCount;
    private int _quarantinedCount;

    public void Add(PageResult page)
    {
        lock (_gate)
        {
            _payers += page.Payers;
            _invoiceCount += page.Invoices.Count;
            _quarantinedCount += page.Quarantined.Count;
            _invoices.AddRange(page.Invoices.Take(BillingRunResult.MaximumListed - _invoices.Count));
            _quarantined.AddRange(page.Quarantined.Take(BillingRunResult.MaximumListed - _quarantined.Count));
        }
    }

    public BillingRunResult Result(Guid? run)
    {
        lock (_gate)
        {
            return new BillingRunResult
            {
                RunId = run,
                Payers = _payers,
                InvoiceCount = _invoiceCount,
                QuarantinedCount = _quarantinedCount,
                Invoices = [.. _invoices],
                Quarantined = [.. _quarantined],
            };
        }
    }
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
