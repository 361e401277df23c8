using Billing.Catalog;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Tasks;
using Billing.Tax;
using NodaTime;

namespace Billing.Processing;

/// <summary>Makes documents of lines: composers, discounts, tax, totals; credit notes first, then the invoice. Works in the payer's work, writes nothing.</summary>
internal sealed class InvoiceIssue(PageStages stages, PayerWork work)
{
    private TenantSettings Settings => work.Context.Settings;

    /// <summary>Issues what a moment bills.</summary>
    /// <returns>Ids of the invoices made.</returns>
    public async Task<IReadOnlyList<Guid>> IssueAsync(
        IReadOnlyList<InvoiceLine> lines,
        Instant moment,
        bool isRenewal,
        Func<InvoiceLine, Instant, int?> periodsSince)
    {
        var rest = await IssueCreditNotesAsync(lines, periodsSince).ConfigureAwait(false);
        var items = Items(rest.Count > 0, moment);
        if (rest.Count == 0 && items.Count == 0)
        {
            return [];
        }

        if (Settings.CombineInvoices && items.Count == 0)
        {
            return await IssueInvoiceAsync(rest, [], moment, isRenewal, periodsSince).ConfigureAwait(false) is { } one ? [one] : [];
        }

        var issued = new List<Guid>();
        foreach (var group in Groups(rest, items))
        {
            if (await IssueInvoiceAsync(group.Lines, group.Items, moment, isRenewal, periodsSince).ConfigureAwait(false) is { } id)
            {
                issued.Add(id);
            }
        }

        return issued;
    }

    /// <summary>Fills a draft anew, and finalises it when its grace is over.</summary>
    public async Task RefillAsync(Invoice draft, IReadOnlyList<InvoiceLine> lines, Func<InvoiceLine, Instant, int?> periodsSince, bool finalize)
    {
        var items = work.All<PendingItem>().Where(i => i.InvoiceId == draft.Id).ToList();
        var rest = finalize ? await IssueCreditNotesAsync(lines, periodsSince).ConfigureAwait(false) : lines;
        var composed = await ComposeAsync(rest, items, draft.Id, draft.DatedAt, periodsSince).ConfigureAwait(false);
        if (composed.Lines.Count == 0 && Settings.ZeroInvoices == ZeroInvoices.Skip)
        {
            work.Remove(draft);
            if (work.Payer.LastInvoiceOrdinal == draft.Ordinal)
            {
                work.Put(work.Payer with { LastInvoiceOrdinal = draft.Ordinal - 1 });
            }

            return;
        }

        var refilled = work.Put(WithTotals(draft, composed.Lines));
        Put(composed.Lines, draft.Id);
        if (finalize)
        {
            Keep(composed.Redemptions);
            Finalization.Finalize(work, refilled, await PatternAsync(refilled).ConfigureAwait(false));
        }
    }

    /// <summary>Unused time goes on credit notes where the tenant says so: one for each document that it was billed on.</summary>
    private async Task<IReadOnlyList<InvoiceLine>> IssueCreditNotesAsync(IReadOnlyList<InvoiceLine> lines, Func<InvoiceLine, Instant, int?> periodsSince)
    {
        if (Settings.UnusedTimeCredit != UnusedTimeCredit.CreditNote)
        {
            return lines;
        }

        var documentOf = work.Lines.ToDictionary(l => l.Id, l => l.InvoiceId);
        foreach (var group in lines.Where(l => l.Type == InvoiceLineType.Credit).GroupBy(l => documentOf[l.ReversesLineId!.Value]).ToList())
        {
            var id = work.NewId();
            var discounted = Discounts(periodsSince).Apply(RoundOnInvoice([.. group]), [], _ => throw new InvalidOperationException("No coupons on credit notes."), id).Lines;
            var taxed = await TaxAsync(discounted, work.Now).ConfigureAwait(false);
            Put(taxed, id);
            CreditNotes.IssueForLines(work, id, work.Find<Invoice>(group.Key) is null ? null : group.Key, [.. work.LinesOf(id)]);
        }

        return [.. lines.Where(l => l.Type != InvoiceLineType.Credit)];
    }

