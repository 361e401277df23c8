#pragma warning disable IDE0130, CA1812, CA1852, CA1823, CA1018, CA1050, IDE0161, IDE0051, CS0169, CS0649
// A small assembly inside this one that breaks the order of its folders in every way that the rule must see.
namespace Billing.Architecture.Sample
{
    internal sealed class Word
    {
        public override string ToString() => new Low.Base().ToString()!;
    }

    internal sealed class Engine
    {
        public High.Thing? Allowed { get; init; }
    }
}

namespace Billing.Architecture.Sample.Low
{
    internal class Base
    {
        public Word? Allowed { get; init; }
    }

    internal sealed class UsesInField
    {
        internal readonly High.Thing[]? Field;
    }

    internal sealed class UsesInBody
    {
        public override string ToString() => $"{High.Thing.Count}";
    }

    internal sealed class UsesInGenericArgument
    {
        public static IReadOnlyDictionary<string, List<High.Thing>>? None() => null;
    }

    internal sealed class UsesInLambda
    {
        public static Func<object> Make() => () => new High.Thing();
    }

    internal sealed class UsesInAsyncMethod
    {
        public static async Task<string> TextAsync()
        {
            await Task.Yield();
            return $"{High.Thing.Count}";
        }
    }

    [High.Mark]
    internal sealed class UsesInAttribute;

    internal sealed class UsesInBaseType : Middle.Open;
}

namespace Billing.Architecture.Sample.Middle
{
    internal class Open : Low.Base;

    internal sealed class UsesHosting
    {
        internal Engine? Engine { get; init; }
    }
}

namespace Billing.Architecture.Sample.High
{
    internal sealed class Thing : Middle.Open
    {
        public static int Count { get; } = 1;
    }

    [AttributeUsage(AttributeTargets.Class)]
    internal sealed class MarkAttribute : Attribute;
}

namespace Billing.Architecture.Sample.Elsewhere
{
    internal sealed class Stray;
}
