using Billing.Subscriptions;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>Makes the lines of one billing of one payer, with keys, revisions and rounding. Not thread-safe.</summary>
internal sealed class LineFactory
{
    private readonly TenantId _tenant;
    private readonly string _payerId;
    private readonly TenantSettings _settings;
    private readonly Func<Guid> _newId;
    private readonly Instant _now;
    private readonly IReadOnlyList<InvoiceLine> _booked;
    private Dictionary<string, int>? _revisions;

    public LineFactory(TenantId tenant, string payerId, Currency currency, TenantSettings settings, IReadOnlyList<InvoiceLine> booked, Func<Guid> newId, Instant now)
    {
        _tenant = tenant;
        _payerId = payerId;
        Currency = currency;
        _settings = settings;
        _newId = newId;
        _now = now;
        _booked = booked;
    }

    public Currency Currency { get; }

    /// <summary>Lines of amount 0 are kept where invoices without an amount are issued: they say that the time was billed.</summary>
    public bool KeepsZeroLines => _settings.ZeroInvoices == ZeroInvoices.Issue;

    public decimal Round(decimal amount) => Rounding.Round(amount, Currency.MinorUnit, _settings.RoundingMode);

    /// <summary>The amount in the unit in which owed and booked are compared.</summary>
    public decimal RoundOrExact(decimal amount) => _settings.RoundingUnit == RoundingUnit.Line ? Round(amount) : amount;

    public decimal RoundOrExact(Fraction amount) => RoundOrExact(amount.Value);

    public InvoiceLine Charge(OwedStretch stretch, string key, Instant from, Instant to, decimal layerFrom, decimal layerTo, decimal quantity, decimal amount) =>
        New(key, stretch.Type, stretch.Timeline.Subscription.CustomerId, stretch.Charge.Name ?? stretch.Charge.Code, amount) with
        {
            SubscriptionId = stretch.SubscriptionId,
            Plan = stretch.Plan,
            Charge = stretch.Charge.Code,
            From = from,
            To = to,
            FromDate = stretch.DateOf(from),
            ToDate = stretch.DateOf(to),
            Zone = stretch.Zone.Id,
            PeriodFrom = stretch.Period.From,
            PeriodTo = stretch.Period.To,
            Quantity = quantity,
            PriceKey = stretch.PriceKey,
            LayerFrom = layerFrom,
            LayerTo = layerTo,
            TaxCode = stretch.Charge.TaxCode,
        };

    public InvoiceLine Usage(OwedStretch stretch, string key, Instant from, Instant to, decimal quantity, decimal amount, InvoiceLine? reverses) =>
        Charge(stretch, key, from, to, stretch.LayerFrom, stretch.LayerTo, quantity, amount) with { ReversesLineId = reverses?.Id };

    /// <summary>Gives time of a line back; never more than what is left of it.</summary>
    public InvoiceLine? Credit(InvoiceLine line, Instant from, Instant to, Rect rect, decimal amount, IEnumerable<InvoiceLine> earlierCredits)
    {
        var earlier = earlierCredits.ToList();
        var limit = -LeftOf(line, earlier);
        var own = Math.Max(amount, limit);
        if (own >= 0m)
        {
            return null;
        }

        return TakingBack(line, own) with
        {
            Type = InvoiceLineType.Credit,
            From = from,
            To = to,
            FromDate = DateIn(line, from),
            ToDate = to == line.To ? line.ToDate : DateIn(line, to),
            Quantity = rect.LayerFrom < 0m ? rect.LayerTo : rect.LayerTo - rect.LayerFrom,
            LayerFrom = rect.LayerFrom,
            LayerTo = rect.LayerTo,
        };
    }

    /// <summary>Changes what a usage line billed that is not owed at its price any more.</summary>
    public InvoiceLine Correction(InvoiceLine line, decimal amount, decimal quantity) => TakingBack(line, amount) with { Quantity = quantity };