    private List<PendingItem> Items(bool hasLines, Instant moment)
    {
        if (work.All<PendingItem>().Count == 0)
        {
            return [];
        }

        var waiting = work.All<PendingItem>().Where(i => i.InvoiceId is null && i.RecordedAt <= moment).ToList();

        // A fee's own invoice is not the next invoice that a charge waits for.
        return hasLines || waiting.Exists(i => i.InvoiceNow && i.Type != InvoiceLineType.Fee) ? waiting : [.. waiting.Where(i => i.InvoiceNow)];
    }

    private List<(IReadOnlyList<InvoiceLine> Lines, IReadOnlyList<PendingItem> Items)> Groups(IReadOnlyList<InvoiceLine> lines, List<PendingItem> items)
    {
        var fees = items.Where(i => i.Type == InvoiceLineType.Fee).ToList();
        var groups = new List<(IReadOnlyList<InvoiceLine>, IReadOnlyList<PendingItem>)>();
        if (Settings.CombineInvoices)
        {
            groups.Add((lines, [.. items.Except(fees)]));
        }
        else
        {
            var others = items.Except(fees).ToList();
            groups.AddRange(lines.GroupBy(l => l.SubscriptionId).Select(g => ((IReadOnlyList<InvoiceLine>)[.. g], (IReadOnlyList<PendingItem>)[])));
            if (others.Count > 0)
            {
                groups.Add(([], others));
            }
        }

        // A fee of dunning stands on an invoice of its own.
        groups.AddRange(fees.Select(f => ((IReadOnlyList<InvoiceLine>)[], (IReadOnlyList<PendingItem>)[f])));
        return [.. groups.Where(g => g.Item1.Count > 0 || g.Item2.Count > 0)];
    }

    private async Task<Guid?> IssueInvoiceAsync(
        IReadOnlyList<InvoiceLine> lines,
        IReadOnlyList<PendingItem> items,
        Instant moment,
        bool isRenewal,
        Func<InvoiceLine, Instant, int?> periodsSince)
    {
        var id = work.NewId();
        var composed = await ComposeAsync(lines, items, id, moment, periodsSince).ConfigureAwait(false);
        if (composed.Lines.Count == 0)
        {
            return null;
        }

        var series = await SeriesAsync(moment).ConfigureAwait(false);
        var invoice = WithTotals(NewInvoice(id, series.Series, moment), composed.Lines);
        var isDraft = isRenewal && Settings.GracePeriodDays > 0 && !items.Any(i => i.InvoiceNow);
        if (invoice.Total == 0m && Settings.ZeroInvoices == ZeroInvoices.Skip)
        {
            // Booked without a document: the time is billed, there is nothing to ask for.
            Put(composed.Lines, id);
            Keep(composed.Redemptions);
            Mark(items, Guid.Empty);
            return null;
        }

        work.Put(invoice);
        work.Put(work.Payer with { LastInvoiceOrdinal = invoice.Ordinal });
        Put(composed.Lines, id);
        Mark(items, id);
        if (isDraft)
        {
            work.Put(invoice with { FinalizeAt = work.StartOf(invoice.Date.PlusDays(Settings.GracePeriodDays)) });
            return id;
        }

        Keep(composed.Redemptions);
        Finalization.Finalize(work, invoice, series.Pattern);
        return id;
    }

    private void Mark(IReadOnlyList<PendingItem> items, Guid invoiceId)
    {
        foreach (var item in items)
        {
            work.Put(item with { InvoiceId = invoiceId });
        }
    }

    private void Keep(IReadOnlyList<CouponRedemption> redemptions)
    {
        foreach (var redemption in redemptions)
        {
            work.Put(redemption);
        }
    }

