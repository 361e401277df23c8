using Billing.Catalog;
using NodaTime;
using NodaTime.Text;

namespace Billing.Subscriptions;

/// <summary>Folds the terms of a subscription into its timeline. Pure.</summary>
internal sealed class TimelineBuilder
{
    private readonly Subscription _subscription;
    private readonly List<SubscriptionTerm> _terms;
    private readonly IReadOnlyList<CatalogVersion> _catalogs;
    private readonly TenantSettings _settings;
    private readonly SubscriptionTimeline? _parent;
    private readonly List<TimelineSegment> _segments = [];
    private readonly PriorityQueue<Change, (Instant At, int Rank, int Order)> _changes = new();
    private DateTimeZone _zone;
    private int _order;

    private SubscriptionTerm _start = null!;
    private Plan _plan = null!;
    private CatalogVersion _catalog = null!;
    private EquatableMap<decimal> _quantities = EquatableMap<decimal>.Empty;
    private EquatableMap<Price> _overrides = EquatableMap<Price>.Empty;
    private IReadOnlyList<Charge> _charges = [];
    private PeriodGrid _grid = null!;
    private Instant? _trialEnd;
    private bool _trialPhase;
    private int _phase;
    private bool _paused;
    private int _pause;
    private int _scheduleVersion;

    private Instant _openFrom;
    private EquatableMap<decimal>? _openQuantities;
    private BoundaryKind _openKind;
    private bool _openProrate = true;

    private TimelineBuilder(Subscription subscription, IEnumerable<SubscriptionTerm> terms, IReadOnlyList<CatalogVersion> catalogs, TenantSettings settings, DateTimeZone zone, Instant knownAt, SubscriptionTimeline? parent)
    {
        _subscription = subscription;
        _terms = [.. terms.Where(t => t.RecordedAt <= knownAt && (t.SupersededAt is not { } gone || gone > knownAt))];
        if (_terms.Count > 1)
        {
            _terms = [.. _terms.OrderBy(t => t.EffectiveAt).ThenBy(t => t.Sequence)];
        }

        _catalogs = catalogs;
        _settings = settings;
        _zone = zone;
        _parent = parent;
    }

    /// <summary>The timeline, or <see langword="null"/> when the subscription was not known at the moment.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="terms">Its terms, in any order.</param>
    /// <param name="catalogs">All catalog versions, by number.</param>
    /// <param name="settings">The tenant's settings.</param>
    /// <param name="zone">The customer's zone.</param>
    /// <param name="knownAt">Terms recorded later do not count.</param>
    /// <param name="parent">The timeline of the subscription that it is an add-on of.</param>
    public static SubscriptionTimeline? Build(
        Subscription subscription,
        IEnumerable<SubscriptionTerm> terms,
        IReadOnlyList<CatalogVersion> catalogs,
        TenantSettings settings,
        DateTimeZone zone,
        Instant knownAt,
        SubscriptionTimeline? parent = null)
    {
        bool IsKnown(CatalogVersion version) => version.RecordedAt <= knownAt || version.Number == 1;

        var known = catalogs.All(IsKnown) ? catalogs : [.. catalogs.Where(IsKnown)];
        var builder = new TimelineBuilder(subscription, terms, known, settings, zone, knownAt, parent);
        return builder._terms.Exists(t => t.Kind == SubscriptionTermKind.Start) ? builder.Build() : null;
    }