    /// <summary>What is missing to a commitment (negative: what was made up too much).</summary>
    public InvoiceLine Minimum(CommitmentStretch commitment, decimal amount)
    {
        var subscription = commitment.Timeline.Subscription;
        var key = $"{subscription.Id}//m/{OwedParts.KeyOf(commitment.Period.From)}";
        return New(key, InvoiceLineType.Minimum, subscription.CustomerId, "Minimum commitment", amount) with
        {
            SubscriptionId = subscription.Id,
            Plan = commitment.Plan,
            From = commitment.From,
            To = commitment.To,
            FromDate = commitment.From.InZone(commitment.Zone).Date,
            ToDate = commitment.To.InZone(commitment.Zone).Date,
            Zone = commitment.Zone.Id,
            PeriodFrom = commitment.Period.From,
            PeriodTo = commitment.Period.To,
        };
    }

    /// <summary>The line of an item that waited for an invoice.</summary>
    public InvoiceLine Item(PendingItem item, LocalDate date) =>
        New($"item/{item.Id:N}", item.Type, item.CustomerId, item.Description, item.Amount) with
        {
            Charge = item.Charge,
            FromDate = date,
            TaxCode = item.TaxCode,
        };

    /// <summary>The key under which a composer's line is booked.</summary>
    public string ComposedKey(string composer, ComposedLine line) => $"{_payerId}/{composer}/{line.Key}";

    /// <summary>The difference between what a composer says is owed and what is booked.</summary>
    public InvoiceLine? Composed(string composer, ComposedLine line, decimal booked, LocalDate date)
    {
        var difference = Round(line.Amount) - booked;
        var type = difference < 0m ? InvoiceLineType.Adjustment : InvoiceLineType.OneTime;
        return difference == 0m
            ? null
            : New(ComposedKey(composer, line), type, line.CustomerId ?? _payerId, line.Description, difference) with
            {
                Charge = line.Charge,
                FromDate = date,
                TaxCode = line.TaxCode,
            };
    }

    /// <summary>What can still be given back of a line: nothing of a void one, and not what credit notes and earlier credits took.</summary>
    public static decimal LeftOf(InvoiceLine line, IReadOnlyList<InvoiceLine> credits)
    {
        if (line.Voided)
        {
            return 0m;
        }

        var left = line.ExactAmount + credits.Sum(c => c.ExactAmount);
        var gross = line.Amount - line.Discount + line.Tax - line.InclusiveTax;
        if (line.CreditedAmount > 0m && gross > 0m)
        {
            left = Math.Min(left, line.Amount * (gross - line.CreditedAmount) / gross + credits.Sum(c => c.ExactAmount));
        }

        return Math.Max(0m, left);
    }

    private InvoiceLine New(string key, InvoiceLineType type, string customerId, string description, decimal amount) => new()
    {
        Tenant = _tenant,
        Id = _newId(),
        PayerId = _payerId,
        InvoiceId = Guid.Empty,
        Position = 0,
        Key = key,
        Revision = NextRevision(key),
        Type = type,
        CustomerId = customerId,
        Description = description,
        Quantity = 1m,
        Amount = Round(amount),
        ExactAmount = amount,
        RecordedAt = _now,
    };

    /// <summary>A line about the same as another, which it takes back in part: its discount and tax are still to come.</summary>
    private InvoiceLine TakingBack(InvoiceLine line, decimal amount) => line with
    {
        Id = _newId(),
        InvoiceId = Guid.Empty,
        Position = 0,
        Revision = NextRevision(line.Key),
        Amount = Round(amount),
        ExactAmount = amount,
        Discount = 0m,
        Discounts = [],
        Tax = 0m,
        InclusiveTax = 0m,
        Taxes = [],
        ReversesLineId = line.Id,
        CreditedAmount = 0m,
        Voided = false,
        RecordedAt = _now,
    };

    private static LocalDate DateIn(InvoiceLine line, Instant at) =>
        at == line.From ? line.FromDate!.Value : at.InZone(DateTimeZoneProviders.Tzdb[line.Zone!]).Date;

    private int NextRevision(string key)
    {
        // Most moments bill few lines or none, so the past is gone through only when the first one is made.
        _revisions ??= LastRevisions();
        return _revisions[key] = _revisions.GetValueOrDefault(key) + 1;
    }

    private Dictionary<string, int> LastRevisions()
    {
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var line in _booked)
        {
            last[line.Key] = Math.Max(line.Revision, last.GetValueOrDefault(line.Key));
        }

        return last;
    }
}