    private async Task<(IReadOnlyList<InvoiceLine> Lines, IReadOnlyList<CouponRedemption> Redemptions)> ComposeAsync(
        IReadOnlyList<InvoiceLine> lines,
        IReadOnlyList<PendingItem> items,
        Guid invoiceId,
        Instant moment,
        Func<InvoiceLine, Instant, int?> periodsSince)
    {
        LineFactory NewFactory() => new(work.Context.Id, work.PayerId, work.Currency, Settings, work.Lines, work.NewId, moment);

        var date = work.LocalDateOf(moment);
        var all = lines;
        if (items.Count > 0)
        {
            var factory = NewFactory();
            all = [.. lines, .. items.Select(i => factory.Item(i, date))];
        }

        all = RoundOnInvoice(all);
        var added = await AddedAsync(all, date, NewFactory).ConfigureAwait(false);
        all = added.Count == 0 ? all : [.. all, .. added];
        var redemptions = work.All<CouponRedemption>();
        IReadOnlyList<CouponRedemption> used = [];
        if (redemptions.Count > 0 || all.Any(l => l.ReversesLineId is not null))
        {
            (all, used) = Discounts(periodsSince).Apply(all, [.. redemptions.OrderBy(r => r.RedeemedAt).ThenBy(r => r.Id)], CouponOf, invoiceId);
        }

        return (await TaxAsync(all, moment).ConfigureAwait(false), used);
    }

    private Coupon CouponOf(CouponRedemption redemption) =>
        work.Context.CatalogAt(redemption.RedeemedAt)?.Definition.Coupons.FirstOrDefault(c => c.Code == redemption.Coupon)
        ?? work.Context.Catalogs.SelectMany(c => c.Definition.Coupons).Last(c => c.Code == redemption.Coupon);

    private CouponDiscounts Discounts(Func<InvoiceLine, Instant, int?> periodsSince) => new(work.Currency, Settings, work.Lines, periodsSince);

    private async Task<IReadOnlyList<InvoiceLine>> AddedAsync(IReadOnlyList<InvoiceLine> lines, LocalDate date, Func<LineFactory> factory)
    {
        if (work.Context.Tasks.Chain<IInvoiceComposer>().Count == 0)
        {
            return [];
        }

        var request = new CompositionRequest { PayerId = work.PayerId, Currency = work.Payer.Currency, Date = date, Lines = lines };
        return await stages.Composition.AskAsync(new InvoiceComposition(request, work.Lines, factory)).ConfigureAwait(false);
    }

    /// <summary>Tax rules see new supply; a line that takes another back carries that one's rates.</summary>
    private async Task<IReadOnlyList<InvoiceLine>> TaxAsync(IReadOnlyList<InvoiceLine> lines, Instant moment)
    {
        var rates = new IReadOnlyList<TaxRate>[lines.Count];
        var supply = new List<int>(lines.Count);
        for (var i = 0; i < lines.Count; i++)
        {
            rates[i] = [];
            if (lines[i].ReversesLineId is { } id && work.Find<InvoiceLine>(id) is { } original)
            {
                rates[i] = [.. original.Taxes.Select(t => new TaxRate { Code = t.Code, Percent = t.Percent, Inclusive = t.Inclusive })];
            }
            else
            {
                supply.Add(i);
            }
        }

        if (supply.Count > 0 && work.Context.Tasks.Chain<ITaxCalculator>().Count > 0)
        {
            // Nearly always all lines are one customer's.
            var customer = lines[supply[0]].CustomerId;
            var groups = supply.TrueForAll(i => lines[i].CustomerId == customer) ? [supply] : supply.GroupBy(i => lines[i].CustomerId).Select(g => g.ToList());
            foreach (var group in groups)
            {
                await AskAsync(work.Find<Customer>(lines[group[0]].CustomerId)!, group, lines, rates, moment).ConfigureAwait(false);
            }
        }

        return TaxAmounts.Apply(lines, rates, work.Currency, Settings);
    }

