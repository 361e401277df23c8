using Billing.Subscriptions;
using NodaTime;

namespace Billing.Invoicing;

/// <summary>
/// Owed − booked: compares what a subscription owes with the lines that it has, and gives the lines that make up the difference. Called again it gives nothing.
/// The one place where amounts of charges are rounded.
/// </summary>
internal sealed class Convergence
{
    private readonly OwedResult _owed;
    private readonly LineFactory _lines;
    private readonly TenantSettings _settings;
    private readonly Instant _asOf;
    private readonly List<InvoiceLine> _booked;
    private readonly ILookup<Guid, InvoiceLine> _creditsOf;
    private readonly List<InvoiceLine> _result = [];

    private Convergence(OwedResult owed, List<InvoiceLine> booked, LineFactory lines, TenantSettings settings, Instant asOf)
    {
        _owed = owed;
        _lines = lines;
        _settings = settings;
        _asOf = asOf;
        _booked = booked;
        _creditsOf = _booked.Where(l => l is { Type: InvoiceLineType.Credit, ReversesLineId: not null }).ToLookup(l => l.ReversesLineId!.Value);
    }

    /// <summary>The lines that are missing.</summary>
    /// <param name="owed">What is owed, rated.</param>
    /// <param name="booked">All lines of the subscription, void ones too.</param>
    /// <param name="lines">Makes lines.</param>
    /// <param name="settings">The tenant's settings.</param>
    /// <param name="asOf">The moment billed.</param>
    public static IReadOnlyList<InvoiceLine> Difference(OwedResult owed, List<InvoiceLine> booked, LineFactory lines, TenantSettings settings, Instant asOf)
    {
        var convergence = new Convergence(owed, booked, lines, settings, asOf);
        convergence.Fixed();
        convergence.Recurring();
        convergence.Usage();
        return convergence._result;
    }

    private void Fixed()
    {
        if (!_owed.Stretches.Any(s => s.FixedKey is not null))
        {
            return;
        }

        var claimed = _booked.Select(l => l.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var stretch in _owed.Stretches.Where(s => s.FixedKey is not null && !claimed.Contains(s.FixedKey!)))
        {
            var exact = stretch.Installment is { } part
                ? InstallmentPart(stretch.FullPrice.Value, part.Index, part.Count)
                : stretch.FullPrice.Value;
            Add(_lines.Charge(stretch, stretch.FixedKey!, stretch.From, stretch.Installment is null ? stretch.From : stretch.To, stretch.LayerFrom, stretch.LayerTo, stretch.Quantity, exact));
        }
    }

    /// <summary>Parts of an amount that sum to it; the odd minor units are on the first parts.</summary>
    private decimal InstallmentPart(decimal total, int index, int count)
    {
        var units = _lines.Round(total) / _lines.Currency.SmallestAmount;
        var each = decimal.Truncate(units / count);
        var odd = units - (each * count);
        return (each + (index < Math.Abs(odd) ? Math.Sign(odd) : 0m)) * _lines.Currency.SmallestAmount;
    }

    private void Recurring()
    {
        foreach (var group in Groups(InvoiceLineType.Recurring))
        {
            if (SettleAlone(group))
            {
                continue;
            }

            foreach (var component in Components(group.Owed, group.Booked))
            {
                Settle(component);
            }
        }
    }

    /// <summary>The stretches and lines of a type by charge, period and price, in order of period and charge.</summary>
    private List<Group> Groups(InvoiceLineType type)
    {
        var groups = new Dictionary<GroupKey, Group>();

        Group Of(GroupKey key)
        {
            if (!groups.TryGetValue(key, out var group))
            {
                groups.Add(key, group = new Group(key));
            }

            return group;
        }

        foreach (var stretch in _owed.Stretches)
        {
            if (stretch.Type == type)
            {
                Of(new GroupKey(stretch.Charge.Code, stretch.Period.From, stretch.Period.To, stretch.PriceKey)).Owed.Add(stretch);
            }
        }

        foreach (var line in _booked)
        {
            if (line.Type == type)
            {
                Of(new GroupKey(line.Charge!, line.PeriodFrom!.Value, line.PeriodTo!.Value, line.PriceKey!)).Booked.Add(line);
            }
        }

        return [.. groups.Values.OrderBy(g => g.Key.PeriodFrom).ThenBy(g => g.Key.Charge, StringComparer.Ordinal)];
    }

