using Billing.Catalog;
using Billing.Invoicing;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>Pairs expected lines with lines of an invoice, in any order. Lines of amount 0 may be missing on either side.</summary>
internal sealed class LineMatch
{
    private readonly IReadOnlyList<ExpectedLine> _expected;
    private readonly IReadOnlyList<InvoiceLine> _actual;

    /// <summary>By expected line: the index of its partner, −1 without one.</summary>
    private readonly int[] _partners;

    private LineMatch(IReadOnlyList<ExpectedLine> expected, IReadOnlyList<InvoiceLine> actual)
    {
        _expected = expected;
        _actual = actual;
        _partners = [.. expected.Select(_ => -1)];
    }

    /// <summary>Compares the lines of an invoice with those that are expected.</summary>
    public static void Compare(IReadOnlyList<ExpectedLine> expected, InvoiceDocument document, string path, ScenarioComparison comparison)
    {
        IReadOnlyList<InvoiceLine> actual = expected.Any(e => e.Type == InvoiceLineType.Discount) ? WithDiscountLines(document) : document.Lines;
        var match = new LineMatch(expected, actual);
        match.Pair();
        match.Report(path, comparison);
    }

    /// <summary>The engine keeps discounts on the lines that they lower; where a file lists them as lines, there is one for each redemption.</summary>
    private static List<InvoiceLine> WithDiscountLines(InvoiceDocument document)
    {
        var lines = document.Lines.ToList();
        var redemptions = document.Lines
            .SelectMany(l => l.Discounts.Select(d => (Line: l, Discount: d)))
            .GroupBy(d => (d.Discount.RedemptionId, d.Discount.Coupon));
        foreach (var redemption in redemptions)
        {
            lines.Add(redemption.First().Line with
            {
                Type = InvoiceLineType.Discount,
                Charge = null,
                Description = redemption.Key.Coupon,
                Amount = -redemption.Sum(d => d.Discount.Amount),
                Tax = 0m,
                Quantity = 1m,
                Discounts = [],
            });
        }

        return lines;
    }

    private void Pair()
    {
        for (var e = 0; e < _expected.Count; e++)
        {
            if (!_expected[e].IsOptional)
            {
                TryPairExpected(e, new HashSet<int>());
            }
        }

        // What counts on the other side too: a line that is not 0 takes a free expected line, or the partner of a line that is.
        for (var a = 0; a < _actual.Count; a++)
        {
            if (_actual[a].Amount != 0m && Array.IndexOf(_partners, a) < 0)
            {
                TryPairActual(a, new HashSet<int>());
            }
        }
    }

    private bool TryPairExpected(int e, HashSet<int> visited)
    {
        for (var a = 0; a < _actual.Count; a++)
        {
            if (!_expected[e].Fits(_actual[a]) || !visited.Add(a))
            {
                continue;
            }

            var holder = Array.IndexOf(_partners, a);
            if (holder < 0 || TryPairExpected(holder, visited))
            {
                _partners[e] = a;
                return true;
            }
        }

        return false;
    }

    private bool TryPairActual(int a, HashSet<int> visited)
    {
        for (var e = 0; e < _expected.Count; e++)
        {
            if (!_expected[e].Fits(_actual[a]) || !visited.Add(e))
            {
                continue;
            }

            var partner = _partners[e];
            if (partner < 0 || _actual[partner].Amount == 0m || TryPairActual(partner, visited))
            {
                _partners[e] = a;
                return true;
            }
        }

        return false;
    }

    private void Report(string path, ScenarioComparison comparison)
    {
        var left = Enumerable.Range(0, _actual.Count).Where(a => _actual[a].Amount != 0m && !_partners.Contains(a)).ToList();
        for (var e = 0; e < _expected.Count; e++)
        {
            if (_partners[e] >= 0 || _expected[e].IsOptional)
            {
                continue;
            }

            if (left.Count == 0)
            {
                comparison.Fail(_expected[e].Path, $"a line {_expected[e]}", "missing");
                continue;
            }

            var nearest = left.MaxBy(a => _expected[e].Likeness(_actual[a]));
            left.Remove(nearest);
            _expected[e].Compare(_actual[nearest], comparison);
        }

        foreach (var surplus in left)
        {
            comparison.Fail(path, "no further line", Describe(_actual[surplus]));
        }
    }

    private static string Describe(InvoiceLine line) =>
        $"{JsonFields.WordFor(line.Type)} {line.Charge ?? line.Description} {line.From}/{line.To} {Rounding.Format(line.Amount, 2)}";
}
