using System.Text.Json.Serialization;

namespace Billing.Plugins.FlatRateTax;

/// <summary>Parameters of <c>flat-rate-tax</c>.</summary>
public sealed record FlatRateTaxParameters
{
    /// <summary>The rates. All that fit a line add up on its net amount.</summary>
    public required IReadOnlyList<FlatRate> Rates { get; init; }
}

/// <summary>One rate and what it fits.</summary>
public sealed record FlatRate
{
    /// <summary>Code on the invoice.</summary>
    public required string Code { get; init; }

    /// <summary>Percent, 0 to 1000; a JSON number, or text without exponent.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowReadingFromString)]
    public required decimal Percent { get; init; }

    /// <summary>Whether prices include it. Default false.</summary>
    public bool Inclusive { get; init; }

    /// <summary>Country of the customer, as the host writes it; left out: all.</summary>
    public string? Country { get; init; }

    /// <summary>Region of the customer; left out: all.</summary>
    public string? Region { get; init; }

    /// <summary>Tax codes, or charge codes of lines without one; left out: all.</summary>
    public IReadOnlyList<string>? Products { get; init; }

    /// <summary>First invoice date, ISO 8601; left out: always.</summary>
    public string? From { get; init; }

    /// <summary>Day after the last invoice date, ISO 8601; left out: without end.</summary>
    public string? Until { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FlatRateTaxParameters))]
internal sealed partial class FlatRateTaxJson : JsonSerializerContext;
