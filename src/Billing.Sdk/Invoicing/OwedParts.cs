using Billing.Catalog;
using Billing.Rating;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>
/// Finds what a subscription owes as of a moment: cuts its timeline into parts of billing periods, keeps those that are due, and joins them to stretches.
/// Pure; amounts come later, with rating.
/// </summary>
internal sealed class OwedParts
{
    private readonly SubscriptionTimeline _timeline;
    private readonly TenantSettings _settings;
    private readonly CatalogDefinition _meters;
    private readonly Instant _asOf;
    private readonly Instant _settled;
    private readonly List<OwedStretch> _stretches = [];
    private readonly List<CommitmentStretch> _commitments = [];
    private readonly IReadOnlyList<(Instant From, Instant To, int Segment)> _billing;
    private Instant _nextDue = Instant.MaxValue;

    private OwedParts(SubscriptionTimeline timeline, TenantSettings settings, CatalogDefinition meters, Instant asOf, Instant? settled)
    {
        _settled = settled ?? Instant.MinValue;
        _timeline = timeline;
        _settings = settings;
        _meters = meters;
        _asOf = asOf;
        _billing = BillingTimes();
    }

    /// <summary>What is owed as of a moment, and when more will be.</summary>
    /// <param name="timeline">The subscription's life.</param>
    /// <param name="settings">The tenant's settings.</param>
    /// <param name="meters">Where meters are found.</param>
    /// <param name="asOf">The moment.</param>
    /// <param name="settled">Periods that end by then are left out: what they owe is booked. <see langword="null"/>: none is.</param>
    public static OwedResult Find(SubscriptionTimeline timeline, TenantSettings settings, CatalogDefinition meters, Instant asOf, Instant? settled = null)
    {
        var parts = new OwedParts(timeline, settings, meters, asOf, settled);
        parts.Recurring();
        parts.Usage();
        parts.OneTime();
        parts.Installments();
        parts.Commitments();
        foreach (var segment in timeline.Segments)
        {
            parts.Expect(segment.From);
            parts.Expect(segment.To);
        }

        parts.Expect(timeline.StopsAt ?? Instant.MaxValue);

        return new OwedResult(timeline, parts._stretches, parts._commitments, parts.Ends(), parts._nextDue == Instant.MaxValue ? null : parts._nextDue);
    }

    /// <summary>
    /// The times of segments as recurring charges see them: cut at local midnight unless seconds count, and from the next period on where a change says
    /// that parts are neither charged nor credited.
    /// </summary>
    private List<(Instant From, Instant To, int Segment)> BillingTimes()
    {
        var segments = _timeline.Segments;
        var starts = new Instant[segments.Count];
        for (var i = 0; i < segments.Count; i++)
        {
            var segment = segments[i];
            // Where another zone takes over the moment is chosen so that its date is whole.
            var rezoned = segment.Start == BoundaryKind.BillingDay && i > 0 && !segment.Grid.Zone.Equals(segments[i - 1].Grid.Zone);
            starts[i] = rezoned ? segment.From : Floor(segment.Grid.Zone, segment.From);
            if (!segment.Prorate && i > 0 && segment.Start is BoundaryKind.PlanChange or BoundaryKind.QuantityChange && ReferenceEquals(segment.Grid, segments[i - 1].Grid))
            {
                var period = segments[i - 1].Grid.PeriodAt(segments[i - 1].Plan.Interval, starts[i]);
                starts[i] = period.From == starts[i] ? starts[i] : period.To;
            }
        }

        var result = new List<(Instant, Instant, int)>();
        for (var i = 0; i < segments.Count; i++)
        {
            var to = Floor(segments[i].Grid.Zone, segments[i].To);
            if (i + 1 < segments.Count)
            {
                to = starts[(i + 1)..].Min();
            }

            if (starts[i] < to)
            {
                result.Add((starts[i], to, i));
            }
        }

        return result;
    }

    private Instant Floor(DateTimeZone zone, Instant at) =>
        _settings.ProrationBasis == ProrationBasis.Seconds || at == Instant.MaxValue ? at : zone.AtStartOfDay(at.InZone(zone).Date).ToInstant();

    private void Expect(Instant due)
    {
        if (due > _asOf && due < _nextDue && due != Instant.MaxValue)
        {
            _nextDue = due;
        }
    }