    /// <summary>What nearly every group is: one stretch that nothing is booked of, or one that is booked as it is. Gives the same as settling components, without areas.</summary>
    private bool SettleAlone(Group group)
    {
        if (group.Owed is not [var stretch] || group.Booked.Count > 1)
        {
            return false;
        }

        var rect = RectOf(stretch);
        if (rect.From >= rect.To || rect.LayerFrom >= rect.LayerTo)
        {
            return false;
        }

        var amount = AmountOf(stretch, stretch.From, stretch.To);
        if (group.Booked is [var line])
        {
            return RectOf(line) == rect && !_creditsOf.Contains(line.Id) && MoneyOf(line) == amount;
        }

        Add(_lines.Charge(stretch, RecurringKey(stretch, rect), rect.From, rect.To, rect.LayerFrom, rect.LayerTo, rect.LayerFrom < 0m ? rect.LayerTo : rect.LayerTo - rect.LayerFrom, amount));
        return true;
    }

    /// <summary>Owed stretches and booked lines that touch one another, in time and in quantity, are settled together.</summary>
    private static List<Component> Components(List<OwedStretch> owed, List<InvoiceLine> booked)
    {
        if (owed.Count + booked.Count == 1)
        {
            var alone = new Component();
            alone.Owed.AddRange(owed);
            alone.Booked.AddRange(booked);
            return [alone];
        }

        var components = new List<Component>();
        foreach (var item in owed.Select(o => (Rect: RectOf(o), Owed: (OwedStretch?)o, Booked: (InvoiceLine?)null))
            .Concat(booked.Select(b => (Rect: RectOf(b), Owed: (OwedStretch?)null, Booked: (InvoiceLine?)b))))
        {
            var joined = new Component();
            joined.Add(item.Rect, item.Owed, item.Booked);
            foreach (var other in components.Where(c => c.Touches(item.Rect)).ToList())
            {
                joined.Join(other);
                components.Remove(other);
            }

            components.Add(joined);
        }

        return components;
    }

    private void Settle(Component component)
    {
        var owed = component.Owed.Select(RectOf).ToList();
        var covered = new Area();
        foreach (var line in component.Booked)
        {
            LeftOf(line).Rects.ForEach(covered.Add);
        }

        var missing = new Area();
        owed.ForEach(missing.Add);
        covered.Rects.ForEach(missing.Subtract);
        var surplus = new Area();
        covered.Rects.ForEach(surplus.Add);
        owed.ForEach(surplus.Subtract);
        var kept = surplus.Rects.Where(r => IsKept(component, r)).ToList();
        kept.ForEach(surplus.Subtract);
        if (kept.Count > 0 && surplus.Rects.Count == 0 && missing.Rects.Count == 0)
        {
            return;
        }

        var owedAmount = component.Owed.Sum(o => AmountOf(o, o.From, Extended(o, kept)));
        owedAmount += Orphans(component, kept);
        var bookedAmount = component.Booked.Sum(l => MoneyOf(l) + _creditsOf[l.Id].Sum(MoneyOf));
        var difference = owedAmount - bookedAmount;
        if (surplus.Rects.Count == 0)
        {
            Charge(component, missing.Rects, difference);
        }
        else
        {
            var added = missing.Rects.Sum(r => component.Owed.Where(o => RectOf(o).Contains(r)).Take(1).Sum(o => AmountOf(o, r.From, r.To)));
            if (kept.Count == 0 && !CanCredit(component, surplus.Rects, difference - added))
            {
                Rebook(component, difference);
                return;
            }

            if (missing.Rects.Count > 0)
            {
                Charge(component, missing.Rects, added);
            }

            Credit(component, surplus.Rects, difference - added);
        }
    }