    private SubscriptionTimeline Build()
    {
        _start = _terms.Find(t => t.Kind == SubscriptionTermKind.Start)!;
        var stop = FindStop();
        Begin();
        var initial = Segment(_start.EffectiveAt, credits: true, invoicesUsage: true);
        foreach (var term in _terms)
        {
            if (term.Kind is not (SubscriptionTermKind.Start or SubscriptionTermKind.Cancel or SubscriptionTermKind.End))
            {
                Enqueue(term.EffectiveAt, 1, () => Apply(term));
            }
        }

        var end = stop?.At;
        var ended = false;
        while (_changes.TryDequeue(out var change, out var key))
        {
            if (end is { } limit && key.At >= limit)
            {
                break;
            }

            if (change.Run() is { } phaseEnd)
            {
                end = phaseEnd;
                ended = true;
                break;
            }
        }

        Close(end ?? Instant.MaxValue, credits: ended || stop is not { } s || s.Credits, invoicesUsage: ended || stop is not { } u || u.InvoicesUsage);
        return new SubscriptionTimeline
        {
            Subscription = _subscription,
            Segments = _segments,
            Initial = initial,
            StartsAt = _start.EffectiveAt,
            StopsAt = end,
            Canceled = !ended && stop is { Canceled: true },
        };
    }

    private Stop? FindStop()
    {
        Stop? stop = null;
        foreach (var term in _terms)
        {
            if (term.Kind is SubscriptionTermKind.Cancel or SubscriptionTermKind.End)
            {
                stop = Earlier(stop, new Stop(term.EffectiveAt, term.Kind == SubscriptionTermKind.Cancel, term.Credit && !term.ByDunning, term.InvoiceUsage));
            }
        }

        if (_parent is { StopsAt: { } parentStop } parent)
        {
            var last = parent.Segments.Count > 0 ? parent.Segments[^1] : null;
            stop = Earlier(stop, new Stop(parentStop, parent.Canceled, last?.EndCredits ?? true, last?.EndInvoicesUsage ?? true));
        }

        // A stop before the start leaves nothing.
        return stop is { } found && found.At < _start.EffectiveAt ? found with { At = _start.EffectiveAt } : stop;
    }

    private static Stop? Earlier(Stop? first, Stop second) => first is { } f && f.At <= second.At ? f : second;

    private void Begin()
    {
        var at = _start.EffectiveAt;
        // What was counted in the zone of the start stays so when the customer's zone changes.
        _zone = _start.TimeZone is { } zone ? DateTimeZoneProviders.Tzdb[zone] : _zone;
        _catalog = VersionFor(at, _start.Plan!);
        _plan = _catalog.Definition.Plan(_start.Plan!);
        _quantities = _start.Quantities;
        _overrides = _start.Overrides;
        _openFrom = at;
        _openKind = BoundaryKind.Start;
        var date = at.InZone(_zone).Date;
        var trialDays = _plan.Phases.Count > 0 && _start.TrialDays is null ? 0 : _start.TrialDays ?? _plan.TrialDays;
        if (trialDays > 0)
        {
            _trialEnd = DayAfter(at, date.PlusDays(trialDays));
        }

        SchedulePhases(at, date);
        var anchorFrom = _trialEnd ?? at;
        _grid = GridFrom(anchorFrom, _start.BillingDay, _start.BillingTime);
        if (_trialEnd is { } end && _trialPhase is false)
        {
            Enqueue(end, 0, () => Boundary(end, BoundaryKind.TrialEnd, () => _charges = _plan.Charges));
        }

        ScheduleCatalogChanges(at);
    }

