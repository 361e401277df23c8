using System.Collections.Frozen;
using Billing.Catalog;
using NodaTime;

namespace Billing.Rating;

/// <summary>Prices calls by a rate deck.</summary>
/// <remarks>
/// <para>The rate of the longest matching prefix is taken. Its bands are the stages of the call: at each second that stage rules which starts last of
/// those that have begun, and of several the first in the deck whose time band fits. Within a stage at least <see cref="DeckRateBand.Initial"/> seconds are
/// billed, then whole steps of <see cref="DeckRateBand.Increment"/>; steps count from the start of the stage and end with it.</para>
/// <para>The time band is that of the call's start, or, when the deck splits at bands, that of each second: steps go on counting from the start of the stage
/// over the border, so a call is never rounded up twice. Borders are wall-clock times in the deck's zone, seconds are elapsed seconds.</para>
/// <para>The amount is the connect fee and all seconds together, summed exactly, divided once and rounded once as the deck says.
/// The deck is compiled once; instances are immutable and thread-safe.</para>
/// </remarks>
public sealed class CallRater
{
    private const decimal NanosecondsPerSecond = NodaConstants.NanosecondsPerSecond;
    private const decimal MaximumSeconds = 1_000_000_000m;

    private readonly RateDeck _deck;
    private readonly FrozenDictionary<string, CompiledRate> _rates;
    private readonly FrozenDictionary<string, CompiledRate>.AlternateLookup<ReadOnlySpan<char>> _ratesByText;
    private readonly int[] _prefixLengths;
    private readonly TimeBandClock _clock;

    /// <summary>Compiles a deck.</summary>
    /// <param name="deck">The deck.</param>
    /// <param name="zone">The zone of its time bands, when the deck names none: the tenant's or customer's.</param>
    /// <param name="zones">Where the deck's own zone is looked up. Default: the TZDB that NodaTime carries.</param>
    /// <exception cref="BillingException">With code <c>validation</c>: an unknown zone, an unreadable time band, a prefix that stands twice.</exception>
    public CallRater(RateDeck deck, DateTimeZone zone, IDateTimeZoneProvider? zones = null)
    {
        ArgumentNullException.ThrowIfNull(deck);
        ArgumentNullException.ThrowIfNull(zone);
        _deck = deck;
        var duplicate = deck.Rates.GroupBy(r => r.Prefix, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        if (duplicate is not null)
        {
            throw BillingException.Validation("deck", deck.Code, "rates", $"Prefix '{duplicate.Key}' stands twice.");
        }

        _clock = new TimeBandClock(deck, ZoneOf(deck, zone, zones));
        _rates = deck.Rates.ToFrozenDictionary(r => r.Prefix, r => new CompiledRate(r, _clock.CodeIndex), StringComparer.Ordinal);
        _ratesByText = _rates.GetAlternateLookup<ReadOnlySpan<char>>();
        _prefixLengths = [.. deck.Rates.Select(r => r.Prefix.Length).Distinct().OrderDescending()];
    }

    /// <summary>The deck's code.</summary>
    public string Code => _deck.Code;

    /// <summary>Prices one call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="bundles">Free seconds that are used before money is charged. Default: none.</param>
    /// <returns>The amount, or the error <c>no-matching-rate</c> (no prefix fits, or a moment of the call that no band covers) or
    /// <c>negative-quantity</c>, or <c>validation</c> for a call of more than a billion seconds. After an error the bundles are as they were.</returns>
    public CallResult Rate(CallRecord call, IReadOnlyList<CallBundle>? bundles = null)
    {
        ArgumentNullException.ThrowIfNull(call);
        bundles ??= [];
        if (call.Seconds < 0m)
        {
            return Failed(BillingErrorCodes.NegativeQuantity, $"A call of {call.Seconds} seconds.", bundles);
        }

        if (call.Seconds > MaximumSeconds)
        {
            return Failed(BillingErrorCodes.Validation, $"A call of {call.Seconds} seconds; {MaximumSeconds} are the most.", bundles);
        }

        if (Find(call.Destination) is not { } rate)
        {
            return Failed(BillingErrorCodes.NoMatchingRate, $"Deck '{Code}' has no rate for '{call.Destination}'.", bundles);
        }

        if (call.Seconds == 0m)
        {
            return new CallResult
            {
                Amount = rate.Rate.ChargeZeroDuration ? Round(Fraction.Of(rate.Rate.ConnectFee)) : 0m,
                Prefix = rate.Rate.Prefix,
                BundleSecondsLeft = Left(bundles),
            };
        }

        var pieces = new List<Piece>();
        return Cut(rate, call, pieces) is { } uncovered
            ? Failed(BillingErrorCodes.NoMatchingRate, $"Deck '{Code}', prefix '{rate.Rate.Prefix}': no band covers {uncovered} ({_clock.Local(uncovered):ddd HH:mm:ss}).", bundles)
            : Charge(rate, call, pieces, bundles);
    }

    private CompiledRate? Find(string destination)
    {
        foreach (var length in _prefixLengths)
        {
            if (length <= destination.Length && _ratesByText.TryGetValue(destination.AsSpan(0, length), out var rate))
            {
                return rate;
            }
        }

        return null;
    }

    // Cuts the call where its price changes; answers the moment that no band covers, if there is one.
    private Instant? Cut(CompiledRate rate, CallRecord call, List<Piece> pieces)
    {
        var second = 0m;
        while (true)
        {
            var moment = _deck.SplitAtBands ? After(call.At, second) : call.At;
            var bands = _clock.CodesAt(moment, out var border);
            if (rate.Stage(second, bands) is not { } stage)
            {
                return moment;
            }

            var nextStage = rate.NextStage(second, bands);
            var end = Math.Min(call.Seconds, nextStage);
            if (_deck.SplitAtBands && border is { } change)
            {
                end = Math.Min(end, (decimal)(change - call.At).ToBigIntegerNanoseconds() / NanosecondsPerSecond);
            }

            if (end >= call.Seconds)
            {
                var billedEnd = stage.From + Billed(stage, call.Seconds - stage.From);
                pieces.Add(new Piece(stage, Math.Min(billedEnd, nextStage) - second));
                return null;
            }

            pieces.Add(new Piece(stage, end - second));
            second = end;
        }
    }

    private static decimal Billed(DeckRateBand stage, decimal used)
    {
        if (used <= stage.Initial)
        {
            return stage.Initial;
        }

        var over = used - stage.Initial;
        var steps = decimal.Truncate(over / stage.Increment);
        return stage.Initial + ((steps * stage.Increment < over ? steps + 1m : steps) * stage.Increment);
    }

    private CallResult Charge(CompiledRate rate, CallRecord call, List<Piece> pieces, IReadOnlyList<CallBundle> bundles)
    {
        var billed = pieces.Sum(p => p.Seconds);
        var left = Left(bundles);
        var free = 0m;
        foreach (var bundle in bundles.Where(b => b.Fits(call.Destination)).OrderBy(b => b.Order))
        {
            var taken = Math.Min(left[bundle.Code], billed - free);
            left[bundle.Code] -= taken;
            free += taken;
        }

        var amount = Fraction.Of(free == billed && free > 0m ? 0m : rate.Rate.ConnectFee);
        var covered = free;
        foreach (var piece in pieces)
        {
            var paid = piece.Seconds - Math.Min(covered, piece.Seconds);
            covered -= piece.Seconds - paid;
            amount = amount.Plus(new Fraction(paid * piece.Stage.UnitAmount, piece.Stage.Per));
        }

        return new CallResult
        {
            Amount = Round(amount),
            Prefix = rate.Rate.Prefix,
            BilledSeconds = billed,
            FreeSeconds = free,
            BundleSecondsLeft = left,
        };
    }

    private decimal Round(Fraction amount) =>
        _deck.RoundingScale is { } scale ? Rounding.Round(amount.Value, scale, _deck.RoundingMode) : amount.Value;

    private static Dictionary<string, decimal> Left(IReadOnlyList<CallBundle> bundles)
    {
        var left = new Dictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var bundle in bundles)
        {
            if (!left.TryAdd(bundle.Code, bundle.Seconds))
            {
                throw BillingException.Validation("bundle", bundle.Code, "code", "The bundle is given twice.");
            }
        }

        return left;
    }

