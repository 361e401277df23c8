namespace Billing.Testing.Simulation;

/// <summary>How eventful simulated lives are.</summary>
public sealed record SimulationOptions
{
    /// <summary>Customers. Default 3.</summary>
    public int Customers { get; init; } = 3;

    /// <summary>Moments at which something is asked for, spread over <see cref="Days"/>. Default 16.</summary>
    public int Moments { get; init; } = 16;

    /// <summary>Days over which the lives go on. Default 75.</summary>
    public int Days { get; init; } = 75;

    /// <summary>Of a thousand operations, how many fail: half of them undone, half of them done with the answer lost. Default 12.</summary>
    public int FaultsPerMille { get; init; } = 12;

    /// <summary>Of a thousand operations, at how many the process is killed. Default 6.</summary>
    public int CrashesPerMille { get; init; } = 6;

    /// <summary>Most faults and crashes together, so that every life comes to its end. Default 60.</summary>
    public int MostDisturbances { get; init; } = 60;
}

/// <summary>What became of a simulated history.</summary>
public sealed record SimulationResult
{
    /// <summary>The seed: it alone, with the same options, gives this history again.</summary>
    public required int Seed { get; init; }

    /// <summary>All that was asked for and done, with every operation of every process in its order, and the books at the end. Canonical: two runs of a seed are equal byte for byte.</summary>
    public required string History { get; init; }

    /// <summary>What did not hold; empty when all is well.</summary>
    public required IReadOnlyList<string> Violations { get; init; }

    /// <summary>Operations of stores and gateways.</summary>
    public required int Operations { get; init; }

    /// <summary>Of these, failed ones.</summary>
    public required int Faults { get; init; }

    /// <summary>Processes killed.</summary>
    public required int Crashes { get; init; }

    /// <summary>Whether everything held.</summary>
    public bool Passed => Violations.Count == 0;

    /// <summary>One line with the counts and, for a failure, how to see it again; then what did not hold.</summary>
    public override string ToString() => string.Join(
        '\n',
        Violations.Prepend(FormattableString.Invariant(
            $"{(Passed ? "PASS" : "FAIL")} seed {Seed}: {Operations} operations, {Faults} faults, {Crashes} crashes{(Passed ? "" : FormattableString.Invariant($"; replay with Simulation.RunAsync({Seed})"))}")));
}
