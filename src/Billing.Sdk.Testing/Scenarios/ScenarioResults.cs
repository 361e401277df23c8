namespace Billing.Testing.Scenarios;

/// <summary>One figure of a scenario that came out otherwise.</summary>
/// <param name="File">The file, as it was named to the runner.</param>
/// <param name="Case">Name of the case; of a lifecycle the name of the scenario.</param>
/// <param name="Path">Where in the file the expectation stands: <c>expect.tiers[1].amount</c>.</param>
/// <param name="Expected">What the file says.</param>
/// <param name="Actual">What came out.</param>
public sealed record ScenarioFailure(string File, string Case, string Path, string Expected, string Actual)
{
    /// <summary>One line: <c>FAIL file#case: path: expected X, was Y</c>.</summary>
    public override string ToString() => $"FAIL {File}#{Case}: {Path}: expected {Expected}, was {Actual}";
}

/// <summary>How one case of a scenario file came out.</summary>
/// <param name="File">The file, as it was named to the runner.</param>
/// <param name="Case">Name of the case.</param>
/// <param name="Failures">What differs; empty when the case passed.</param>
public sealed record ScenarioCaseResult(string File, string Case, IReadOnlyList<ScenarioFailure> Failures)
{
    /// <summary>Whether all figures came out.</summary>
    public bool Passed => Failures.Count == 0;

    /// <summary><c>PASS file#case</c>, or the failures, one a line.</summary>
    public override string ToString() => Passed ? $"PASS {File}#{Case}" : string.Join('\n', Failures);
}

/// <summary>Collects the differences of one case.</summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class ScenarioComparison(string file, string caseName)
{
    private readonly List<ScenarioFailure> _failures = [];

    /// <summary>The differences so far.</summary>
    public IReadOnlyList<ScenarioFailure> Failures => _failures;

    /// <summary>What the case came to.</summary>
    public ScenarioCaseResult Result => new(file, caseName, [.. _failures]);

    /// <summary>Notes a difference.</summary>
    public void Fail(string path, string expected, string actual) => _failures.Add(new ScenarioFailure(file, caseName, path, expected, actual));

    /// <summary>Compares decimals by value: 5.0 equals 5.</summary>
    public void Compare(string path, decimal expected, decimal actual)
    {
        if (expected != actual)
        {
            Fail(path, Rounding.Format(expected, 0), Rounding.Format(actual, 0));
        }
    }

    /// <summary>Compares texts, case-sensitively.</summary>
    public void Compare(string path, string expected, string? actual)
    {
        if (!string.Equals(expected, actual, StringComparison.Ordinal))
        {
            Fail(path, $"'{expected}'", actual is null ? "nothing" : $"'{actual}'");
        }
    }

    /// <summary>Compares whole numbers.</summary>
    public void Compare(string path, int expected, int actual) => Compare(path, (decimal)expected, actual);
}
