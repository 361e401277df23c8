using Billing.Invoicing;
using NodaTime;

namespace Billing.Scenarios;

/// <summary>Makes invoices by hand, for comparisons and invariants.</summary>
internal static class Documents
{
    private static int _ids;

    public static Instant Day(int year, int month, int day) => Instant.FromUtc(year, month, day, 0, 0);

    public static InvoiceDocument Invoice(params InvoiceLine[] lines)
    {
        var id = NewId();
        var total = lines.Sum(l => l.Amount - l.Discount + l.Tax);
        var invoice = new Invoice
        {
            Tenant = Billing.Testing.Scenarios.ScenarioHost.Tenant,
            Id = id,
            PayerId = "acme",
            Ordinal = 1,
            LegalEntity = "default",
            Series = "INV",
            Currency = "USD",
            Status = InvoiceStatus.Open,
            DatedAt = Day(2024, 1, 15),
            Date = new LocalDate(2024, 1, 15),
            DueDate = new LocalDate(2024, 2, 14),
            Subtotal = lines.Sum(l => l.Amount),
            Discount = lines.Sum(l => l.Discount),
            Tax = lines.Sum(l => l.Tax),
            Total = total,
            Version = 1,
            CreatedAt = Day(2024, 1, 15),
            Actor = "test",
        };
        return new InvoiceDocument(invoice, [.. lines.Select((l, i) => l with { InvoiceId = id, Position = i + 1 })]);
    }

    public static InvoiceLine Line(InvoiceLineType type, string? charge, decimal amount, Instant? from = null, Instant? to = null) => new()
    {
        Tenant = Billing.Testing.Scenarios.ScenarioHost.Tenant,
        Id = NewId(),
        PayerId = "acme",
        InvoiceId = Guid.Empty,
        Position = 1,
        Key = $"s1/{charge}/{from}/{NewId()}",
        Revision = 1,
        Type = type,
        CustomerId = "acme",
        SubscriptionId = "s1",
        Plan = "pro",
        Charge = charge,
        Description = charge ?? "",
        From = from,
        To = to,
        Quantity = 1m,
        Amount = amount,
        ExactAmount = amount,
        RecordedAt = Day(2024, 1, 15),
    };

    private static Guid NewId() => new(Interlocked.Increment(ref _ids), 0, 0, new byte[8]);
}
