using Billing.Tool;
using Xunit;

namespace Billing.PostgreSql.Tests;

/// <summary>
/// The scenarios of other systems and their documents, with their rows in PostgreSQL, under row security: those tagged <c>basic</c>, or all of them when BILLING_SCENARIOS is <c>all</c>
/// (the long form of the tests), because each lives its months through a server.
/// </summary>
public sealed class ScenarioTests
{
    [Fact]
    public async Task Scenarios_give_the_same_on_PostgreSQL()
    {
        Environment.SetEnvironmentVariable("BILLING_POSTGRES", PostgresServer.Address);
        var (output, errors) = (new StringWriter(), new StringWriter());
        string[] selection = Environment.GetEnvironmentVariable("BILLING_SCENARIOS") == "all" ? [] : ["--tag", "basic"];
        var paths = new[] { "pricing", "rating", "lifecycle" }.Select(part => Path.Combine(PostgresServer.Repository, "tests", "Scenarios", part));
        var code = await BillingTool.RunAsync(["scenarios", "run", .. paths, "--store", "postgresql", .. selection], output, errors);
        Assert.True(code == 0, errors.ToString() + output);
        Assert.EndsWith(" passed, 0 failed", output.ToString().TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(0, await PostgresServer.ScalarAsync<long>(PostgresServer.Address, "SELECT count(*) FROM pg_database WHERE starts_with(datname, 'billing_scenarios_')"));
    }
}