    /// <summary>
    /// Whether the lines over what is billed too much can bear the credit. With stepped and volume prices they may not: fewer units can cost more, or the money stands on other lines.
    /// What was voided or credited by hand stays as it is, whatever is left of it.
    /// </summary>
    private bool CanCredit(Component component, IReadOnlyList<Rect> surplus, decimal amount) =>
        component.Owed.Count == 0
        || component.Booked.Exists(l => l.Voided || l.CreditedAmount > 0m)
        || Shares(Pieces(component, surplus), amount).Sum() == amount;

    /// <summary>Gives all back that is left of the lines, and bills anew what is owed.</summary>
    private void Rebook(Component component, decimal difference)
    {
        var credited = 0m;
        foreach (var line in component.Booked)
        {
            var credits = _creditsOf[line.Id].ToList();
            var left = LineFactory.LeftOf(line, credits);
            var rects = LeftOf(line).Rects;
            foreach (var rect in rects.DefaultIfEmpty(RectOf(line)))
            {
                // The money goes with the first part; further parts only set their time free.
                if (left > 0m && _lines.Credit(line, rect.From, rect.To, rect, -left, credits) is { } credit)
                {
                    Add(credit);
                    credited += left;
                    left = 0m;
                }
            }
        }

        // A layer whose units make the whole cheaper has no line of its own: the others bear it.
        var rest = difference + credited;
        var billed = component.Owed.Where(o => AmountOf(o, o.From, o.To) > 0m).DefaultIfEmpty(component.Owed[0]).ToList();
        for (var i = 0; i < billed.Count; i++)
        {
            var stretch = billed[i];
            var rect = RectOf(stretch);
            var own = i == billed.Count - 1 ? rest : AmountOf(stretch, stretch.From, stretch.To);
            rest -= own;
            Add(_lines.Charge(stretch, RecurringKey(stretch, rect), rect.From, rect.To, rect.LayerFrom, rect.LayerTo, stretch.Quantity, own));
        }
    }

    /// <summary>What a line still covers after its own credits; what was billed anew over the credited time belongs to other lines.</summary>
    private Area LeftOf(InvoiceLine line)
    {
        var left = new Area();
        left.Add(RectOf(line));
        foreach (var credit in _creditsOf[line.Id])
        {
            left.Subtract(RectOf(credit));
        }

        return left;
    }

    /// <summary>Time that stays with the customer: its end gives nothing back, or lies ahead.</summary>
    private bool IsKept(Component component, Rect rect)
    {
        if (_settings.UnusedTimeCredit == UnusedTimeCredit.None)
        {
            return true;
        }

        // Without proration a period that has begun is not given back in part.
        if (_settings.ProrationBasis == ProrationBasis.None && component.Booked.Any(l => l.From < rect.From && RectOf(l).Contains(rect)))
        {
            return true;
        }

        // The end that the time follows decides: an earlier one without credit was over when the charge went on.
        var before = _owed.Ends.Where(e => e.At <= rect.From).ToList();
        if (before.Exists(e => !e.Credits && e.At == before.Max(o => o.At)))
        {
            return true;
        }

        var ends = _owed.Ends.Where(e => e.At == rect.From).ToList();
        return ends.Count > 0 ? ends.All(e => e.Exact > _asOf) : rect.From > _asOf;
    }

    /// <summary>End of a stretch when the kept time that follows it is counted in.</summary>
    private static Instant Extended(OwedStretch stretch, List<Rect> kept)
    {
        var to = stretch.To;
        foreach (var rect in kept.OrderBy(r => r.From))
        {
            if (rect.From <= to && rect.To > to && rect.LayerFrom < stretch.LayerTo && stretch.LayerFrom < rect.LayerTo)
            {
                to = rect.To;
            }
        }

        return to;
    }

    /// <summary>Kept time that no stretch leads up to is owed as it was booked.</summary>
    private decimal Orphans(Component component, List<Rect> kept)
    {
        var sum = 0m;
        foreach (var rect in kept.Where(r => !component.Owed.Any(o => o.To == r.From && r.LayerFrom < o.LayerTo && o.LayerFrom < r.LayerTo)))
        {
            foreach (var line in component.Booked.Where(l => RectOf(l).Contains(rect)))
            {
                var left = MoneyOf(line) + _creditsOf[line.Id].Sum(MoneyOf);
                var whole = RectOf(line);
                sum += rect == whole || component.Owed.Count == 0 ? left : _lines.RoundOrExact(left * Share(rect, whole));
            }
        }

        return sum;
    }

