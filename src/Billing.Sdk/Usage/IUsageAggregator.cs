using Billing.Catalog;
using Billing.Tasks;
using NodaTime;

namespace Billing.Usage;

/// <summary>Makes one quantity of events for meters whose aggregation is <c>custom</c>; the meter names the task.</summary>
/// <remarks>Pure (the same request gives the same answer) and thread-safe. It is called with a batch and answers in the same order.</remarks>
[TaskStage("aggregation", TaskChainKind.ByName)]
public interface IUsageAggregator
{
    /// <summary>Aggregates a batch: one answer per request, in the same order.</summary>
    ValueTask<IReadOnlyList<AggregationResult>> AggregateAsync(IReadOnlyList<AggregationRequest> requests, CancellationToken cancellationToken);
}

/// <summary>The events of one meter and period.</summary>
public sealed record AggregationRequest
{
    /// <summary>The meter.</summary>
    public required Meter Meter { get; init; }

    /// <summary>
    /// The events that count: of the meter's type, through its filter, without duplicates, in order of time (see <see cref="MeterCalculator.EventsThatCount"/>).
    /// With carry-over those before the period are among them.
    /// </summary>
    public required IReadOnlyList<UsageEvent> Events { get; init; }

    /// <summary>The period, half-open; <see langword="null"/> when the events have none.</summary>
    public Interval? Period { get; init; }
}

/// <summary>The quantity of one request.</summary>
public sealed record AggregationResult
{
    /// <summary>The quantity; the meter's rounding is applied to it by the caller.</summary>
    public decimal Quantity { get; init; }

    /// <summary>Stable code of the error when there is no quantity.</summary>
    public string? Error { get; init; }

    /// <summary>What is wrong, in words, when there is an error.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>A result that is a quantity.</summary>
    public static AggregationResult Of(decimal quantity) => new() { Quantity = quantity };

    /// <summary>A result that is an error.</summary>
    public static AggregationResult Failed(string code, string message) => new() { Error = code, ErrorMessage = message };
}
