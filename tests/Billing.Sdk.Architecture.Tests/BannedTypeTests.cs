using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Billing.Architecture;

/// <summary>Time in the core is NodaTime, amounts and quantities are decimal. The compiled code is looked at, so nothing hides behind <c>var</c>.</summary>
public class BannedTypeTests
{
    private static readonly string[] Banned =
    [
        "System.DateTime", "System.DateTimeOffset", "System.TimeZoneInfo", "System.DateOnly", "System.TimeOnly",
        "System.Double", "System.Single", "System.Half", "System.Random",
    ];

    private static readonly Code[] FloatingPoint = [Code.Ldc_R4, Code.Ldc_R8, Code.Conv_R4, Code.Conv_R8, Code.Conv_R_Un];

    /// <summary>Uses that are right, as "outermost type: banned type", each with its reason.</summary>
    private static readonly Dictionary<string, string> Allowed = [];

    [Fact]
    public void The_core_knows_no_DateTime_and_no_binary_floating_point()
    {
        using var core = Repository.Module("Billing.Sdk");

        Report.Empty(
            "Time is NodaTime's, amounts and quantities are decimal.",
            Uses(core.Types.Where(t => t.Namespace.StartsWith("Billing", StringComparison.Ordinal))).Where(u => !Allowed.ContainsKey(u.Key)).Select(u => u.Text));
    }

    [Fact]
    public void The_check_sees_signatures_locals_and_instructions()
    {
        using var own = ModuleDefinition.ReadModule(typeof(BannedTypeTests).Assembly.Location);
        var found = Uses([own.GetType(typeof(BannedTypeSample).FullName)]).Select(u => u.Text).ToList();

        Assert.Contains(found, f => f.Contains(nameof(BannedTypeSample.Signature), StringComparison.Ordinal) && f.EndsWith("System.DateTime", StringComparison.Ordinal));
        Assert.Contains(found, f => f.Contains(nameof(BannedTypeSample.Converted), StringComparison.Ordinal) && f.EndsWith("System.Double", StringComparison.Ordinal));
        Assert.Contains(found, f => f.Contains(nameof(BannedTypeSample.Constant), StringComparison.Ordinal) && f.EndsWith("floating point instruction", StringComparison.Ordinal));
        Assert.DoesNotContain(found, f => f.Contains(nameof(BannedTypeSample.Fine), StringComparison.Ordinal));
    }

    private static IEnumerable<(string Key, string Text)> Uses(IEnumerable<TypeDefinition> types) => types.SelectMany(type =>
    {
        var named = from use in TypeUses.Of(type)
                    where Banned.Contains(use.Used.FullName)
                    select ($"{type.FullName}: {use.Used.FullName}", $"{type.FullName}, in {use.Where} -> {use.Used.FullName}");
        var computed = from part in TypeUses.WithNested(type)
                       from method in part.Methods
                       where method.HasBody && method.Body.Instructions.Any(i => FloatingPoint.Contains(i.OpCode.Code))
                       select ($"{type.FullName}: System.Double", $"{type.FullName}, in {part.Name}.{method.Name} -> floating point instruction");
        return named.Concat(computed);
    });
}

internal static class BannedTypeSample
{
    public static object? Signature(DateTime? time) => time;

    public static decimal Converted(decimal value) => (decimal)(double)value;

    public static bool Constant(object value) => value.Equals(0.5);

    public static decimal Fine(decimal value) => value * 2m;
}