    private static decimal Share(Rect part, Rect whole) =>
        (decimal)(part.To - part.From).ToInt64Nanoseconds() / (whole.To - whole.From).ToInt64Nanoseconds();

    private decimal AmountOf(OwedStretch stretch, Instant from, Instant to)
    {
        if (from == stretch.From && to == stretch.To)
        {
            return _lines.RoundOrExact(stretch.Amount);
        }

        var part = stretch.Prorated ? Proration.Part(_settings.ProrationBasis, stretch.Zone, from, to, stretch.Period) : Fraction.Of(1m);
        return _lines.RoundOrExact(stretch.FullPrice.Times(part));
    }

    private void Charge(Component component, IReadOnlyList<Rect> missing, decimal amount)
    {
        if (missing.Count == 0)
        {
            Rest(component, amount);
            return;
        }

        var left = amount;
        for (var i = 0; i < missing.Count; i++)
        {
            var rect = missing[i];
            var stretch = component.Owed.First(o => RectOf(o).Contains(rect));
            var own = i == missing.Count - 1 ? left : AmountOf(stretch, rect.From, rect.To);
            left -= own;
            var quantity = rect.LayerFrom < 0m ? rect.LayerTo : rect.LayerTo - rect.LayerFrom;
            Add(_lines.Charge(stretch, RecurringKey(stretch, rect), rect.From, rect.To, rect.LayerFrom, rect.LayerTo, quantity, own));
        }
    }

    /// <summary>The time is all billed, but parts that were billed apart do not sum to the whole: the cent goes on a line of the stretch.</summary>
    private void Rest(Component component, decimal amount)
    {
        if (amount == 0m || component.Owed.Count == 0)
        {
            return;
        }

        var stretch = component.Owed[^1];
        if (amount < 0m && component.Booked.Where(l => !l.Voided).MaxBy(l => l.RecordedAt) is { } last)
        {
            Add(_lines.Credit(last, stretch.From, stretch.To, RectOf(last), amount, _creditsOf[last.Id]));
            return;
        }

        Add(_lines.Charge(stretch, RecurringKey(stretch, RectOf(stretch)), stretch.From, stretch.To, stretch.LayerFrom, stretch.LayerTo, 0m, amount));
    }

    private void Credit(Component component, IReadOnlyList<Rect> surplus, decimal amount)
    {
        var pieces = Pieces(component, surplus);
        var amounts = Shares(pieces, amount);
        for (var i = 0; i < pieces.Count; i++)
        {
            var (line, rect) = pieces[i];
            Add(_lines.Credit(line, rect.From, rect.To, rect, amounts[i], _creditsOf[line.Id]));
        }
    }

    /// <summary>The lines, newest first, that cover what is billed too much, each with the part that it covers.</summary>
    private List<(InvoiceLine Line, Rect Rect)> Pieces(Component component, IReadOnlyList<Rect> surplus)
    {
        var pieces = new List<(InvoiceLine Line, Rect Rect)>();
        foreach (var rect in surplus)
        {
            var open = new Area();
            open.Add(rect);
            foreach (var line in component.Booked.OrderByDescending(l => l.RecordedAt).ThenByDescending(l => l.Id))
            {
                foreach (var piece in LeftOf(line).Rects.SelectMany(m => open.Rects.Select(o => m.Intersect(o)).OfType<Rect>()).ToList())
                {
                    pieces.Add((line, piece));
                    open.Subtract(piece);
                }
            }
        }

        return pieces;
    }

