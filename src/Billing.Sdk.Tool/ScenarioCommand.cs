using System.CommandLine;
using Billing.Testing.Scenarios;

namespace Billing.Tool;

/// <summary><c>scenarios run PATH... [--store memory|sqlite|postgresql] [--tag T] [--jobs N] [--verbose]</c>.</summary>
internal static class ScenarioCommand
{
    private static readonly Argument<string[]> _paths = new("path")
    {
        Description = "Scenario files, or folders that are searched for *.json.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string> _store = new Option<string>("--store")
    {
        Description = "Where lifecycles keep their rows; each has a fresh store.",
        DefaultValueFactory = _ => ScenarioStores.Memory,
    }.AcceptOnlyFromAmong([.. ScenarioStores.Names]);

    private static readonly Option<string?> _tag = new("--tag") { Description = "Only files with this tag." };

    private static readonly Option<int> _jobs = new("--jobs")
    {
        Description = "How many files run at the same time.",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    private static readonly Option<bool> _verbose = new("--verbose") { Description = "Also a line for each case that passes." };

    public static Command Create(TextWriter output, TextWriter errors)
    {
        var run = new Command("run", "Runs scenario files. One line for each difference; the last line is 'N passed, N failed'. The exit code is 1 when a case failed or none ran.")
        {
            _paths, _store, _tag, _jobs, _verbose,
        };
        run.SetAction((parsed, stop) => RunAsync(parsed, output, errors, stop));
        return new Command("scenarios", "Billing expectations written as data.") { run };
    }

    private static async Task<int> RunAsync(ParseResult parsed, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        try
        {
            using var store = ScenarioStores.Open(parsed.GetRequiredValue(_store));
            var options = new ScenarioRunnerOptions
            {
                UseStore = store.Use,
                Plugins = ReferencePlugins.Load(),
                Tag = parsed.GetValue(_tag),
                Jobs = parsed.GetRequiredValue(_jobs),
            };
            var files = ScenarioRunner.FindFiles(parsed.GetRequiredValue(_paths));
            var report = await new ScenarioRunner(options).RunAsync(files, cancellationToken).ConfigureAwait(false);
            report.WriteTo(output, parsed.GetValue(_verbose));
            return report.Failed == 0 && report.Passed > 0 ? 0 : 1;
        }
        catch (BillingException told) when (told.Code is BillingErrorCodes.NotFound or BillingErrorCodes.Storage)
        {
            await errors.WriteLineAsync(told.Message).ConfigureAwait(false);
            return 1;
        }
    }
}
