using System.Buffers.Binary;
using NodaTime;

namespace Billing;

/// <summary>Makes the ids of documents and entries: UUIDs in time order (version 7), so that new rows go to the end of every index.</summary>
/// <remarks>Implementations are thread-safe and never give one id twice.</remarks>
public interface IIdGenerator
{
    /// <summary>A new id.</summary>
    Guid NewId();
}

/// <summary>UUID version 7: 48 bits of Unix milliseconds, a counter that keeps ids of one generator ascending, and random bits.</summary>
public sealed class TimeOrderedIdGenerator : IIdGenerator
{
    private const int RandomPerId = 8;

    private readonly IClock _clock;
    private readonly Action<byte[]> _fillRandom;
    private readonly byte[] _random;
    private readonly Lock _gate = new();
    private int _randomUsed;
    private long _lastMillisecond;
    private int _counter;

    /// <summary>Creates a generator with cryptographic random bits.</summary>
    public TimeOrderedIdGenerator(IClock clock)
        : this(clock, static bytes => System.Security.Cryptography.RandomNumberGenerator.Fill(bytes), ids: 512)
    {
        // One call for many ids: a run makes ten ids for an invoice, and each call of the operating system's generator costs as much as all the rest of an id.
    }

    /// <summary>Creates a generator with another source of random bits, for reproducible tests.</summary>
    /// <param name="clock">Gives the milliseconds.</param>
    /// <param name="fillRandom">Fills the eight bytes it is given.</param>
    public TimeOrderedIdGenerator(IClock clock, Action<byte[]> fillRandom)
        : this(clock, fillRandom, ids: 1)
    {
    }

    private TimeOrderedIdGenerator(IClock clock, Action<byte[]> fillRandom, int ids)
    {
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(fillRandom);
        _clock = clock;
        _fillRandom = fillRandom;
        _random = new byte[ids * RandomPerId];
        _randomUsed = _random.Length;
    }

    /// <inheritdoc/>
    public Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        lock (_gate)
        {
            var millisecond = Math.Max(_clock.GetCurrentInstant().ToUnixTimeMilliseconds(), _lastMillisecond);
            _counter = millisecond == _lastMillisecond ? _counter + 1 : 0;
            if (_counter > 0xFFF)
            {
                millisecond++;
                _counter = 0;
            }

            _lastMillisecond = millisecond;
            BinaryPrimitives.WriteInt64BigEndian(bytes, (millisecond << 16) | 0x7000L | (long)_counter);
            TakeRandom(bytes[8..]);
        }

        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3F));
        return new Guid(bytes, bigEndian: true);
    }

    private void TakeRandom(Span<byte> target)
    {
        if (_randomUsed == _random.Length)
        {
            _fillRandom(_random);
            _randomUsed = 0;
        }

        _random.AsSpan(_randomUsed, RandomPerId).CopyTo(target);
        _randomUsed += RandomPerId;
    }
}