    /// <summary>
    /// Shares an amount below zero over pieces, by the part that each is of what its line still covers. None takes more than its line has left; what one cannot take goes on the others,
    /// so that a later credit of the same line finds its own money there.
    /// </summary>
    private decimal[] Shares(List<(InvoiceLine Line, Rect Rect)> pieces, decimal amount)
    {
        var shares = new decimal[pieces.Count];
        var room = pieces.Select(p => p.Line).DistinctBy(l => l.Id).ToDictionary(l => l.Id, l => LineFactory.LeftOf(l, [.. _creditsOf[l.Id]]));
        var left = Math.Min(0m, amount);

        void Take(int piece, decimal wanted)
        {
            var id = pieces[piece].Line.Id;
            var taken = Math.Max(wanted, -room[id]);
            room[id] += taken;
            shares[piece] += taken;
            left -= taken;
        }

        for (var i = 0; i < pieces.Count; i++)
        {
            var (line, rect) = pieces[i];
            var money = MoneyOf(line) + _creditsOf[line.Id].Sum(MoneyOf);
            Take(i, i == pieces.Count - 1 ? left : Math.Max(left, -_lines.RoundOrExact(money * ShareOfRest(rect, line))));
        }

        for (var i = 0; i < pieces.Count && left < 0m; i++)
        {
            Take(i, left);
        }

        return shares;
    }

    /// <summary>Which part of the time × quantity that a line still covers a piece of it is.</summary>
    private decimal ShareOfRest(Rect piece, InvoiceLine line)
    {
        var rest = LeftOf(line).Rects.Sum(r => r.Size);
        return rest > 0m ? Math.Min(1m, piece.Size / rest) : Math.Min(1m, Share(piece, RectOf(line)));
    }

    private void Usage()
    {
        foreach (var group in Groups(InvoiceLineType.Usage))
        {
            foreach (var component in Components(group.Owed, group.Booked))
            {
                SettleUsage(component);
            }
        }
    }

    private void SettleUsage(Component component)
    {
        var owedAmount = component.Owed.Sum(o => _lines.RoundOrExact(o.Amount));
        var difference = owedAmount - component.Booked.Sum(MoneyOf);
        var quantity = component.Owed.Sum(o => o.Quantity) - component.Booked.Sum(l => l.Quantity);
        var last = component.Booked.Where(l => l.Amount > 0m).MaxBy(l => l.RecordedAt);
        if (component.Owed.Count > 0)
        {
            var first = component.Owed.MinBy(o => o.From)!;
            var end = component.Owed.Max(o => o.To);
            if (difference != 0m || (component.Booked.Count == 0 && _lines.KeepsZeroLines))
            {
                Add(_lines.Usage(first, UsageKey(first), first.From, end, quantity, difference, difference < 0m ? last : null));
            }
        }
        else if (difference != 0m && last is not null)
        {
            Add(_lines.Correction(last, difference, quantity));
        }
    }

    private void Add(InvoiceLine? line)
    {
        if (line is not null && (line.ExactAmount != 0m || _lines.KeepsZeroLines))
        {
            _result.Add(line);
        }
    }

    /// <summary>What a line booked: in the unit in which owed amounts are compared.</summary>
    private decimal MoneyOf(InvoiceLine line) => _settings.RoundingUnit == RoundingUnit.Invoice ? line.ExactAmount : line.Amount;

    private static string RecurringKey(OwedStretch stretch, Rect rect) =>
        $"{stretch.SubscriptionId}/{stretch.Charge.Code}/r/{OwedParts.KeyOf(stretch.Period.From)}/{stretch.PriceKey}/{Rounding.Format(rect.LayerFrom, 0)}/{OwedParts.KeyOf(rect.From)}";

    private static string UsageKey(OwedStretch stretch) =>
        $"{stretch.SubscriptionId}/{stretch.Charge.Code}/u/{OwedParts.KeyOf(stretch.Period.From)}/{stretch.PriceKey}/{OwedParts.KeyOf(stretch.From)}";

    private static Rect RectOf(OwedStretch stretch) => new(stretch.From, stretch.To, stretch.LayerFrom, stretch.LayerTo);

    private static Rect RectOf(InvoiceLine line) => new(line.From!.Value, line.To!.Value, line.LayerFrom, line.LayerTo);

    private readonly record struct GroupKey(string Charge, Instant PeriodFrom, Instant PeriodTo, string PriceKey);

    private sealed record Group(GroupKey Key)
    {
        public List<OwedStretch> Owed { get; } = [];

