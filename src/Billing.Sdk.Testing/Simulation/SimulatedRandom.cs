namespace Billing.Testing.Simulation;

/// <summary>Numbers that follow from a seed and from nothing else: the same on every machine and runtime (SplitMix64).</summary>
internal sealed class SimulatedRandom
{
    private readonly ulong _seed;
    private ulong _state;

    public SimulatedRandom(ulong seed) => _seed = _state = seed;

    /// <summary>A generator of its own, so that more numbers here change nothing there.</summary>
    public SimulatedRandom Branch(string name)
    {
        var hash = 14695981039346656037UL;
        foreach (var letter in name)
        {
            hash = unchecked((hash ^ letter) * 1099511628211UL);
        }

        return new SimulatedRandom(_seed ^ hash);
    }

    public ulong Next()
    {
        unchecked
        {
            _state += 0x9E3779B97F4A7C15UL;
            var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9UL;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBUL;
            return mixed ^ (mixed >> 31);
        }
    }

    /// <summary>A number from 0 up to, and not including, a bound.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>Whether something happens that happens so often in a thousand.</summary>
    public bool Happens(int perMille) => Below(1000) < perMille;

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];
}
