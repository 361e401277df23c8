using System.Text.Json;
using Billing.Catalog;
using Billing.Invoicing;
using NodaTime;
using NodaTime.Text;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>An invoice that a file expects; what it does not write is not compared.</summary>
internal sealed class ExpectedInvoice
{
    private readonly List<Action<InvoiceDocument, ScenarioComparison>> _checks = [];
    private readonly string _path;

    private ExpectedInvoice(string path) => _path = path;

    public static ExpectedInvoice Read(JsonElement element, string path, DateTimeZone zone)
    {
        var fields = new JsonFields(element, path);
        var invoice = new ExpectedInvoice(path);
        invoice.AddDate(ExpectedMoment.Read(fields, "date", zone));
        invoice.AddDue(ExpectedMoment.Read(fields, "due", zone));
        invoice.AddText(fields.OptionalWord<InvoiceStatus>("status") is { } status ? JsonFields.WordFor(status) : null, "status", i => JsonFields.WordFor(i.Status));
        invoice.AddText(fields.OptionalText("number"), "number", i => i.Number);
        invoice.AddText(fields.OptionalText("currency"), "currency", i => i.Currency);
        invoice.AddNumber(fields, "subtotal", i => i.Subtotal);
        invoice.AddNumber(fields, "discount", i => i.Discount);
        invoice.AddNumber(fields, "tax", i => i.Tax);
        invoice.AddNumber(fields, "total", i => i.Total);
        invoice.AddNumber(fields, "creditApplied", i => i.CreditApplied);
        invoice.AddNumber(fields, "amountDue", i => i.AmountDue);
        if (fields.Has("lines"))
        {
            var lines = fields.RequiredItems("lines").Select(l => ExpectedLine.Read(l.Value, l.Path, zone)).ToList();
            invoice._checks.Add((document, comparison) => LineMatch.Compare(lines, document, $"{path}.lines", comparison));
        }

        fields.End();
        return invoice;
    }

    /// <summary>Compares lists of invoices, in order.</summary>
    public static void Compare(IReadOnlyList<ExpectedInvoice> expected, IReadOnlyList<InvoiceDocument> actual, string path, ScenarioComparison comparison)
    {
        if (expected.Count != actual.Count)
        {
            var found = actual.Count == 0 ? "none" : $"{actual.Count}: {string.Join(", ", actual.Select(d => Describe(d.Invoice)))}";
            comparison.Fail(path, $"{expected.Count} invoices", found);
        }

        foreach (var (invoice, document) in expected.Zip(actual))
        {
            foreach (var check in invoice._checks)
            {
                check(document, comparison);
            }
        }
    }

    private static string Describe(Invoice invoice) =>
        $"{LocalDatePattern.Iso.Format(invoice.Date)} {JsonFields.WordFor(invoice.Status)} {Rounding.Format(invoice.Total, 2)}";

    private void AddDate(ExpectedMoment? expected)
    {
        if (expected is not null)
        {
            _checks.Add((document, comparison) =>
            {
                if (document.Invoice.Date != expected.Date && !expected.IsOn(document.Invoice.DatedAt))
                {
                    comparison.Fail($"{_path}.date", expected.Text, expected.Show(document.Invoice.DatedAt));
                }
            });
        }
    }

    private void AddDue(ExpectedMoment? expected)
    {
        if (expected is not null)
        {
            _checks.Add((document, comparison) =>
            {
                var due = document.Invoice.DueDate;
                if (due is not { } date || (date != expected.Date && expected.Zone.AtStartOfDay(date).ToInstant() != expected.At))
                {
                    comparison.Fail($"{_path}.due", expected.Text, due is { } other ? LocalDatePattern.Iso.Format(other) : "nothing");
                }
            });
        }
    }

    private void AddText(string? expected, string key, Func<Invoice, string?> actual)
    {
        if (expected is not null)
        {
            _checks.Add((document, comparison) => comparison.Compare($"{_path}.{key}", expected, actual(document.Invoice)));
        }
    }

    private void AddNumber(JsonFields fields, string key, Func<Invoice, decimal> actual)
    {
        if (fields.OptionalNumber(key) is { } expected)
        {
            _checks.Add((document, comparison) => comparison.Compare($"{_path}.{key}", expected, actual(document.Invoice)));
        }
    }
}