    /// <summary>When what is in arrears of a segment is billed if no period ends before: at the next change of plan, pause or end.</summary>
    private Instant HardEnd(int segment)
    {
        while (segment + 1 < _timeline.Segments.Count
            && _timeline.Segments[segment + 1].Start is BoundaryKind.QuantityChange or BoundaryKind.CatalogChange or BoundaryKind.BillingDay or BoundaryKind.Phase)
        {
            segment++;
        }

        return _timeline.Segments[segment].To;
    }

    private List<Part> PartsOf(Func<TimelineSegment, IEnumerable<Charge>> charges, bool exact)
    {
        var parts = new List<Part>();
        if (exact)
        {
            for (var i = 0; i < _timeline.Segments.Count; i++)
            {
                AddParts(parts, charges, _timeline.Segments[i].From, _timeline.Segments[i].To, i);
            }
        }
        else
        {
            foreach (var (from, to, index) in _billing)
            {
                AddParts(parts, charges, from, to, index);
            }
        }

        return parts;
    }

    private void AddParts(List<Part> parts, Func<TimelineSegment, IEnumerable<Charge>> charges, Instant from, Instant to, int index)
    {
        var segment = _timeline.Segments[index];
        if (segment.State == SegmentState.Paused)
        {
            return;
        }

        foreach (var charge in charges(segment))
        {
            AddParts(parts, segment, index, charge, from, to);
        }
    }

    /// <summary>The parts of each charge and period, in order of time.</summary>
    private IEnumerable<IReadOnlyList<Part>> ByChargeAndPeriod(List<Part> parts) =>
        _timeline.Segments.Count == 1
            ? parts.Select(p => (IReadOnlyList<Part>)[p]) // Nothing cuts a period.
            : parts.GroupBy(p => (p.Charge.Code, p.Period)).Select(g => (IReadOnlyList<Part>)[.. g.OrderBy(p => p.From)]);

    private void AddParts(List<Part> parts, TimelineSegment segment, int index, Charge charge, Instant from, Instant to)
    {
        var interval = charge.Interval ?? segment.Plan.Interval;
        var trialUsage = segment.State == SegmentState.Trial && charge.Type == ChargeType.Usage;
        var at = from;
        if (from < _settled)
        {
            at = Instant.Max(from, segment.Grid.PeriodAt(interval, Instant.Min(_settled, to)).From);
        }

        while (at < to)
        {
            var period = trialUsage
                ? new BillingPeriod(0, from, to, from.InZone(segment.Grid.Zone).Date, to.InZone(segment.Grid.Zone).Date)
                : segment.Grid.PeriodAt(interval, at);
            var end = Instant.Min(to, period.To);
            if (period.To <= _settled)
            {
                at = end;
                continue;
            }

            var due = charge.Timing == ChargeTiming.InAdvance
                ? at == from ? Instant.Max(at, segment.From) : at
                : Instant.Min(period.To, HardEnd(index));
            if (due < segment.From)
            {
                due = segment.From;
            }

            Expect(due);
            if (charge.Timing == ChargeTiming.InArrears)
            {
                // A period whose end is not due yet is the last one to look at, but parts within it may be due already.
                if (due <= _asOf)
                {
                    parts.Add(new Part(segment, index, segment.ChargeAt(charge, period.From), period, at, end));
                }
                else if (at > _asOf)
                {
                    return;
                }
            }
            else if (due <= _asOf)
            {
                parts.Add(new Part(segment, index, segment.ChargeAt(charge, period.From), period, at, end));
            }
            else
            {
                return;
            }

            if (period.From > _asOf)
            {
                return;
            }

            at = end;
        }
    }

    private void Recurring()
    {
        var parts = PartsOf(s => s.Charges.Where(c => c.Type == ChargeType.Recurring), exact: false);
        foreach (var group in ByChargeAndPeriod(parts))
        {
            Layers(group);
        }
    }

    /// <summary>Units added within a period are a layer of their own on top; units given back leave from the top, the newest first.</summary>
    private void Layers(IReadOnlyList<Part> parts)
    {
        var open = new List<(decimal From, decimal To, Instant Since, Part First)>();
        Part? previous = null;
        foreach (var part in parts)
        {
            var quantity = part.Segment.QuantityOf(part.Charge.Code);
            var key = PriceKeyOf(part.Charge);
            if (previous is null || previous.To != part.From || PriceKeyOf(previous.Charge) != key)
            {
                CloseLayers(open, previous);
                var first = Math.Min(quantity, OpeningOf(part, key));
                open.Add((-1m, first, part.From, part));
                if (quantity > first)
                {
                    open.Add((first, quantity, part.From, part));
                }
            }
            else
            {
                while (open.Count > 0 && open[^1].To > quantity)
                {
                    var top = open[^1];
                    open.RemoveAt(open.Count - 1);
                    var keep = Math.Max(top.From, quantity);
                    AddLayer(keep, top.To, top.Since, part.From, top.First);
                    if (keep > top.From)
                    {
                        open.Add((top.From, keep, top.Since, top.First));
                    }
                }

                var reached = open.Count > 0 ? open[^1].To : -1m;
                if (quantity > reached)
                {
                    open.Add((reached, quantity, part.From, part));
                }
            }

            previous = part;
        }

        CloseLayers(open, previous);
    }

