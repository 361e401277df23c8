using System.Text.Json.Serialization;

namespace Billing.Plugins.AgingSteps;

/// <summary>Parameters of <c>aging-steps</c>.</summary>
public sealed record AgingStepsParameters
{
    /// <summary>The steps, in order of their days.</summary>
    public required IReadOnlyList<StepParameters> Steps { get; init; }
}

/// <summary>One step.</summary>
public sealed record StepParameters
{
    /// <summary>Calendar days after the due date, 0 to 3650.</summary>
    public required int Days { get; init; }

    /// <summary>Name for messages. Default: <c>step</c> and its number.</summary>
    public string? Name { get; init; }

    /// <summary>What is done: <c>notify</c>, <c>fee:10.00</c>, <c>fee:1.5%</c>, <c>retry</c>, <c>suspend</c>, <c>cancel</c>, <c>writeOff</c>.</summary>
    public required IReadOnlyList<string> Actions { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AgingStepsParameters))]
internal sealed partial class AgingStepsJson : JsonSerializerContext;
