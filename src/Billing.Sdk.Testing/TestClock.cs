using NodaTime;

namespace Billing.Testing;

/// <summary>A clock that stands still until it is set: time in a test is an input like any other.</summary>
/// <remarks>Thread-safe. It may be set back; who wants time to go forward only uses <see cref="AdvanceTo"/>.</remarks>
public sealed class TestClock : IClock
{
    private readonly Lock _gate = new();
    private Instant _now;

    /// <summary>Creates a clock that shows a moment.</summary>
    public TestClock(Instant now) => _now = now;

    /// <summary>What the clock shows.</summary>
    public Instant Now
    {
        get
        {
            lock (_gate)
            {
                return _now;
            }
        }

        set
        {
            lock (_gate)
            {
                _now = value;
            }
        }
    }

    /// <summary>Moves the clock forward to a moment; a moment that has passed changes nothing.</summary>
    public void AdvanceTo(Instant moment)
    {
        lock (_gate)
        {
            _now = Instant.Max(_now, moment);
        }
    }

    /// <summary>Moves the clock by a duration.</summary>
    public void Advance(Duration by)
    {
        lock (_gate)
        {
            _now += by;
        }
    }

    /// <inheritdoc/>
    public Instant GetCurrentInstant() => Now;
}