    /// <summary>The quantity with which a charge opened on the day on which it was changed too: what was added is a layer of its own.</summary>
    private decimal OpeningOf(Part part, string key)
    {
        var code = part.Charge.Code;
        if (part.Segment is { OpeningQuantities: null, Start: not BoundaryKind.QuantityChange })
        {
            return part.Segment.QuantityOf(code);
        }

        var opening = part.Segment;
        for (var i = part.Index; part.From == Floor(opening.Grid.Zone, opening.From) && opening.Start == BoundaryKind.QuantityChange && i > 0; i--)
        {
            var before = _timeline.Segments[i - 1];
            if (opening.OpeningQuantities is not null
                || part.From != Floor(before.Grid.Zone, before.From)
                || before.State != SegmentState.Active
                || !before.Charges.Any(c => c.Code == code && PriceKeyOf(c) == key))
            {
                break;
            }

            opening = before;
        }

        return part.From == Floor(opening.Grid.Zone, opening.From)
            ? (opening with { Quantities = opening.OpeningQuantities ?? opening.Quantities }).QuantityOf(code)
            : part.Segment.QuantityOf(code);
    }

    private void CloseLayers(List<(decimal From, decimal To, Instant Since, Part First)> open, Part? last)
    {
        foreach (var layer in open)
        {
            AddLayer(layer.From, layer.To, layer.Since, last!.To, layer.First);
        }

        open.Clear();
    }

    private void AddLayer(decimal from, decimal to, Instant since, Instant until, Part part)
    {
        if (since >= until)
        {
            return;
        }

        _stretches.Add(new OwedStretch
        {
            Timeline = _timeline,
            Plan = part.Segment.Plan.Code,
            Charge = part.Charge,
            Type = InvoiceLineType.Recurring,
            Period = part.Period,
            Zone = part.Segment.Grid.Zone,
            From = since,
            To = until,
            LayerFrom = from,
            LayerTo = to,
            Quantity = from < 0m ? to : to - from,
            PriceKey = PriceKeyOf(part.Charge),
            Part = PartOf(part, since, until),
            Closed = until <= _asOf,
        });
    }

    private Fraction PartOf(Part part, Instant from, Instant to) =>
        part.Charge.Prorate
            ? Proration.Part(_settings.ProrationBasis, part.Segment.Grid.Zone, from, to, part.Period)
            : Fraction.Of(1m);

    private void Usage()
    {
        var parts = PartsOf(UsageChargesOf, exact: true);
        foreach (var group in ByChargeAndPeriod(parts))
        {
            Part? first = null;
            Part? last = null;
            foreach (var part in group)
            {
                if (last is not null && last.To == part.From && PriceKeyOf(last.Charge) == PriceKeyOf(part.Charge))
                {
                    last = part;
                    continue;
                }

                AddUsage(first, last);
                first = last = part;
            }

            AddUsage(first, last);
        }
    }

    private IEnumerable<Charge> UsageChargesOf(TimelineSegment segment)
    {
        if (segment.State == SegmentState.Trial)
        {
            return _settings.TrialUsageBilled
                ? segment.Plan.AllCharges.Where(c => c.Type == ChargeType.Usage).DistinctBy(c => c.Code).Select(c => segment.Priced(c) with { Timing = ChargeTiming.InArrears })
                : [];
        }

        return segment.Charges.Where(c => c.Type == ChargeType.Usage);
    }

