using Billing.Plugins.AgingSteps;
using Billing.Plugins.FixedScheduleRetry;
using Billing.Plugins.FlatRateTax;
using Billing.Plugins.TestGateway;
using Billing.Tasks;
using Billing.Testing.Faults;
using Xunit.Abstractions;

namespace Billing.Durability;

/// <summary>Every operation of a scenario fails once; the books come out the same.</summary>
public sealed class FaultSweepTests(ITestOutputHelper output)
{
    public static TheoryData<string> Basic => [.. Repository.ScenariosTagged("basic")];

    [Theory]
    [MemberData(nameof(Basic))]
    public async Task Each_operation_fails_once_and_the_books_are_those_of_the_undisturbed_run(string file)
    {
        var results = await new FaultSweep(new FaultSweepOptions { Plugins = PluginsWith }).RunFileAsync(Path.Combine(Repository.Root, file));

        foreach (var result in results)
        {
            output.WriteLine(result.ToString());
        }

        Assert.All(results, r => Assert.True(r.Passed, r.ToString()));
        Assert.All(results, r => Assert.Equal(r.Operations, r.Injected));
        Assert.Contains(results, r => r.Injected > 0);
    }

    private static IReadOnlyList<Action<TaskCatalogBuilder>> PluginsWith(IGatewayInterceptor interceptor) =>
    [
        tasks => tasks.AddPlugin("billing.test-gateway", new InterceptedGateways(new TestGatewayPlugin(), interceptor)),
        tasks => tasks.AddPlugin<AgingStepsPlugin>(),
        tasks => tasks.AddPlugin<FixedScheduleRetryPlugin>(),
        tasks => tasks.AddPlugin<FlatRateTaxPlugin>(),
    ];
}
