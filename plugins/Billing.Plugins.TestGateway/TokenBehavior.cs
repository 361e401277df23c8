using System.Globalization;

namespace Billing.Plugins.TestGateway;

/// <summary>
/// The behaviour that a token names: <c>test:acme/card1;behavior=decline:insufficient_funds|succeed;settleDays=3</c>. The outcomes are those of the attempts to come; the last one
/// repeats. Without a behaviour every charge succeeds.
/// </summary>
/// <param name="Outcomes">At least one.</param>
/// <param name="SettleDays">Days after which a pending charge is decided. Default 1.</param>
internal sealed record TokenBehavior(IReadOnlyList<string> Outcomes, int SettleDays)
{
    public static TokenBehavior Parse(string token)
    {
        IReadOnlyList<string> outcomes = ["succeed"];
        var settleDays = 1;
        foreach (var part in token.Split(';').Skip(1))
        {
            if (part.StartsWith("behavior=", StringComparison.Ordinal))
            {
                outcomes = part["behavior=".Length..].Split('|', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } named ? named : outcomes;
            }
            else if (part.StartsWith("settleDays=", StringComparison.Ordinal)
                && int.TryParse(part["settleDays=".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var days))
            {
                settleDays = days;
            }
        }

        return new TokenBehavior(outcomes, settleDays);
    }

    /// <summary>The outcome of the attempt with this number, from 0.</summary>
    public string At(int attempt) => Outcomes[Math.Min(attempt, Outcomes.Count - 1)];
}
