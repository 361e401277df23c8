using Mono.Cecil;

namespace Billing.Architecture;

/// <summary>Two engines in one process know nothing of each other: clock, rounding, tenant and ids are arguments.</summary>
public class StaticStateTests
{
    private static readonly string[] Mutable =
    [
        "System.Collections.Generic.List`1", "System.Collections.Generic.Dictionary`2", "System.Collections.Generic.HashSet`1",
        "System.Collections.Generic.Queue`1", "System.Collections.Generic.Stack`1", "System.Collections.Generic.LinkedList`1",
        "System.Collections.Generic.SortedDictionary`2", "System.Collections.Generic.SortedList`2", "System.Collections.Generic.SortedSet`1",
        "System.Collections.Generic.PriorityQueue`2", "System.Collections.Generic.OrderedDictionary`2",
        "System.Collections.Generic.IList`1", "System.Collections.Generic.ICollection`1", "System.Collections.Generic.IDictionary`2",
        "System.Collections.Generic.ISet`1", "System.Runtime.CompilerServices.ConditionalWeakTable`2", "System.Text.StringBuilder",
        "System.Threading.Lock", "System.Threading.SemaphoreSlim", "System.Threading.AsyncLocal`1", "System.Threading.ThreadLocal`1", "System.Object",
    ];

    /// <summary>Fields that hold a table that nobody writes to, with the reason for the form.</summary>
    private static readonly Dictionary<string, string> Allowed = new()
    {
        ["Billing.Iso4217.Entries"] = "the table from which the frozen dictionary of currencies is made; internal and never handed out",
    };

    [Fact]
    public void The_core_has_no_static_state()
    {
        using var core = Repository.Module("Billing.Sdk");
        var found = Violations(core.Types.Where(t => t.Namespace.StartsWith("Billing", StringComparison.Ordinal))).ToList();

        Report.Empty(
            "Static fields are constants: readonly and of an immutable type (FrozenDictionary, ImmutableArray, EquatableList, …).",
            found.Where(v => !Allowed.ContainsKey(v.Field)).Select(v => v.Text));
        Report.Empty("Allowed, but no longer there:", Allowed.Keys.Except(found.Select(v => v.Field)));
    }

    [Fact]
    public void The_check_sees_fields_that_can_be_set_and_values_that_can_be_changed()
    {
        using var own = ModuleDefinition.ReadModule(typeof(StaticStateTests).Assembly.Location);
        var found = Violations([own.GetType(typeof(StaticStateSample).FullName)]).Select(v => v.Field.Split('.')[^1]);

        Assert.Equal(["Array", "Counter", "List", "Property"], found.Order(StringComparer.Ordinal));
    }

    private static IEnumerable<(string Field, string Text)> Violations(IEnumerable<TypeDefinition> types) =>
        from type in types.SelectMany(TypeUses.WithNested)
        where !type.Name.StartsWith('<') && !type.IsEnum
        from field in type.Fields
        where field.IsStatic && !field.IsLiteral
        let fault = Fault(field)
        where fault is not null
        let name = $"{type.FullName.Replace('/', '.')}.{DeclaredName(field)}"
        select (name, $"{name}: {fault}");

    private static string? Fault(FieldDefinition field)
    {
        if (!field.IsInitOnly)
        {
            return "can be set";
        }

        var type = field.FieldType.GetElementType().FullName;
        return field.FieldType.IsArray || Mutable.Contains(type) || type.StartsWith("System.Collections.Concurrent.", StringComparison.Ordinal)
            ? $"holds a {field.FieldType.Name}, which can be changed"
            : null;
    }

    private static string DeclaredName(FieldDefinition field) =>
        field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name;
}

#pragma warning disable CA2211, CA1802, CA1810
internal static class StaticStateSample
{
    public const int Constant = 1;
    public static readonly string Text = "fixed".ToUpperInvariant();
    public static readonly string[] Array = ["a"];
    public static readonly List<int> List = [1];
    public static int Counter = 1;

    public static int Property { get; set; }

    public static int Fine { get; } = 1;

    public static Func<int, int> Double => value => 2 * value;
}
