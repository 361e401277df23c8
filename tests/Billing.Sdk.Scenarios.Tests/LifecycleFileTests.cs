using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Lifecycle;

namespace Billing.Scenarios;

/// <summary>The conformance suite on one store. A file fails if, and only if, one of the lists says so.</summary>
public abstract class LifecycleFileTests(string store)
{
    public static TheoryData<string> Files => [.. Suite.Lifecycles];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task A_lifecycle_comes_out_unless_a_list_says_why_not(string file)
    {
        Assert.Contains(store, Suite.Stores);
        var result = Assert.Single(await Suite.Runner(store).RunAsync(ScenarioJson.ReadFile(Path.Combine(Suite.Root, file)), file));
        var reason = Suite.Exceptions.SelectMany(list => list.Value.Select(e => (List: list.Key, e.File, e.Reason))).FirstOrDefault(e => e.File == file);

        if (reason.File is null)
        {
            Assert.True(result.Passed, result.ToString());
        }
        else
        {
            Assert.False(result.Passed, $"{file} comes out: take it off {reason.List}.");
        }
    }
}

public class LifecyclesInMemoryTests() : LifecycleFileTests("memory");

public class LifecyclesOnSqliteTests() : LifecycleFileTests("sqlite");

/// <summary>Scenarios of our own, one for each rule of the format: figures worked out by hand from its text.</summary>
public class OwnScenarioTests
{
    public static TheoryData<string> Files => [.. Suite.Own];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task A_rule_of_the_format_holds(string file)
    {
        var result = Assert.Single(await Suite.Runner("memory").RunAsync(ScenarioJson.ReadFile(Path.Combine(Suite.Root, file)), file));

        Assert.True(result.Passed, result.ToString());
    }
}

public class SuiteTests
{
    [Fact]
    public void Every_lifecycle_file_is_in_the_format()
    {
        var unreadable = new List<string>();
        foreach (var file in Suite.Lifecycles)
        {
            try
            {
                Assert.NotEqual(0, LifecycleScenario.Read(ScenarioJson.ReadFile(Path.Combine(Suite.Root, file)), file).StepCount);
            }
            catch (BillingException refused)
            {
                unreadable.Add($"{file}: {refused.Message}");
            }
        }

        Assert.Empty(unreadable);
        Assert.True(Suite.Lifecycles.Count > 300, $"{Suite.Lifecycles.Count} files are too few.");
    }

    [Fact]
    public void Every_exception_names_a_file_that_is_there_once_and_a_reason()
    {
        var entries = Suite.Exceptions.SelectMany(list => list.Value).ToList();

        Assert.Empty(entries.Select(e => e.File).Except(Suite.Lifecycles));
        Assert.Equal(entries.Count, entries.Select(e => e.File).Distinct().Count());
        Assert.DoesNotContain(entries, e => e.Reason.Length == 0);
    }

    [Fact]
    public void A_list_is_read_by_its_items()
    {
        var entries = Suite.ReadList(["# Title", "", "Some text: with a colon.", "- lifecycle/x/y.json: the source contradicts itself: see its note"]);

        Assert.Equal([("lifecycle/x/y.json", "the source contradicts itself: see its note")], entries);
    }
}
