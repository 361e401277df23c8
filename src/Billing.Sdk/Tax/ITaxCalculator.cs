using Billing.Invoicing;
using Billing.Tasks;
using NodaTime;

namespace Billing.Tax;

/// <summary>Says which tax rates a new supply carries.</summary>
/// <remarks>
/// All calculators of the tenant are asked, in order; their rates add up on the same net amount. They see new supply only: a line that takes
/// another back carries that line's rates. Rates are turned into amounts and rounded by the engine, in one place; a calculator that gets amounts
/// from elsewhere gives <see cref="TaxRate.Amount"/>. Implementations are thread-safe.
/// </remarks>
[TaskStage("tax", TaskChainKind.All)]
public interface ITaxCalculator
{
    /// <summary>Answers a batch of invoices, in order.</summary>
    ValueTask<IReadOnlyList<TaxResult>> CalculateAsync(IReadOnlyList<TaxRequest> requests, CancellationToken cancellationToken);
}

/// <summary>The one-at-a-time form of <see cref="ITaxCalculator"/>.</summary>
public abstract class TaxCalculator : ITaxCalculator
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TaxResult>> CalculateAsync(IReadOnlyList<TaxRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        var results = new TaxResult[requests.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = await CalculateAsync(requests[i], cancellationToken).ConfigureAwait(false);
        }

        return results;
    }

    /// <summary>Answers one invoice.</summary>
    protected abstract ValueTask<TaxResult> CalculateAsync(TaxRequest request, CancellationToken cancellationToken);
}

/// <summary>The new supply of one invoice for one customer.</summary>
public sealed record TaxRequest
{
    /// <summary>The tenant.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>The customer that gets the supply.</summary>
    public required string CustomerId { get; init; }

    /// <summary>ISO 3166 country of the customer.</summary>
    public string? Country { get; init; }

    /// <summary>Region of the customer.</summary>
    public string? Region { get; init; }

    /// <summary>Tax number of the customer.</summary>
    public string? TaxId { get; init; }

    /// <summary>ISO 4217 code.</summary>
    public required string Currency { get; init; }

    /// <summary>Date of the invoice.</summary>
    public required LocalDate Date { get; init; }

    /// <summary>The lines.</summary>
    public required IReadOnlyList<TaxableLine> Lines { get; init; }
}

/// <summary>One line of new supply.</summary>
public sealed record TaxableLine
{
    /// <summary>Type of the line.</summary>
    public required InvoiceLineType Type { get; init; }

    /// <summary>Code of the charge, if it has one.</summary>
    public string? Charge { get; init; }

    /// <summary>Tax code, if it has one.</summary>
    public string? TaxCode { get; init; }

    /// <summary>The amount after discounts, in units of the currency.</summary>
    public required decimal Amount { get; init; }

    /// <summary>What rate rules call the product: the tax code, else the charge.</summary>
    public string? Product => TaxCode ?? Charge;
}

/// <summary>The rates of the lines of one request.</summary>
/// <param name="Lines">For each line, in order, its rates; empty: none.</param>
public sealed record TaxResult(IReadOnlyList<IReadOnlyList<TaxRate>> Lines);

/// <summary>One rate on one line.</summary>
public sealed record TaxRate
{
    /// <summary>Code of the rate, as on the invoice.</summary>
    public required string Code { get; init; }

    /// <summary>Percent.</summary>
    public required decimal Percent { get; init; }

    /// <summary>Whether the line's amount includes it. Default false.</summary>
    public bool Inclusive { get; init; }

    /// <summary>The tax itself, when it does not follow from the percentage.</summary>
    public decimal? Amount { get; init; }
}