    private static CallResult Failed(string code, string message, IReadOnlyList<CallBundle> bundles) =>
        new() { Error = code, ErrorMessage = message, BundleSecondsLeft = Left(bundles) };

    private static Instant After(Instant start, decimal seconds) =>
        start + Duration.FromNanoseconds(decimal.ToInt64(decimal.Truncate(seconds * NanosecondsPerSecond)));

    private static DateTimeZone ZoneOf(RateDeck deck, DateTimeZone zone, IDateTimeZoneProvider? zones) =>
        deck.TimeZone is null
            ? zone
            : (zones ?? DateTimeZoneProviders.Tzdb).GetZoneOrNull(deck.TimeZone)
                ?? throw BillingException.Validation("deck", deck.Code, "timeZone", $"'{deck.TimeZone}' is no IANA time zone.");

    private readonly record struct Piece(DeckRateBand Stage, decimal Seconds);
}

/// <summary>A call or session to price.</summary>
public sealed record CallRecord
{
    /// <summary>When it began.</summary>
    public required Instant At { get; init; }

    /// <summary>The number called, as digits.</summary>
    public required string Destination { get; init; }

    /// <summary>How long it lasted; may have decimals.</summary>
    public required decimal Seconds { get; init; }
}

/// <summary>Free seconds that calls use up before they cost money.</summary>
public sealed record CallBundle
{
    /// <summary>The code, unique among the bundles of a call.</summary>
    public required string Code { get; init; }

    /// <summary>Seconds left.</summary>
    public required decimal Seconds { get; init; }

    /// <summary>Destinations it is for, by prefix; empty: all.</summary>
    public EquatableList<string> Prefixes { get; init; } = [];

    /// <summary>Bundles of smaller order are used first; those of one order as given. Default 0.</summary>
    public int Order { get; init; }

    internal bool Fits(string destination) =>
        Prefixes.Count == 0 || Prefixes.Any(p => destination.StartsWith(p, StringComparison.Ordinal));
}

/// <summary>What a call costs.</summary>
public sealed record CallResult
{
    /// <summary>The amount, rounded as the deck says.</summary>
    public decimal Amount { get; init; }

    /// <summary>Prefix of the rate that was used; <see langword="null"/> when there was none.</summary>
    public string? Prefix { get; init; }

    /// <summary>Seconds billed: whole steps, those that bundles paid included.</summary>
    public decimal BilledSeconds { get; init; }

    /// <summary>Billed seconds that bundles paid.</summary>
    public decimal FreeSeconds { get; init; }

    /// <summary>Bundle → seconds left after the call.</summary>
    public IReadOnlyDictionary<string, decimal> BundleSecondsLeft { get; init; } = new Dictionary<string, decimal>();

    /// <summary>Stable code of the error when it could not be priced.</summary>
    public string? Error { get; init; }

    /// <summary>What is wrong, in words, when there is an error.</summary>
    public string? ErrorMessage { get; init; }
}