    private void AddUsage(Part? first, Part? last)
    {
        if (first is null || last is null || (!last.Segment.EndInvoicesUsage && last.To == last.Segment.To && last.Charge.Timing == ChargeTiming.InArrears))
        {
            return;
        }

        var meter = _meters.Meter(first.Charge.Meter!);
        var trial = first.Segment.State == SegmentState.Trial;
        var closed = last.To <= _asOf;
        var needsEvents = !meter.IsAdditive || !PriceCalculator.NeedsQuantityOnly(first.Charge.Price);
        _stretches.Add(new OwedStretch
        {
            Timeline = _timeline,
            Plan = first.Segment.Plan.Code,
            Charge = first.Charge,
            Type = InvoiceLineType.Usage,
            Period = first.Period,
            Zone = first.Segment.Grid.Zone,
            From = first.From,
            To = last.To,
            PriceKey = PriceKeyOf(first.Charge),
            Part = trial ? Fraction.Of(1m) : UsagePart(first, last),
            Closed = closed,
            Usage = new UsageWanted(
                meter,
                meter.CarryOver ? _timeline.StartsAt : first.From,
                last.To,
                needsEvents,
                WithoutMinimum: trial || (first.Charge.Timing == ChargeTiming.InAdvance && !closed)),
        });
    }

    private Fraction UsagePart(Part first, Part last)
    {
        var zone = first.Segment.Grid.Zone;
        var from = Instant.Max(first.Period.From, Floor(zone, first.From));
        var to = last.To >= first.Period.To ? first.Period.To : Floor(zone, last.To);
        var part = first.Charge.Prorate ? Proration.Part(_settings.ProrationBasis, zone, from, Instant.Max(from, to), first.Period) : Fraction.Of(1m);
        return part.Value > 1m ? Fraction.Of(1m) : part;
    }

    private void OneTime()
    {
        for (var i = 0; i < _timeline.Segments.Count; i++)
        {
            var segment = _timeline.Segments[i];
            foreach (var charge in segment.Charges.Where(c => c.Type == ChargeType.OneTime && IsNew(c, i)))
            {
                Expect(segment.From);
                var period = segment.Grid.PeriodAt(segment.Plan.Interval, segment.From);
                if (segment.From <= _asOf && period.To > _settled)
                {
                    _stretches.Add(Fixed(segment, charge, period, segment.From, InvoiceLineType.OneTime, $"once/{KeyOf(segment.From)}"));
                }
            }
        }
    }

    private bool IsNew(Charge charge, int index)
    {
        var segment = _timeline.Segments[index];
        return segment.Start switch
        {
            BoundaryKind.Start => true,
            BoundaryKind.TrialEnd or BoundaryKind.Phase => index == 0 || !_timeline.Segments[index - 1].Charges.Any(c => c.Code == charge.Code && c.Type == charge.Type) || segment.Start == BoundaryKind.Phase,
            BoundaryKind.PlanChange => index == 0 || !_timeline.Segments[index - 1].Plan.AllCharges.Any(c => c.Code == charge.Code),
            _ => false,
        };
    }

    private void Installments()
    {
        if (!_timeline.Segments.Any(s => s.Charges.Any(c => c.Type == ChargeType.Installment)))
        {
            return;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (from, to, index) in _billing)
        {
            var segment = _timeline.Segments[index];
            foreach (var charge in segment.Charges.Where(c => c.Type == ChargeType.Installment && segment.State != SegmentState.Paused && seen.Add(c.Code)))
            {
                var interval = charge.Interval ?? segment.Plan.Interval;
                var period = segment.Grid.PeriodAt(interval, from);
                var stop = StopOf(charge.Code, index);
                for (var part = 0; part < charge.Count; part++, period = segment.Grid.Period(interval, period.Index + 1))
                {
                    var start = Instant.Max(from, period.From);
                    var due = charge.Timing == ChargeTiming.InAdvance ? Instant.Max(start, segment.From) : Instant.Min(period.To, stop);
                    if (start >= stop)
                    {
                        break;
                    }

                    Expect(due);
                    if (due > _asOf)
                    {
                        break;
                    }

                    if (period.To <= _settled)
                    {
                        continue;
                    }

                    _stretches.Add(Fixed(segment, charge, period, start, InvoiceLineType.Installment, $"part/{part}") with { To = period.To, Installment = (part, charge.Count!.Value) });
                }
            }
        }
    }

    private Instant StopOf(string charge, int index)
    {
        while (index + 1 < _timeline.Segments.Count && _timeline.Segments[index + 1].Charges.Any(c => c.Code == charge))
        {
            index++;
        }

        return _timeline.Segments[index].To;
    }