    /// <summary>Lays the plan's phases out from the start of the subscription.</summary>
    private void SchedulePhases(Instant from, LocalDate date)
    {
        _trialPhase = false;
        _phase = 0;
        _scheduleVersion++;
        if (_plan.Phases.Count == 0)
        {
            _charges = _trialEnd is null ? _plan.Charges : [];
            return;
        }

        var version = _scheduleVersion;
        var phaseStart = from;
        var phaseDate = new PhaseDate(date);
        var first = true;
        for (var i = 0; i < _plan.Phases.Count; i++)
        {
            var phase = _plan.Phases[i];
            var index = i;
            var isTrial = phase.Type == PhaseType.Trial;
            var phaseEndDate = phase.Duration is { } text ? phaseDate.Plus(DurationOf(text)) : (PhaseDate?)null;
            var phaseEnd = phaseEndDate is { } d ? DayAfter(from, d.Date) : (Instant?)null;
            if (isTrial && phaseEnd is { } trialEnd)
            {
                _trialEnd = trialEnd;
            }

            if (first)
            {
                EnterPhase(index, isTrial);
                first = false;
            }
            else
            {
                var at = phaseStart;
                Enqueue(at, 0, () => version == _scheduleVersion
                    ? Boundary(at, BoundaryKind.Phase, () => EnterPhase(index, isTrial))
                    : null);
            }

            if (phaseEnd is null)
            {
                return;
            }

            phaseStart = phaseEnd.Value;
            phaseDate = phaseEndDate!.Value;
        }

        var last = phaseStart;
        Enqueue(last, 0, () => version == _scheduleVersion ? last : null);
    }

    private void ScheduleCatalogChanges(Instant since)
    {
        foreach (var version in _catalogs.Where(c => c.ExistingSubscriptions == ExistingSubscriptions.EffectiveDate && c.EffectiveAt > since))
        {
            var at = version.EffectiveAt;
            Enqueue(at, 0, () => version.Number > _catalog.Number
                ? Boundary(at, BoundaryKind.CatalogChange, () => Adopt(version))
                : null);
        }
    }

    private void Adopt(CatalogVersion version)
    {
        if (version.Definition.Plans.FirstOrDefault(p => p.Code == _plan.Code) is not { } plan)
        {
            return;
        }

        _catalog = version;
        _plan = plan;
        _charges = _charges.Count == 0 ? _charges : plan.ChargesOf(_phase);
    }

    private void EnterPhase(int index, bool isTrial)
    {
        _phase = index;
        _charges = _plan.ChargesOf(index);
        _trialPhase = isTrial;
    }

    private Instant? Apply(SubscriptionTerm term)
    {
        var at = term.EffectiveAt < _start.EffectiveAt ? _start.EffectiveAt : term.EffectiveAt;
        return term.Kind switch
        {
            SubscriptionTermKind.PlanChange => Boundary(at, BoundaryKind.PlanChange, () => ChangePlan(term, at), term.Prorate, credits: term.Prorate || !term.ResetAnchor),
            SubscriptionTermKind.QuantityChange => Boundary(at, BoundaryKind.QuantityChange, () => ChangeQuantity(term), term.Prorate),
            SubscriptionTermKind.Pause => Pause(term, at),
            SubscriptionTermKind.Resume => _paused ? Boundary(at, BoundaryKind.Resume, () => _paused = false) : null,
            SubscriptionTermKind.BillingDayChange => Boundary(at, BoundaryKind.BillingDay, () => _grid = GridFrom(at, term.BillingDay, BillingTime.Anniversary)),
            SubscriptionTermKind.TimeZoneChange => Boundary(at, BoundaryKind.BillingDay, () => ChangeZone(term)),
            _ => null,
        };
    }

    private Instant? Pause(SubscriptionTerm term, Instant at)
    {
        var ends = Boundary(at, BoundaryKind.Pause, () => _paused = true, credits: term.Credit);
        var pause = ++_pause;
        if (term.Until is { } until)
        {
            Enqueue(until, 0, () => _paused && pause == _pause ? Boundary(until, BoundaryKind.Resume, () => _paused = false) : null);
        }

        return ends;
    }

    private void ChangeQuantity(SubscriptionTerm term)
    {
        foreach (var (charge, quantity) in term.Quantities)
        {
            _quantities = _quantities.With(charge, quantity);
        }
    }

