using System.Globalization;
using Billing.Durability.Victim;
using Xunit.Abstractions;

namespace Billing.Durability;

/// <summary>A process that is killed at any moment and started again comes to the books of one that nobody killed.</summary>
/// <remarks><c>BILLING_KILLS</c> says how many kills (default 20; <c>.ci/long</c> takes 200 and more), <c>BILLING_KILL_SEED</c> the first seed.</remarks>
public sealed class KillTests(ITestOutputHelper output)
{
    private static int Kills => Number("BILLING_KILLS", 20);

    private static int Seed => Number("BILLING_KILL_SEED", 1);

    [Fact]
    public Task Killed_processes_come_to_the_same_books_on_SQLite() => HuntAsync(VictimOptions.Sqlite);

    [Fact]
    public Task Killed_processes_come_to_the_same_books_on_PostgreSQL() => HuntAsync(VictimOptions.PostgreSql);

    private async Task HuntAsync(string store)
    {
        var hunt = new Hunt(store, output.WriteLine);

        await hunt.RunAsync(Kills, Seed);

        Assert.Empty(hunt.Failures);
        Assert.Equal(Kills, hunt.Kills.Values.Sum());
        Assert.All(Phases.All, phase => Assert.True(hunt.Kills[phase] > 0, $"No kill landed in phase {phase}."));
    }

    private static int Number(string variable, int byDefault) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : byDefault;
}
