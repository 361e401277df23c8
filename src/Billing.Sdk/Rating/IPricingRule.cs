using Billing.Catalog;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Rating;

/// <summary>Turns quantities into amounts: one price model.</summary>
/// <remarks>
/// Built-in models and plugins implement the same interface. A rule is pure (the same request gives the same answer) and thread-safe;
/// it is called with a batch and answers in the same order. It sees the quantity after unit conversion and included quantity, and gives the
/// amount before discount, maximum and minimum: those modifiers are applied around it.
/// </remarks>
[TaskStage("pricing", TaskChainKind.ByName)]
public interface IPricingRule
{
    /// <summary>Prices a batch.</summary>
    ValueTask<IReadOnlyList<PricingResult>> PriceAsync(IReadOnlyList<PricingRequest> requests, CancellationToken cancellationToken);
}

/// <summary>One quantity to price.</summary>
public sealed record PricingRequest
{
    /// <summary>The price.</summary>
    public required Price Price { get; init; }

    /// <summary>The quantity.</summary>
    public required decimal Quantity { get; init; }

    /// <summary>
    /// The same quantity before it was divided, when it is an average, a weighted sum or another quotient; <see langword="null"/>: <see cref="Quantity"/>
    /// is exact. Built-in models divide last, so that a third of 3.00 is 1.00.
    /// </summary>
    public Fraction? ExactQuantity { get; init; }

    /// <summary>
    /// The individual quantities of per-transaction prices, in order of time; their sum is the quantity. Empty: those of <see cref="Events"/> when the meter
    /// counts or sums, else the quantity is one transaction (none when it is 0).
    /// </summary>
    public IReadOnlyList<decimal> Transactions { get; init; } = [];

    /// <summary>The events, for prices that look at their properties (<c>matrix</c>, <c>rateDeck</c>, <c>custom</c>); empty for others.</summary>
    public IReadOnlyList<UsageEvent> Events { get; init; } = [];

    /// <summary>The meter that gave the quantity; <see langword="null"/> for quantities without one.</summary>
    public Meter? Meter { get; init; }

    /// <summary>The period that is priced; <see langword="null"/> when the quantity has none.</summary>
    public Interval? Period { get; init; }

    /// <summary>Part of the full period, 0 to 1: minimum and maximum amounts are prorated by it. Default 1.</summary>
    public decimal PeriodPart { get; init; } = 1m;

    /// <summary>The same part before it was divided (10 days of 30); <see langword="null"/>: <see cref="PeriodPart"/> is exact.</summary>
    public Fraction? ExactPeriodPart { get; init; }

    /// <summary>ISO 4217 code of the amounts.</summary>
    public required string Currency { get; init; }
}

/// <summary>What a quantity costs.</summary>
public sealed record PricingResult
{
    /// <summary>The exact, unrounded amount.</summary>
    public decimal Amount { get; init; }

    /// <summary>The amount ÷ the quantity that was asked for, to 28 digits; 0 when the quantity is 0. For display: billing never multiplies with it.</summary>
    public decimal UnitAmount { get; init; }

    /// <summary>The tiers entered, in order; empty for models without tiers.</summary>
    public IReadOnlyList<PricedTier> Tiers { get; init; } = [];

    /// <summary>Stable code of the error when it could not be priced.</summary>
    public string? Error { get; init; }

    /// <summary>What is wrong, in words, when there is an error.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>A result that is an amount.</summary>
    public static PricingResult Of(decimal amount) => new() { Amount = amount };

    /// <summary>A result that is an error.</summary>
    public static PricingResult Failed(string code, string message) => new() { Error = code, ErrorMessage = message };
}

/// <summary>What one tier contributed.</summary>
/// <param name="Quantity">Units that fell in the tier.</param>
/// <param name="Amount">Their amount, the tier's flat amount included.</param>
public sealed record PricedTier(decimal Quantity, decimal Amount);
