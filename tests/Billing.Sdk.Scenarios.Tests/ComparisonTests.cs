using System.Text.Json;
using Billing.Invoicing;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Lifecycle;
using NodaTime;
using static Billing.Scenarios.Documents;

namespace Billing.Scenarios;

public class ComparisonTests
{
    private static readonly InvoiceDocument _invoice = Invoice(
        Line(InvoiceLineType.Recurring, "base", 20m, Day(2024, 1, 15), Day(2024, 2, 15)) with { Tax = 2m },
        Line(InvoiceLineType.Usage, "calls", 5m, Day(2023, 12, 15), Day(2024, 1, 15)),
        Line(InvoiceLineType.Usage, "texts", 0m));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "total": "27.00" }""")]
    [InlineData("""{ "total": 27, "subtotal": "25.0", "tax": "2", "discount": "0", "status": "open", "currency": "USD", "amountDue": "27", "creditApplied": "0" }""")]
    [InlineData("""{ "date": "2024-01-15", "due": "2024-02-14" }""")]
    [InlineData("""{ "date": "2024-01-15T00:00:00Z" }""")]
    [InlineData("""{ "lines": [ { "charge": "calls" }, { "charge": "base", "type": "recurring", "from": "2024-01-15", "to": "2024-02-15", "quantity": "1", "amount": "20", "tax": "2", "plan": "pro", "subscription": "s1", "description": "base" } ] }""")]
    [InlineData("""{ "lines": [ {}, { "amount": "20.00" }, { "type": "usage", "amount": "0.00" } ] }""")]
    [InlineData("""{ "lines": [ { "amount": "0", "charge": "not there" }, { "type": "usage" }, { "type": "recurring" } ] }""")]
    public void What_is_written_is_compared_and_nothing_else(string expected) => Assert.Empty(Compare(expected, _invoice));

    [Theory]
    [InlineData("""{ "total": "27.01" }""", "FAIL f.json#c: e.total: expected 27.01, was 27")]
    [InlineData("""{ "status": "paid" }""", "FAIL f.json#c: e.status: expected 'paid', was 'open'")]
    [InlineData("""{ "number": "INV-1" }""", "FAIL f.json#c: e.number: expected 'INV-1', was nothing")]
    [InlineData("""{ "date": "2024-01-16" }""", "FAIL f.json#c: e.date: expected 2024-01-16, was 2024-01-15")]
    [InlineData("""{ "date": "2024-01-15T08:00:00" }""", "FAIL f.json#c: e.date: expected 2024-01-15T08:00:00, was 2024-01-15")]
    [InlineData("""{ "due": "2024-02-15" }""", "FAIL f.json#c: e.due: expected 2024-02-15, was 2024-02-14")]
    [InlineData("""{ "lines": [ { "charge": "base", "amount": "19.99" }, { "charge": "calls" } ] }""", "FAIL f.json#c: e.lines[0].amount: expected 19.99, was 20")]
    [InlineData("""{ "lines": [ { "charge": "base", "to": "2024-02-14" }, { "charge": "calls" } ] }""", "FAIL f.json#c: e.lines[0].to: expected 2024-02-14, was 2024-02-15")]
    [InlineData("""{ "lines": [ { "charge": "base" } ] }""", "FAIL f.json#c: e.lines: expected no further line, was usage calls 2023-12-15T00:00:00Z/2024-01-15T00:00:00Z 5.00")]
    [InlineData("""{ "lines": [ { "charge": "base" }, { "charge": "calls" }, { "type": "fee", "amount": "3" } ] }""", "FAIL f.json#c: e.lines[2]: expected a line fee 3, was missing")]
    public void A_difference_is_told_with_file_case_path_and_both_values(string expected, string line) =>
        Assert.Equal(line, Assert.Single(Compare(expected, _invoice)));

    [Fact]
    public void Lines_are_paired_so_that_all_find_a_partner()
    {
        var invoice = Invoice(Line(InvoiceLineType.Usage, "a", 1m), Line(InvoiceLineType.Usage, "a", 2m), Line(InvoiceLineType.Usage, "b", 1m));

        Assert.Empty(Compare("""{ "lines": [ { "type": "usage" }, { "charge": "a" }, { "charge": "a", "amount": "1" } ] }""", invoice));
        Assert.Empty(Compare("""{ "lines": [ { "amount": "1" }, { "amount": "1" }, { "amount": "2" } ] }""", invoice));
        Assert.NotEmpty(Compare("""{ "lines": [ { "charge": "b" }, { "charge": "b" }, { "charge": "a" } ] }""", invoice));
    }

    [Fact]
    public void A_line_that_is_not_zero_is_paired_before_one_that_is()
    {
        var invoice = Invoice(Line(InvoiceLineType.Usage, "a", 0m), Line(InvoiceLineType.Usage, "a", 2m));

        Assert.Empty(Compare("""{ "lines": [ { "charge": "a" } ] }""", invoice));
    }

    [Fact]
    public void Discounts_that_are_kept_on_lines_match_expected_discount_lines()
    {
        var coupon = new Guid(9, 9, 9, new byte[8]);
        var invoice = Invoice(
            Line(InvoiceLineType.Recurring, "a", 10m) with { Discount = 1m, Discounts = [new LineDiscount(coupon, "ten", 1m)] },
            Line(InvoiceLineType.Recurring, "b", 20m) with { Discount = 2m, Discounts = [new LineDiscount(coupon, "ten", 2m)] });

        Assert.Empty(Compare("""{ "discount": "3", "lines": [ { "charge": "a" }, { "charge": "b" }, { "type": "discount", "amount": "-3.00" } ] }""", invoice));
        Assert.Empty(Compare("""{ "lines": [ { "charge": "a" }, { "charge": "b" } ] }""", invoice));
        Assert.NotEmpty(Compare("""{ "lines": [ { "charge": "a" }, { "charge": "b" }, { "type": "discount", "amount": "-2.00" } ] }""", invoice));
    }

    [Fact]
    public void A_list_must_match_in_length()
    {
        var comparison = new ScenarioComparison("f.json", "c");
        ExpectedInvoice.Compare([], [_invoice], "e", comparison);

        Assert.Equal("FAIL f.json#c: e: expected 0 invoices, was 1: 2024-01-15 open 27.00", Assert.Single(comparison.Failures).ToString());
    }

    [Fact]
    public void A_date_is_the_day_in_the_zone_of_the_tenant()
    {
        var berlin = DateTimeZoneProviders.Tzdb["Europe/Berlin"];
        var line = Line(InvoiceLineType.Recurring, "base", 20m, Instant.FromUtc(2024, 1, 14, 23, 0), Instant.FromUtc(2024, 2, 14, 23, 0));
        var comparison = new ScenarioComparison("f.json", "c");
        var expected = ExpectedInvoice.Read(Parse("""{ "lines": [ { "from": "2024-01-15", "to": "2024-02-15T00:00:00" } ] }"""), "e", berlin);
        ExpectedInvoice.Compare([expected], [Invoice(line)], "e", comparison);

        Assert.Empty(comparison.Failures);
    }

    private static List<string> Compare(string expected, InvoiceDocument document)
    {
        var comparison = new ScenarioComparison("f.json", "c");
        ExpectedInvoice.Compare([ExpectedInvoice.Read(Parse(expected), "e", DateTimeZone.Utc)], [document], "e", comparison);
        return [.. comparison.Failures.Select(f => f.ToString())];
    }

    private static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
