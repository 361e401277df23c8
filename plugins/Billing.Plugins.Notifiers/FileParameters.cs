using System.Text.Json.Serialization;

namespace Billing.Plugins.Notifiers;

/// <summary>Parameters of <c>file</c>.</summary>
public sealed record FileParameters
{
    /// <summary>The file that lines are added to; its folder must be there.</summary>
    public required string Path { get; init; }
}

/// <summary>One line: a message as JSON.</summary>
internal sealed record MessageLine
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Customer { get; init; }

    public string? CustomerName { get; init; }

    public string? Email { get; init; }

    public required string OccurredAt { get; init; }

    public required IReadOnlyDictionary<string, string> Data { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(FileParameters))]
[JsonSerializable(typeof(MessageLine))]
internal sealed partial class NotifiersJson : JsonSerializerContext;
