namespace Billing;

/// <summary>The version of the contract that plugins are built against.</summary>
public static class SdkVersion
{
    /// <summary>
    /// The version as a compile-time constant: a plugin that names it (the plugin attribute does by default) carries the version it was
    /// compiled against, and the loader compares that with the version it runs on.
    /// </summary>
    public const string Current = "0.1.0";
}
