using Billing.Catalog;
using NodaTime;

namespace Billing.Rating;

/// <summary>A rate whose time bands are numbers, so that a set of them is one bit mask.</summary>
internal sealed class CompiledRate
{
    private readonly (DeckRateBand Band, ulong Codes)[] _bands;

    public CompiledRate(DeckRate rate, IReadOnlyDictionary<string, int> codes)
    {
        Rate = rate;
        _bands = [.. rate.Bands.Select(b => (b, Mask(b.When, codes)))];
    }

    public DeckRate Rate { get; }

    /// <summary>The stage that rules at a second: of those that fit and have begun the one that starts last, the first in the deck of several.</summary>
    public DeckRateBand? Stage(decimal second, ulong codes)
    {
        DeckRateBand? stage = null;
        foreach (var (band, mask) in _bands)
        {
            if ((mask & codes) != 0 && band.From <= second && (stage is null || band.From > stage.From))
            {
                stage = band;
            }
        }

        return stage;
    }

    /// <summary>The second at which the next stage starts; without one the greatest decimal.</summary>
    public decimal NextStage(decimal second, ulong codes)
    {
        var next = decimal.MaxValue;
        foreach (var (band, mask) in _bands)
        {
            if ((mask & codes) != 0 && band.From > second)
            {
                next = Math.Min(next, band.From);
            }
        }

        return next;
    }

    // A band at all times fits every set of codes; one of an unknown code fits none.
    private static ulong Mask(string? when, IReadOnlyDictionary<string, int> codes) =>
        when is null ? ulong.MaxValue : codes.TryGetValue(when, out var index) ? 1ul << index : 0ul;
}

/// <summary>Tells which time bands of a deck rule at a moment, and when that can change next.</summary>
internal sealed class TimeBandClock
{
    private const ulong Always = 1ul << 63;
    private const int MaximumCodes = 63;

    private readonly DateTimeZone _zone;
    private readonly (WeekTimes Times, ulong Code)[] _bands;
    private readonly long[] _borders;

    public TimeBandClock(RateDeck deck, DateTimeZone zone)
    {
        _zone = zone;
        var codes = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var band in deck.TimeBands)
        {
            codes.TryAdd(band.Code, codes.Count);
        }

        if (codes.Count > MaximumCodes)
        {
            throw BillingException.Validation("deck", deck.Code, "timeBands", $"A deck can have {MaximumCodes} codes of time bands.");
        }

        CodeIndex = codes;
        _bands = [.. deck.TimeBands.Select(b => (Times(deck, b), 1ul << codes[b.Code]))];
        _borders = [.. _bands.SelectMany(b => new[] { b.Times.FromNanosecond, b.Times.ToNanosecond }).Append(NodaConstants.NanosecondsPerDay).Distinct().Order()];
    }

    public IReadOnlyDictionary<string, int> CodeIndex { get; }

    public LocalDateTime Local(Instant moment) => moment.InZone(_zone).LocalDateTime;

    /// <summary>The codes that rule at a moment, as a mask, and the earliest moment after it at which they may be others.</summary>
    public ulong CodesAt(Instant moment, out Instant? nextBorder)
    {
        nextBorder = null;
        if (_bands.Length == 0)
        {
            return Always;
        }

        // Within one zone interval the wall clock runs evenly, so a border lies as far ahead as the clock says.
        var interval = _zone.GetZoneInterval(moment);
        var local = moment.WithOffset(interval.WallOffset).LocalDateTime;
        var border = _borders.First(b => b > local.NanosecondOfDay);
        var next = moment + Duration.FromNanoseconds(border - local.NanosecondOfDay);
        nextBorder = interval.HasEnd && interval.End < next ? interval.End : next;

        var codes = Always;
        foreach (var (times, code) in _bands)
        {
            codes |= times.Contains(local) ? code : 0ul;
        }

        return codes;
    }

    private static WeekTimes Times(RateDeck deck, TimeBand band) =>
        WeekTimes.TryRead(band, out var times, out var wrongKey)
            ? times
            : throw BillingException.Validation("deck", deck.Code, $"timeBands.{band.Code}.{wrongKey}", "Days are a range or list of mon … sun; times are HH:mm, the end after the start, 24:00 at most.");
}
