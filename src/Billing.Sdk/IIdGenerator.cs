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
    private readonly IClock _clock;
    private readonly Action<byte[]> _fillRandom;
    private readonly Lock _gate = new();
    private long _lastMillisecond;
    private int _counter;

    /// <summary>Creates a generator with cryptographic random bits.</summary>
    public TimeOrderedIdGenerator(IClock clock)
        : this(clock, bytes => System.Security.Cryptography.RandomNumberGenerator.Fill(bytes))
    {
    }

    /// <summary>Creates a generator with another source of random bits, for reproducible tests.</summary>
    /// <param name="clock">Gives the milliseconds.</param>
    /// <param name="fillRandom">Fills the eight bytes it is given.</param>
    public TimeOrderedIdGenerator(IClock clock, Action<byte[]> fillRandom)
    {
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(fillRandom);
        _clock = clock;
        _fillRandom = fillRandom;
    }

    /// <inheritdoc/>
    public Guid NewId()
    {
        long millisecond;
        int counter;
        lock (_gate)
        {
            millisecond = Math.Max(_clock.GetCurrentInstant().ToUnixTimeMilliseconds(), _lastMillisecond);
            _counter = millisecond == _lastMillisecond ? _counter + 1 : 0;
            if (_counter > 0xFFF)
            {
                millisecond++;
                _counter = 0;
            }

            _lastMillisecond = millisecond;
            counter = _counter;
        }

        var random = new byte[8];
        _fillRandom(random);
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < 6; i++)
        {
            bytes[i] = (byte)((millisecond >> (40 - (8 * i))) & 0xFF);
        }

        bytes[6] = (byte)(0x70 | (counter >> 8));
        bytes[7] = (byte)(counter & 0xFF);
        random.CopyTo(bytes[8..]);
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3F));
        return new Guid(bytes, bigEndian: true);
    }
}
