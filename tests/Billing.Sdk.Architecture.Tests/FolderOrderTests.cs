using Mono.Cecil;

namespace Billing.Architecture;

public class FolderOrderTests
{
    private static readonly FolderOrder SampleOrder = new("Billing.Architecture.Sample", ["Low", "Middle", "High"], ["Engine"]);

    [Fact]
    public void No_folder_of_the_core_uses_a_higher_one()
    {
        using var core = Repository.Module("Billing.Sdk");

        Report.Empty(
            "A folder of the core uses one that stands above it. Move the type down, or turn the dependency around. "
            + "A root type that uses features is named in FolderOrder.Core as hosting surface.",
            FolderOrder.Core.Violations(core));
    }

    [Fact]
    public void Every_way_of_using_a_higher_folder_is_found()
    {
        var found = SampleViolations();

        Assert.Equal(
            [
                "Low.UsesInAsyncMethod -> High.Thing",
                "Low.UsesInAttribute -> High.MarkAttribute",
                "Low.UsesInBaseType -> Middle.Open",
                "Low.UsesInBody -> High.Thing",
                "Low.UsesInField -> High.Thing",
                "Low.UsesInGenericArgument -> High.Thing",
                "Low.UsesInLambda -> High.Thing",
                "Middle.UsesHosting -> Engine",
                "Word -> Low.Base",
            ],
            found);
    }

    [Fact]
    public void A_folder_without_a_place_in_the_order_is_found()
    {
        using var module = OwnModule();
        var violation = Assert.Single(SampleOrder.Violations(module), v => v.Contains("no place in the order", StringComparison.Ordinal));

        Assert.StartsWith("Billing.Architecture.Sample.Elsewhere.Stray ", violation, StringComparison.Ordinal);
    }

    private static List<string> SampleViolations()
    {
        using var module = OwnModule();
        return [.. SampleOrder.Violations(module)
            .Where(v => v.Contains(" -> ", StringComparison.Ordinal))
            .Select(v => v.Replace("Billing.Architecture.Sample.", "", StringComparison.Ordinal).Split(' '))
            .Select(words => $"{words[0]} -> {words[Array.IndexOf(words, "->") + 1]}")
            .Order(StringComparer.Ordinal)];
    }

    private static ModuleDefinition OwnModule() => ModuleDefinition.ReadModule(typeof(FolderOrderTests).Assembly.Location);
}
