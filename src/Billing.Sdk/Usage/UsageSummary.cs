namespace Billing.Usage;

/// <summary>What is kept of many events of an additive meter: enough to tell its count, sum, greatest and least value.</summary>
/// <remarks>
/// Summaries of parts add up to the summary of the whole, in any order and grouping. Duplicates must have been dropped before: a summary no longer
/// knows which events are in it. Immutable and thread-safe; <c>default</c> is the summary of no events.
/// </remarks>
/// <param name="Count">How many events.</param>
/// <param name="Sum">Sum of their values.</param>
/// <param name="Max">Their greatest value; <see langword="null"/> without values.</param>
/// <param name="Min">Their least value; <see langword="null"/> without values.</param>
public readonly record struct UsageSummary(decimal Count, decimal Sum, decimal? Max, decimal? Min)
{
    /// <summary>The summary of no events.</summary>
    public static UsageSummary None => default;

    /// <summary>The summary of one event with a value.</summary>
    public static UsageSummary OfValue(decimal value) => new(1m, value, value, value);

    /// <summary>The summary of one event that is only counted.</summary>
    public static UsageSummary OfOccurrence() => new(1m, 0m, null, null);

    /// <summary>The summary of both.</summary>
    public UsageSummary Combine(UsageSummary other) => new(
        Count + other.Count,
        Sum + other.Sum,
        Max is { } max && other.Max is { } otherMax ? Math.Max(max, otherMax) : Max ?? other.Max,
        Min is { } min && other.Min is { } otherMin ? Math.Min(min, otherMin) : Min ?? other.Min);

    /// <summary>The summary of all of them.</summary>
    public static UsageSummary Combine(IEnumerable<UsageSummary> summaries)
    {
        ArgumentNullException.ThrowIfNull(summaries);
        var result = None;
        foreach (var summary in summaries)
        {
            result = result.Combine(summary);
        }

        return result;
    }
}
