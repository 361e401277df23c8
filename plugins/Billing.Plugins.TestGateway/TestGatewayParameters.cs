using System.Text.Json.Serialization;

namespace Billing.Plugins.TestGateway;

/// <summary>Parameters of <c>test-gateway</c>.</summary>
public sealed record TestGatewayParameters
{
    /// <summary>A file in which the gateway remembers, so that several processes see one gateway. Default: memory of the host's process.</summary>
    public string? StateFile { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TestGatewayParameters))]
[JsonSerializable(typeof(JournalEntry))]
internal sealed partial class TestGatewayJson : JsonSerializerContext;
