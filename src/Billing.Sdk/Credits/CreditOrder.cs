using Billing.Invoicing;
using NodaTime;

namespace Billing.Credits;

/// <summary>Which credit pays how much of an invoice. Pure.</summary>
internal static class CreditOrder
{
    /// <summary>Grants that can be used at a moment, first used first: smaller priority, earlier expiry, free before bought, creation.</summary>
    public static IReadOnlyList<CreditGrant> Usable(IEnumerable<CreditGrant> grants, Instant at) =>
    [
        .. grants
            .Where(g => Worth(g, at) > 0m)
            .OrderBy(g => g.Priority)
            .ThenBy(g => g.ExpiresAt ?? Instant.MaxValue)
            .ThenBy(g => g.PaidAmount > 0m)
            .ThenBy(g => g.CreatedAt)
            .ThenBy(g => g.Ordinal),
    ];

    /// <summary>What a grant is worth at a moment: nothing from the instant of its expiry on, and nothing before a bought one is paid for.</summary>
    public static decimal Worth(CreditGrant grant, Instant at) =>
        grant.Usable && !grant.Expired && (grant.ExpiresAt is not { } expiry || expiry > at) ? grant.Remaining : 0m;

    /// <summary>Credit notes with something left, oldest first.</summary>
    public static IReadOnlyList<CreditNote> Usable(IEnumerable<CreditNote> notes) =>
        [.. notes.Where(n => n.Remaining > 0m).OrderBy(n => n.IssuedAt).ThenBy(n => n.Ordinal)];

    /// <summary>What each grant pays of an open amount.</summary>
    /// <param name="grants">In order of use.</param>
    /// <param name="lines">The invoice's lines.</param>
    /// <param name="open">What is still to be paid.</param>
    /// <param name="excluded">Gross amount of lines that no grant may pay for: credit is not bought with credit.</param>
    public static IReadOnlyList<(CreditGrant Grant, decimal Amount)> Plan(IReadOnlyList<CreditGrant> grants, IReadOnlyList<InvoiceLine> lines, decimal open, decimal excluded)
    {
        var left = Math.Max(0m, open - excluded);
        var byCharge = lines
            .Where(l => l.Charge is not null)
            .GroupBy(l => l.Charge!, l => LinePart.Whole(l).Gross, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => Math.Max(0m, g.Sum()), StringComparer.Ordinal);
        var uses = new List<(CreditGrant, decimal)>();
        foreach (var grant in grants)
        {
            var most = Math.Min(grant.Remaining, left);
            var amount = grant.Charges.Count == 0 ? most : TakeFrom(byCharge, grant.Charges, most);
            if (amount > 0m)
            {
                uses.Add((grant, amount));
                left -= amount;
            }
        }

        return uses;
    }

    // Credit for all charges may pay any line; so a line's room shrinks only by what is limited to its charge.
    private static decimal TakeFrom(Dictionary<string, decimal> rooms, IReadOnlyList<string> charges, decimal most)
    {
        var taken = 0m;
        foreach (var charge in charges)
        {
            var part = Math.Min(most - taken, rooms.GetValueOrDefault(charge));
            if (part > 0m)
            {
                rooms[charge] -= part;
                taken += part;
            }
        }

        return taken;
    }
}
