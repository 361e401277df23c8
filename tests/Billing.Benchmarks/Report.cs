using System.Globalization;

namespace Billing.Benchmarks;

/// <summary>What a row must reach: its ratio at least or at most a figure.</summary>
/// <param name="Least">Whether more is better.</param>
/// <param name="Ratio">The figure.</param>
internal sealed record Bar(bool Least, double Ratio)
{
    public static Bar AtLeast(double ratio) => new(true, ratio);

    public static Bar AtMost(double ratio) => new(false, ratio);

    public bool Holds(double ratio) => Least ? ratio >= Ratio : ratio <= Ratio;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Least ? ">=" : "<=")}{Ratio:0.##}");
}

/// <summary>One measured repetition of a row.</summary>
/// <param name="Value">The engine's figure.</param>
/// <param name="Limit">The limit's figure, taken in the same repetition.</param>
internal readonly record struct Sample(double Value, double Limit);

/// <summary>Prints rows as they come: <c>name value limit ratio bar verdict unit</c>. Lines that start with <c>#</c> explain.</summary>
internal sealed class Report(TextWriter output)
{
    public const string Header = "# name value limit ratio bar verdict unit";

    private readonly TextWriter _output = output;

    public int Below { get; private set; }

    public int Rows { get; private set; }

    public void Note(string text) => _output.WriteLine($"# {text}");

    /// <summary>A row of repetitions: the one with the median ratio is printed, so that value and limit are of the same moment.</summary>
    public void Row(string name, IEnumerable<Sample> samples, Bar? bar, string unit)
    {
        var ordered = samples.OrderBy(s => s.Value / s.Limit).ToList();
        var median = ordered[ordered.Count / 2];
        if (ordered.Count > 1)
        {
            Note($"{name}: ratios {string.Join(' ', ordered.Select(s => Figure(s.Value / s.Limit)))}");
        }

        Row(name, median.Value, median.Limit, bar, unit);
    }

    public void Row(string name, double value, double limit, Bar? bar, string unit)
    {
        var ratio = value / limit;
        var verdict = bar is null ? "-" : bar.Holds(ratio) ? "pass" : "below";
        Rows++;
        Below += verdict == "below" ? 1 : 0;
        _output.WriteLine($"{name} {Figure(value)} {Figure(limit)} {Figure(ratio)} {bar?.ToString() ?? "-"} {verdict} {unit}");
        _output.Flush();
    }

    private static string Figure(double value) => Math.Abs(value) switch
    {
        >= 1000 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };
}