    private async Task AskAsync(Customer customer, List<int> indexes, IReadOnlyList<InvoiceLine> lines, IReadOnlyList<TaxRate>[] rates, Instant moment)
    {
        if (customer.TaxExempt)
        {
            return;
        }

        var request = new TaxRequest
        {
            Tenant = work.Context.Id,
            CustomerId = customer.Id,
            Country = customer.Country,
            Region = customer.Region,
            TaxId = customer.TaxId,
            Currency = work.Payer.Currency,
            Date = work.LocalDateOf(moment),
            Lines = indexes.ConvertAll(i => new TaxableLine
            {
                Type = lines[i].Type,
                Charge = lines[i].Charge,
                TaxCode = lines[i].TaxCode,
                Amount = lines[i].Amount - lines[i].Discount,
            }),
        };
        foreach (var result in await stages.Tax.AskAsync(request).ConfigureAwait(false))
        {
            for (var n = 0; n < indexes.Count; n++)
            {
                var i = indexes[n];
                var more = result.Lines[n];
                rates[i] = more.Count == 0 ? rates[i] : rates[i].Count == 0 ? more : [.. rates[i], .. more];
            }
        }
    }

    /// <summary>Where amounts are rounded on the invoice, its lines share the rounded sum by largest remainder.</summary>
    private IReadOnlyList<InvoiceLine> RoundOnInvoice(IReadOnlyList<InvoiceLine> lines)
    {
        if (Settings.RoundingUnit != RoundingUnit.Invoice || lines.Count == 0)
        {
            return lines;
        }

        var smallest = work.Currency.SmallestAmount;
        var total = Rounding.Round(lines.Sum(l => l.ExactAmount), work.Currency.MinorUnit, Settings.RoundingMode);
        var floors = lines.Select(l => decimal.Floor(l.ExactAmount / smallest) * smallest).ToArray();
        var left = (int)((total - floors.Sum()) / smallest);
        foreach (var i in Enumerable.Range(0, lines.Count).OrderByDescending(i => lines[i].ExactAmount - floors[i]).ThenBy(i => lines[i].Key, StringComparer.Ordinal).Take(left))
        {
            floors[i] += smallest;
        }

        return [.. lines.Select((l, i) => l with { Amount = floors[i] })];
    }

    private void Put(IReadOnlyList<InvoiceLine> lines, Guid invoiceId)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            work.Put(lines[i] with { InvoiceId = invoiceId, Position = i + 1 });
        }
    }

    private static Invoice WithTotals(Invoice invoice, IReadOnlyList<InvoiceLine> lines)
    {
        var (subtotal, discount, tax, inclusive) = (0m, 0m, 0m, 0m);
        foreach (var line in lines)
        {
            subtotal += line.Amount;
            discount += line.Discount;
            tax += line.Tax;
            inclusive += line.InclusiveTax;
        }

        return invoice with { Subtotal = subtotal, Discount = discount, Tax = tax, Total = subtotal - discount + (tax - inclusive) };
    }

    private Invoice NewInvoice(Guid id, string series, Instant moment) => new()
    {
        Tenant = work.Context.Id,
        Id = id,
        PayerId = work.PayerId,
        Ordinal = work.Payer.LastInvoiceOrdinal + 1,
        LegalEntity = Settings.LegalEntity,
        Series = series,
        Currency = work.Payer.Currency,
        Status = InvoiceStatus.Draft,
        DatedAt = moment,
        Date = work.LocalDateOf(moment),
        Subtotal = 0m,
        Discount = 0m,
        Tax = 0m,
        Total = 0m,
        Version = 1,
        CreatedAt = moment,
        Actor = work.Actor.Actor,
    };

    private async Task<string> PatternAsync(Invoice invoice) =>
        (await SeriesAsync(invoice.DatedAt).ConfigureAwait(false)) is var series && series.Series == invoice.Series
            ? series.Pattern
            : $"{invoice.Series}-{{n:6}}";

    private async Task<InvoiceSeries> SeriesAsync(Instant moment) =>
        work.Context.Tasks.Chain<IInvoiceNumberFormat>().Count == 0
            ? InvoiceSeries.Default
            : await stages.Numbering.AskAsync(new InvoiceSeriesRequest(Settings.LegalEntity, work.PayerId, work.Payer.Currency, work.LocalDateOf(moment))).ConfigureAwait(false);
}