        public List<InvoiceLine> Booked { get; } = [];
    }

    private sealed class Component
    {
        private readonly List<Rect> _rects = [];

        public List<OwedStretch> Owed { get; } = [];

        public List<InvoiceLine> Booked { get; } = [];

        public void Add(Rect rect, OwedStretch? owed, InvoiceLine? booked)
        {
            _rects.Add(rect);
            if (owed is not null)
            {
                Owed.Add(owed);
            }

            if (booked is not null)
            {
                Booked.Add(booked);
            }
        }

        public bool Touches(Rect rect) => _rects.Any(r => r.Touches(rect));

        public void Join(Component other)
        {
            _rects.AddRange(other._rects);
            Owed.AddRange(other.Owed);
            Booked.AddRange(other.Booked);
        }
    }
}

/// <summary>A time × a range of quantity: what a recurring line covers.</summary>
internal readonly record struct Rect(Instant From, Instant To, decimal LayerFrom, decimal LayerTo)
{
    /// <summary>Seconds × units; the layer that starts at the bottom begins below zero and counts from zero.</summary>
    public decimal Size => (decimal)(To - From).ToInt64Nanoseconds() / NodaConstants.NanosecondsPerSecond * (LayerTo - Math.Max(0m, LayerFrom));

    public bool Touches(Rect other) =>
        From <= other.To && other.From <= To && LayerFrom < Math.Max(other.LayerTo, other.LayerFrom + 0.000000001m) && other.LayerFrom < Math.Max(LayerTo, LayerFrom + 0.000000001m);

    public bool Contains(Rect other) => From <= other.From && other.To <= To && LayerFrom <= other.LayerFrom && other.LayerTo <= LayerTo;

    public Rect? Intersect(Rect other)
    {
        var from = Instant.Max(From, other.From);
        var to = Instant.Min(To, other.To);
        var layerFrom = Math.Max(LayerFrom, other.LayerFrom);
        var layerTo = Math.Min(LayerTo, other.LayerTo);
        return from < to && layerFrom < layerTo ? new Rect(from, to, layerFrom, layerTo) : null;
    }
}

/// <summary>A set of rectangles that do not overlap.</summary>
internal sealed class Area
{
    public List<Rect> Rects { get; private set; } = [];

    public void Add(Rect rect)
    {
        if (rect.From >= rect.To || rect.LayerFrom >= rect.LayerTo)
        {
            return;
        }

        var pieces = new List<Rect> { rect };
        foreach (var existing in Rects)
        {
            pieces = [.. pieces.SelectMany(p => Without(p, existing))];
        }

        Rects.AddRange(pieces);
        Normalize();
    }

    public void Subtract(Rect rect) => Rects = [.. Rects.SelectMany(r => Without(r, rect))];

    private static IEnumerable<Rect> Without(Rect rect, Rect hole)
    {
        if (rect.Intersect(hole) is not { } cut)
        {
            yield return rect;
            yield break;
        }

        if (rect.LayerFrom < cut.LayerFrom)
        {
            yield return rect with { LayerTo = cut.LayerFrom };
        }

        if (cut.LayerTo < rect.LayerTo)
        {
            yield return rect with { LayerFrom = cut.LayerTo };
        }

        if (rect.From < cut.From)
        {
            yield return new Rect(rect.From, cut.From, cut.LayerFrom, cut.LayerTo);
        }

        if (cut.To < rect.To)
        {
            yield return new Rect(cut.To, rect.To, cut.LayerFrom, cut.LayerTo);
        }
    }

    /// <summary>Joins rectangles that lie end to end, so that a whole stays a whole.</summary>
    private void Normalize()
    {
        Rects = [.. Rects.OrderBy(r => r.LayerFrom).ThenBy(r => r.From)];
        for (var i = Rects.Count - 1; i > 0; i--)
        {
            var (before, after) = (Rects[i - 1], Rects[i]);
            if (before.LayerFrom == after.LayerFrom && before.LayerTo == after.LayerTo && before.To == after.From)
            {
                Rects[i - 1] = before with { To = after.To };
                Rects.RemoveAt(i);
            }
        }
    }
}