    private void ChangePlan(SubscriptionTerm term, Instant at)
    {
        var inTrial = InTrial(at);
        _catalog = VersionFor(at, term.Plan!);
        _plan = _catalog.Definition.Plan(term.Plan!);
        _overrides = term.Overrides;
        if (term.Quantities.Count > 0)
        {
            _quantities = term.Quantities;
        }

        if (_plan.Phases.Count == 0)
        {
            _scheduleVersion++;
            _trialPhase = false;
            _phase = 0;
            _charges = inTrial ? [] : _plan.Charges;
            if (inTrial && _trialEnd is { } end)
            {
                var version = _scheduleVersion;
                Enqueue(end, 0, () => version == _scheduleVersion ? Boundary(end, BoundaryKind.TrialEnd, () => _charges = _plan.Charges) : null);
            }
        }
        else
        {
            ScheduleChangedPhases(at, inTrial);
        }

        if (term.ResetAnchor)
        {
            _grid = GridFrom(at, null, null);
        }

        ScheduleCatalogChanges(at);
    }

    /// <summary>A plan with phases that another plan changed to: phases are counted from the start of the subscription, trials only while it is in one.</summary>
    private void ScheduleChangedPhases(Instant at, bool inTrial)
    {
        _scheduleVersion++;
        _phase = 0;
        var version = _scheduleVersion;
        var from = _start.EffectiveAt;
        var date = new PhaseDate(from.InZone(_zone).Date);
        var start = from;
        var found = false;
        for (var i = 0; i < _plan.Phases.Count; i++)
        {
            var phase = _plan.Phases[i];
            var index = i;
            var endDate = phase.Duration is { } text ? date.Plus(DurationOf(text)) : (PhaseDate?)null;
            var end = endDate is { } d ? DayAfter(from, d.Date) : (Instant?)null;
            var isTrial = phase.Type == PhaseType.Trial;
            if (end is { } e && e <= at)
            {
                start = e;
                date = endDate!.Value;
                continue;
            }

            if (isTrial && !inTrial)
            {
                continue;
            }

            if (!found)
            {
                found = true;
                EnterPhase(index, isTrial);
            }
            else
            {
                var phaseAt = start;
                Enqueue(phaseAt, 0, () => version == _scheduleVersion
                    ? Boundary(phaseAt, BoundaryKind.Phase, () => EnterPhase(index, isTrial))
                    : null);
            }

            if (end is null)
            {
                return;
            }

            start = end.Value;
            date = endDate!.Value;
        }

        var last = start;
        Enqueue(last > at ? last : at, 2, () => version == _scheduleVersion ? (last > at ? last : at) : null);
    }

    private void ChangeZone(SubscriptionTerm term)
    {
        _zone = DateTimeZoneProviders.Tzdb[term.TimeZone!];
        _grid = _grid with { Zone = _zone };
    }

    private Instant? Boundary(Instant at, BoundaryKind kind, Action change, bool prorate = true, bool credits = true)
    {
        Close(at, credits, invoicesUsage: true);
        var alsoQuantity = kind == BoundaryKind.QuantityChange && at == _openFrom && _openKind != BoundaryKind.QuantityChange;
        _openQuantities = alsoQuantity ? _openQuantities ?? _quantities : null;
        change();
        _openFrom = at;
        _openKind = alsoQuantity ? _openKind : kind;
        _openProrate = prorate;
        return null;
    }

    private void Close(Instant at, bool credits, bool invoicesUsage)
    {
        if (at <= _openFrom)
        {
            // Nothing lies between two changes at one moment; what the earlier one did not give back stays so.
            if (_segments.Count > 0 && !credits)
            {
                _segments[^1] = _segments[^1] with { EndCredits = false };
            }

            return;
        }

        _segments.Add(Segment(at, credits, invoicesUsage));
    }

