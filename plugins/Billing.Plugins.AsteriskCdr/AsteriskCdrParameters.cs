namespace Billing.Plugins.AsteriskCdr;

/// <summary>How the mediator <c>asterisk-cdr</c> makes usage of call records. Every parameter has a default.</summary>
public sealed record AsteriskCdrParameters
{
    /// <summary>The column that names the customer: <c>src</c> (the caller) or <c>accountcode</c>. Default <c>src</c>.</summary>
    public string CustomerField { get; init; } = "src";

    /// <summary>Value of that column → customer id. A value that is not listed is the customer id itself. Default: empty.</summary>
    public IReadOnlyDictionary<string, string> Customers { get; init; } = new Dictionary<string, string>();

    /// <summary>Type of the usage events; meters choose them by it. Default <c>call</c>.</summary>
    public string EventType { get; init; } = "call";

    /// <summary>Source of the usage events. With Asterisk's <c>uniqueid</c> it tells repeats, so give each exchange its own. Default <c>asterisk</c>.</summary>
    public string Source { get; init; } = "asterisk";

    /// <summary>IANA zone in which the exchange writes its times. Default <c>UTC</c>.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>Seconds in a billed unit; a started unit counts in full. Default 60.</summary>
    public int Round { get; init; } = 60;

    /// <summary>The event property that holds the billed units. Default <c>minutes</c>.</summary>
    public string Property { get; init; } = "minutes";

    /// <summary>The dispositions that are billed; calls with others are discarded. Default: <c>ANSWERED</c>.</summary>
    public IReadOnlyList<string> Dispositions { get; init; } = ["ANSWERED"];
}
