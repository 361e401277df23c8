using System.Text.Json;
using Billing.Catalog;
using Billing.Invoicing;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>A line that a file expects; what it does not write is not compared.</summary>
internal sealed class ExpectedLine
{
    private readonly List<(string Key, string Expected, Func<InvoiceLine, bool> Fits, Func<InvoiceLine, string> Show)> _parts = [];

    private ExpectedLine(string path) => Path = path;

    public string Path { get; }

    /// <summary>The type, when it is written.</summary>
    public InvoiceLineType? Type { get; private init; }

    /// <summary>Whether it is written with amount 0: then it may be missing.</summary>
    public bool IsOptional { get; private init; }

    public static ExpectedLine Read(JsonElement element, string path, DateTimeZone zone)
    {
        var fields = new JsonFields(element, path);
        var amount = fields.OptionalNumber("amount");
        var line = new ExpectedLine(path) { Type = fields.OptionalWord<InvoiceLineType>("type"), IsOptional = amount == 0m };
        if (line.Type is { } type)
        {
            line._parts.Add(("type", JsonFields.WordFor(type), l => IsOfType(l, type), l => JsonFields.WordFor(l.Type)));
        }

        line.AddText(fields, "charge", l => l.Charge);
        line.AddText(fields, "subscription", l => l.SubscriptionId);
        line.AddText(fields, "plan", l => l.Plan);
        line.AddText(fields, "description", l => l.Description);
        line.AddMoment(ExpectedMoment.Read(fields, "from", zone), "from", l => l.From);
        line.AddMoment(ExpectedMoment.Read(fields, "to", zone), "to", l => l.To);
        line.AddNumber(fields.OptionalNumber("quantity"), "quantity", l => l.Quantity);
        line.AddNumber(fields.OptionalNumber("tax"), "tax", l => l.Tax);
        line.AddNumber(amount, "amount", l => l.Amount);
        fields.End();
        return line;
    }

    // A negative charge is a one-time line to whoever adds it, and an adjustment on the invoice.
    private static bool IsOfType(InvoiceLine line, InvoiceLineType type) =>
        line.Type == type || (type == InvoiceLineType.OneTime && line is { Type: InvoiceLineType.Adjustment, SubscriptionId: null });

    public bool Fits(InvoiceLine line) => _parts.TrueForAll(p => p.Fits(line));

    /// <summary>How many of its parts fit: the nearest line is shown when none fits wholly.</summary>
    public int Likeness(InvoiceLine line) => _parts.Count(p => p.Fits(line));

    /// <summary>Tells what differs.</summary>
    public void Compare(InvoiceLine line, ScenarioComparison comparison)
    {
        foreach (var part in _parts.Where(p => !p.Fits(line)))
        {
            comparison.Fail($"{Path}.{part.Key}", part.Expected, part.Show(line));
        }
    }

    public override string ToString() => string.Join(' ', _parts.Select(p => p.Expected));

    private void AddText(JsonFields fields, string key, Func<InvoiceLine, string?> actual)
    {
        if (fields.OptionalText(key) is { } expected)
        {
            _parts.Add((key, $"'{expected}'", l => actual(l) == expected, l => actual(l) is { } text ? $"'{text}'" : "nothing"));
        }
    }

    private void AddMoment(ExpectedMoment? expected, string key, Func<InvoiceLine, Instant?> actual)
    {
        if (expected is not null)
        {
            _parts.Add((key, expected.Text, l => expected.IsAt(actual(l)), l => expected.Show(actual(l))));
        }
    }

    private void AddNumber(decimal? expected, string key, Func<InvoiceLine, decimal> actual)
    {
        if (expected is { } number)
        {
            _parts.Add((key, Rounding.Format(number, 0), l => actual(l) == number, l => Rounding.Format(actual(l), 0)));
        }
    }
}