    private OwedStretch Fixed(TimelineSegment segment, Charge charge, BillingPeriod period, Instant from, InvoiceLineType type, string key)
    {
        var quantity = segment.QuantityOf(charge.Code);
        return new OwedStretch
        {
            Timeline = _timeline,
            Plan = segment.Plan.Code,
            Charge = charge,
            Type = type,
            Period = period,
            Zone = segment.Grid.Zone,
            From = from,
            To = from,
            LayerTo = quantity,
            Quantity = quantity,
            PriceKey = PriceKeyOf(charge),
            FixedKey = $"{_timeline.Subscription.Id}/{charge.Code}/{key}",
            Closed = true,
        };
    }

    private void Commitments()
    {
        if (!_timeline.Segments.Any(s => s.Plan.MinimumCommitment is not null))
        {
            return;
        }

        var parts = PartsOf(
            s => s.State == SegmentState.Active && s.Plan.MinimumCommitment is { } minimum
                ? [new Charge { Code = "", Type = ChargeType.Recurring, Timing = ChargeTiming.InArrears, Price = Price.Flat(minimum) }]
                : [],
            exact: false);
        foreach (var group in parts.GroupBy(p => p.Period))
        {
            var ordered = group.OrderBy(p => p.From).ToList();
            var amount = ordered.Aggregate(
                Fraction.Of(0m),
                (sum, p) => sum.Plus(Proration.Part(_settings.ProrationBasis, p.Segment.Grid.Zone, p.From, p.To, p.Period).Times(p.Charge.Price.Amount!.Value)));
            _commitments.Add(new CommitmentStretch(_timeline, ordered[0].Segment.Plan.Code, group.Key, ordered[0].Segment.Grid.Zone, ordered[0].From, ordered[^1].To, amount));
        }
    }

    /// <summary>Where segments end: as recurring charges see it, exactly, and whether time paid beyond is given back.</summary>
    private List<SegmentEnd> Ends()
    {
        var result = new List<SegmentEnd>();
        foreach (var segment in _timeline.Segments.Where(s => s.To != Instant.MaxValue))
        {
            result.Add(new SegmentEnd(Floor(segment.Grid.Zone, segment.To), segment.To, segment.EndCredits));
        }

        return result;
    }

    /// <summary>A moment as it stands in keys, to the second: 2026-02-01T00:00:00Z. Keys are made by the million, so usual years are written by hand.</summary>
    internal static string KeyOf(Instant at)
    {
        var local = at.InUtc().LocalDateTime;
        return local.Year is < 0 or > 9999 ? NodaTime.Text.InstantPattern.General.Format(at) : string.Create(20, local, static (text, time) =>
        {
            "0000-00-00T00:00:00Z".CopyTo(text);
            Write(text[..4], time.Year);
            Write(text[5..7], time.Month);
            Write(text[8..10], time.Day);
            Write(text[11..13], time.Hour);
            Write(text[14..16], time.Minute);
            Write(text[17..19], time.Second);
        });

        static void Write(Span<char> text, int number)
        {
            for (var i = text.Length - 1; i >= 0; i--, number /= 10)
            {
                text[i] = (char)('0' + (number % 10));
            }
        }
    }

    /// <summary>Prices that are equal by value have one identity, whichever plan they come from.</summary>
    internal static string PriceKeyOf(Charge charge) => charge.Prorate ? charge.Price.Key : charge.Price.UnproratedKey;

    private sealed record Part(TimelineSegment Segment, int Index, Charge Charge, BillingPeriod Period, Instant From, Instant To);
}

/// <summary>A commitment of a subscription for a stretch.</summary>
internal sealed record CommitmentStretch(SubscriptionTimeline Timeline, string Plan, BillingPeriod Period, DateTimeZone Zone, Instant From, Instant To, Fraction Amount);

/// <summary>Where a segment ends.</summary>
/// <param name="At">As recurring charges see it.</param>
/// <param name="Exact">The exact moment.</param>
/// <param name="Credits">Whether time paid beyond is given back.</param>
internal readonly record struct SegmentEnd(Instant At, Instant Exact, bool Credits);

/// <summary>What a subscription owes as of a moment.</summary>
/// <param name="Timeline">The subscription's life.</param>
/// <param name="Stretches">The stretches, without amounts.</param>
/// <param name="Commitments">The commitments.</param>
/// <param name="Ends">Where segments end.</param>
/// <param name="NextDue">The next moment after the one asked for at which more may be owed or credited.</param>
internal sealed record OwedResult(
    SubscriptionTimeline Timeline,
    IReadOnlyList<OwedStretch> Stretches,
    IReadOnlyList<CommitmentStretch> Commitments,
    IReadOnlyList<SegmentEnd> Ends,
    Instant? NextDue);
