using System.Text.Json.Serialization;

namespace Billing.Plugins.FixedScheduleRetry;

/// <summary>Parameters of <c>fixed-schedule</c>.</summary>
public sealed record FixedScheduleParameters
{
    /// <summary>Days from each attempt to the next, 1 to 366; as many as there are retries.</summary>
    public required IReadOnlyList<int> Days { get; init; }

    /// <summary>What happens when the last attempt has failed: <c>none</c>, <c>cancel</c>, <c>pause</c> or <c>uncollectible</c>. Default <c>none</c>.</summary>
    public string Then { get; init; } = "none";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FixedScheduleParameters))]
internal sealed partial class FixedScheduleJson : JsonSerializerContext;