    private TimelineSegment Segment(Instant to, bool credits, bool invoicesUsage)
    {
        var segment = new TimelineSegment
        {
            From = _openFrom,
            To = to,
            State = _paused ? SegmentState.Paused : InTrial(_openFrom) ? SegmentState.Trial : SegmentState.Active,
            Plan = _plan,
            Charges = [],
            Quantities = _quantities,
            OpeningQuantities = _openQuantities,
            Grid = _grid,
            Start = _openKind,
            Prorate = _openProrate,
            EndCredits = credits,
            EndInvoicesUsage = invoicesUsage,
            NextPeriodVersions = _catalogs[^1].Number == _catalog.Number
                ? []
                : [.. _catalogs.Where(c => c.Number > _catalog.Number && c.ExistingSubscriptions == ExistingSubscriptions.NextPeriod)],
            Overrides = _overrides,
            Phase = _phase,
            Currency = _subscription.Currency,
        };
        return segment with { Charges = PricedBy(segment) };
    }

    /// <summary>The charges with the subscription's own prices; mostly they have none and stay as the plan lists them.</summary>
    private IReadOnlyList<Charge> PricedBy(TimelineSegment segment) =>
        segment.Overrides.Count == 0 && (segment.Plan.Currency == segment.Currency || _charges.All(c => c.CurrencyPrices.Count == 0))
            ? _charges
            : [.. _charges.Select(segment.Priced)];

    private bool InTrial(Instant at) => _trialPhase || (_trialEnd is { } end && at < end && _plan.Phases.Count == 0);

    private PeriodGrid GridFrom(Instant at, int? billingDay, BillingTime? billingTime)
    {
        var local = at.InZone(_zone);
        var date = local.Date;
        var calendar = (billingTime ?? _start.BillingTime ?? _settings.BillingTime) == BillingTime.Calendar;
        if (billingDay is { } day && _plan.Interval.IsMonthBased)
        {
            return new PeriodGrid { Zone = _zone, Anchor = PeriodGrid.FirstWithDay(date, day), NominalDay = day };
        }

        return new PeriodGrid
        {
            Zone = _zone,
            Anchor = date,
            NominalDay = date.Day,
            TimeOfDay = _settings.ProrationBasis == ProrationBasis.Seconds && !calendar ? local.TimeOfDay : LocalTime.Midnight,
            Calendar = calendar,
        };
    }

    private CatalogVersion VersionFor(Instant at, string plan)
    {
        CatalogVersion? first = null;
        CatalogVersion? inForce = null;
        foreach (var version in _catalogs)
        {
            if (version.Definition.Plans.Any(p => p.Code == plan))
            {
                first ??= version;
                inForce = version.EffectiveAt <= at ? version : inForce;
            }
        }

        return inForce ?? first ?? throw BillingException.For(BillingErrorCodes.UnknownPlan, "plan", plan, "code", "The catalog has no plan with this code.");
    }

    private Instant DayAfter(Instant from, LocalDate date) =>
        PeriodGrid.InstantOf(_zone, date, _settings.ProrationBasis == ProrationBasis.Seconds ? from.InZone(_zone).TimeOfDay : LocalTime.Midnight);

    private void Enqueue(Instant at, int rank, Func<Instant?> run) => _changes.Enqueue(new Change(run), (at, rank, _order++));

    internal static Period DurationOf(string text) =>
        PeriodPattern.Roundtrip.Parse(text) is { Success: true, Value: { HasTimeComponent: false } period }
            ? period
            : throw BillingException.Validation("plan", text, "duration", $"'{text}' is not a duration in days, weeks, months or years.");

    /// <summary>The end of a phase: months of phases in a row count from one date, so that months from the 31st on keep the last day.</summary>
    private readonly record struct PhaseDate(LocalDate Since, int Months = 0)
    {
        public LocalDate Date => Since.PlusMonths(Months);

        public PhaseDate Plus(Period duration) => duration is { Weeks: 0, Days: 0 }
            ? this with { Months = Months + (duration.Years * 12) + duration.Months }
            : new PhaseDate(Date + duration);
    }

    private sealed record Change(Func<Instant?> Run);

    private readonly record struct Stop(Instant At, bool Canceled, bool Credits, bool InvoicesUsage);
}
