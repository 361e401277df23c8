using Xunit.Sdk;

namespace Billing.Architecture;

/// <summary>Fails a test once, with everything that breaks its rule.</summary>
internal static class Report
{
    public static void Empty(string rule, IEnumerable<string> violations)
    {
        var all = violations.Distinct().Order(StringComparer.Ordinal).ToList();
        if (all.Count > 0)
        {
            throw new XunitException($"{rule}{Environment.NewLine}{string.Join(Environment.NewLine, all.Select(v => "  " + v))}");
        }
    }
}
