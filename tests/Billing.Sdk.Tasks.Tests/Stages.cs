using System.Text.Json.Serialization;
using Billing.Tasks;

[assembly: BillingPlugin<AttributedPlugin>("attributed")]

namespace Billing.Tasks;

/// <summary>Stages of the tests: the machinery knows no feature, so the tests need none either.</summary>
[TaskStage("greet", TaskChainKind.All)]
public interface IGreeter
{
    ValueTask<IReadOnlyList<string>> GreetAsync(IReadOnlyList<string> names, CancellationToken cancellationToken);
}

[TaskStage("number", TaskChainKind.One)]
public interface INumberer;

[TaskStage("pick", TaskChainKind.ByName)]
public interface IPicked;

[TaskStage("tell", TaskChainKind.All, Critical = false)]
public interface ITeller;

[TaskStage("greet", TaskChainKind.All)]
public interface IOtherGreeter;

public interface INoStage;

internal sealed class Greeter(Func<string, string> greet) : IGreeter
{
    public ValueTask<IReadOnlyList<string>> GreetAsync(IReadOnlyList<string> names, CancellationToken cancellationToken) => new(names.Select(greet).ToList());
}

internal sealed class Plain : INumberer, IPicked, ITeller;

internal sealed class LambdaPlugin(Action<IPluginBuilder> configure) : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) => configure(builder);
}

public sealed class AttributedPlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) => builder.AddTask<IPicked>("attributed/pick", static _ => new Plain());
}

public sealed class UnnamedPlugin : IBillingPlugin
{
    public void Configure(IPluginBuilder builder) => builder.AddTask<IPicked>("unnamed/pick", static _ => new Plain());
}

public sealed record RateEntry
{
    public required string Code { get; init; }

    public required decimal Percent { get; init; }

    public bool Inclusive { get; init; }

    public decimal Factor { get; init; } = 1m;

    public string Region { get; init; } = "everywhere";

    public string? Note { get; init; }

    public int Digits { get; set; } = 2;

    public int Doubled => Digits * 2;
}

public sealed record Rates
{
    public required IReadOnlyList<RateEntry> Entries { get; init; }

    public Dictionary<string, RateEntry> ByCountry { get; init; } = [];

    public Limits? Limits { get; init; }

    public decimal? Cap { get; init; }

    public int[] Days { get; init; } = [3, 5, 7];

    [JsonExtensionData]
    public Dictionary<string, System.Text.Json.JsonElement>? Rest { get; set; }
}

public sealed record Limits(decimal Lowest, decimal Highest = 100m, string? Why = null)
{
    public decimal Lowest { get; } = Lowest <= Highest ? Lowest : throw new ArgumentException("Lowest is above highest.");
}

public sealed record HalfDefaults(decimal Given)
{
    public decimal Lost { get; init; } = 7m;
}

[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Circle), "circle")]
[JsonDerivedType(typeof(Square), "square")]
public abstract record Shape;

public sealed record Circle(int Radius) : Shape;

public sealed record Square(int Side) : Shape;

public sealed record Drawing
{
    public required IReadOnlyList<Shape> Shapes { get; init; }
}

[JsonSerializable(typeof(Rates))]
[JsonSerializable(typeof(HalfDefaults))]
[JsonSerializable(typeof(Drawing))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    PropertyNameCaseInsensitive = true,
    AllowTrailingCommas = true,
    ReadCommentHandling = System.Text.Json.JsonCommentHandling.Skip,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
internal sealed partial class LenientContext : JsonSerializerContext;
