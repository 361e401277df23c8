using System.Globalization;

namespace Billing.PluginLoading;

/// <summary>Which SDK versions a plugin may be built against.</summary>
internal static class SdkVersionRule
{
    public static PluginRefusal? Check(string plugin, string host)
    {
        if (!TryParse(plugin, out var built) || !TryParse(host, out var running))
        {
            return PluginRefusal.SdkVersionUnreadable;
        }

        if (built.Major != running.Major)
        {
            return PluginRefusal.SdkMajorDiffers;
        }

        if (running.Major == 0 && built.Minor != running.Minor)
        {
            return PluginRefusal.SdkMinorDiffers;
        }

        return built.Minor > running.Minor ? PluginRefusal.NewerSdkMinor : null;
    }

    // A pre-release suffix says nothing about the contract: 0.2.0-beta.1 is a 0.2.
    private static bool TryParse(string text, out (int Major, int Minor) version)
    {
        version = default;
        var parts = text.Split('-', '+')[0].Split('.');
        return parts.Length == 3
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out version.Major)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out version.Minor)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out _);
    }
}
