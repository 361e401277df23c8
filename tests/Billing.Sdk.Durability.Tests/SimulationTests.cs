using System.Globalization;
using Billing.Testing.Simulation;
using Xunit.Abstractions;

namespace Billing.Durability;

/// <summary>Random lives with faults, crashes and two workers come to the totals of undisturbed ones, and a seed gives its history again.</summary>
/// <remarks><c>BILLING_SIMULATION_SEED</c> names the first seed, <c>BILLING_SIMULATIONS</c> how many (default 100).</remarks>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private static int First => Number("BILLING_SIMULATION_SEED", 1);

    private static int Count => Number("BILLING_SIMULATIONS", 100);

    [Fact]
    public async Task A_hundred_seeds_hold_and_run_twice_give_the_same_histories_byte_for_byte()
    {
        var results = new SimulationResult[Count];
        var again = new SimulationResult[Count];
        await Parallel.ForEachAsync(Enumerable.Range(0, Count), async (i, stop) =>
        {
            results[i] = await Simulation.RunAsync(First + i, cancellationToken: stop);
            again[i] = await Simulation.RunAsync(First + i, cancellationToken: stop);
        });

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Count} seeds from {First}: {results.Sum(r => r.Operations)} operations, {results.Sum(r => r.Faults)} faults, {results.Sum(r => r.Crashes)} crashes, {results.Sum(r => (long)r.History.Length)} characters of history"));
        Assert.All(results.Zip(again), pair => Assert.Equal(pair.First.History, pair.Second.History));
        Assert.All(results, r => Assert.True(r.Passed, r.ToString()));
        Assert.True(results.Sum(r => r.Faults) > Count && results.Sum(r => r.Crashes) > Count / 2, "Too little went wrong to prove anything.");
        Assert.Equal(Count, results.Select(r => r.History).Distinct(StringComparer.Ordinal).Count());
    }

    private static int Number(string variable, int byDefault) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : byDefault;
}
