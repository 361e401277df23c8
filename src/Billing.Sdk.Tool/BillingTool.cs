using System.CommandLine;

namespace Billing.Tool;

/// <summary>The command line.</summary>
internal static class BillingTool
{
    /// <summary>Runs a command line; returns the exit code: 0 when all is well, 1 otherwise.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter errors, CancellationToken cancellationToken = default)
    {
        var root = new RootCommand("Billing.Sdk on the command line.") { ScenarioCommand.Create(output, errors) };
        var configuration = new InvocationConfiguration { Output = output, Error = errors };
        return await root.Parse(args).InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
    }
}
