using System.Reflection;
using Billing.Tasks;

namespace Billing.PluginLoading;

/// <summary>A plugin that was loaded.</summary>
/// <param name="Folder">Full path of its folder.</param>
/// <param name="Assembly">Its main assembly.</param>
/// <param name="Plugin">The instance of its plugin class; it has been configured.</param>
/// <param name="Registrations">Name, version and tasks, ready for <see cref="TaskCatalogBuilder.AddPlugin(PluginRegistrations)"/>.</param>
public sealed record LoadedPlugin(string Folder, Assembly Assembly, IBillingPlugin Plugin, PluginRegistrations Registrations)
{
    /// <summary>The plugin's name.</summary>
    public string Name => Registrations.Name;

    /// <summary>The plugin's version.</summary>
    public string Version => Registrations.Version;
}

/// <summary>What came of one folder.</summary>
public sealed record PluginLoadEntry
{
    /// <summary>Full path of the plugin's folder.</summary>
    public required string Folder { get; init; }

    /// <summary>The plugin's name from its attribute; <see langword="null"/> when it could not be read.</summary>
    public string? Plugin { get; init; }

    /// <summary>The plugin's version; <see langword="null"/> unless it was loaded.</summary>
    public string? Version { get; init; }

    /// <summary>The SDK version that it was built against; <see langword="null"/> when it could not be read.</summary>
    public string? SdkVersion { get; init; }

    /// <summary>Its tasks as <c>stage/name</c>; empty unless it was loaded.</summary>
    public EquatableList<string> Tasks { get; init; } = [];

    /// <summary>Why it was not loaded; <see langword="null"/> when it was.</summary>
    public PluginRefusal? Refusal { get; init; }

    /// <summary>What exactly is wrong and what to do; empty when it was loaded.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Whether it was loaded.</summary>
    public bool IsLoaded => Refusal is null;

    /// <summary>One line for logs and consoles.</summary>
    public override string ToString() => Refusal is { } refusal
        ? $"refused {Plugin ?? Path.GetFileName(Folder)} ({Folder}): {refusal}: {Detail}"
        : $"loaded  {Plugin} {Version} ({Folder}): {(Tasks.Count == 0 ? "no tasks" : string.Join(", ", Tasks))}";
}

/// <summary>What came of all folders; show it at start and in health checks. Immutable.</summary>
/// <param name="Entries">One entry per plugin folder, in the order of loading, then plugins that the manifest lists and no folder has.</param>
public sealed record PluginLoadReport(EquatableList<PluginLoadEntry> Entries)
{
    /// <summary>Whether a plugin was refused: the host runs, and tenants that need the plugin's tasks do not.</summary>
    public bool IsDegraded => Entries.Any(entry => !entry.IsLoaded);

    /// <summary>The plugins that were refused.</summary>
    public IEnumerable<PluginLoadEntry> Refused => Entries.Where(entry => !entry.IsLoaded);

    /// <summary>One line per folder.</summary>
    public override string ToString() => Entries.Count == 0 ? "no plugin folders" : string.Join('\n', Entries);
}

/// <summary>The plugins that can be used and the report of all.</summary>
/// <param name="Plugins">Those that were loaded.</param>
/// <param name="Report">What came of every folder.</param>
public sealed record PluginLoadResult(IReadOnlyList<LoadedPlugin> Plugins, PluginLoadReport Report);
