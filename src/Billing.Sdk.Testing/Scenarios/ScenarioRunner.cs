using System.Text.Json;
using Billing.Catalog;
using Billing.Testing.Scenarios.Lifecycle;
using Billing.Testing.Scenarios.Pricing;

namespace Billing.Testing.Scenarios;

/// <summary>Runs scenario files of all kinds.</summary>
/// <remarks>Thread-safe. A case that fails, and a file that cannot be read, is a result and never an exception.</remarks>
public sealed class ScenarioRunner
{
    private readonly ScenarioRunnerOptions _options;

    /// <summary>Creates a runner.</summary>
    public ScenarioRunner(ScenarioRunnerOptions? options = null) => _options = options ?? new ScenarioRunnerOptions();

    /// <summary>The scenario files that paths stand for: a file is itself, a folder all <c>*.json</c> files in it and below, in ordinal order.</summary>
    /// <exception cref="BillingException">With code <c>not-found</c>: there is no such file or folder.</exception>
    public static IReadOnlyList<string> FindFiles(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var files = new List<string>();
        foreach (var path in paths)
        {
            if (Directory.Exists(path))
            {
                files.AddRange(Directory.EnumerateFiles(path, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
            }
            else
            {
                files.Add(File.Exists(path) ? path : throw BillingException.NotFound("scenario", path));
            }
        }

        return [.. files.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Runs files, several at the same time.</summary>
    /// <param name="files">The files; results name them so.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>The results in the order of the files and of their cases.</returns>
    public async Task<ScenarioReport> RunAsync(IReadOnlyList<string> files, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        var results = new IReadOnlyList<ScenarioCaseResult>[files.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, _options.Jobs), CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, files.Count), parallel, async (index, stop) =>
            results[index] = await RunFileAsync(files[index], stop).ConfigureAwait(false)).ConfigureAwait(false);
        return new ScenarioReport([.. results.SelectMany(r => r)]);
    }

    /// <summary>Runs one file.</summary>
    /// <param name="path">The file; results name it so.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>One result per case, a lifecycle is one; none when the file has not the tag asked for.</returns>
    public async Task<IReadOnlyList<ScenarioCaseResult>> RunFileAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            return await RunAsync(ScenarioJson.ReadFile(path), path, cancellationToken).ConfigureAwait(false);
        }
        catch (BillingException unreadable)
        {
            return [Unreadable(path, unreadable.Key ?? "", unreadable.Message)];
        }
        catch (IOException unreadable)
        {
            return [Unreadable(path, "", unreadable.Message)];
        }
    }

    /// <summary>Runs a file that has been read.</summary>
    /// <param name="root">The file's root object.</param>
    /// <param name="file">How results name the file.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <inheritdoc cref="RunFileAsync" path="/returns"/>
    /// <exception cref="BillingException">With code <c>validation</c>: the file is not in the format; the path of the key is named.</exception>
    public async Task<IReadOnlyList<ScenarioCaseResult>> RunAsync(JsonElement root, string file, CancellationToken cancellationToken = default)
    {
        var kind = ScenarioJson.KindOf(root);
        if (_options.Tag is { } tag && !new JsonFields(root, "").Texts("tags").Contains(tag, StringComparer.Ordinal))
        {
            return [];
        }

        switch (kind)
        {
            case "lifecycle":
                var scenario = LifecycleScenario.Read(root, file);
                return [await new LifecycleRun(scenario, file, _options).RunAsync(cancellationToken).ConfigureAwait(false)];
            case "pricing" or "rating":
                return await PricingScenarioRunner.RunAsync(root, file, _options.Pricing, cancellationToken).ConfigureAwait(false);
            default:
                throw JsonFields.Error("kind", $"'{kind}' is none of pricing, rating, lifecycle.");
        }
    }

    private static ScenarioCaseResult Unreadable(string file, string path, string message)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        return new ScenarioCaseResult(file, name, [new ScenarioFailure(file, name, path.Length == 0 ? "file" : path, "a scenario in the format", message)]);
    }
}

/// <summary>How scenario files came out.</summary>
/// <param name="Results">One per case.</param>
public sealed record ScenarioReport(IReadOnlyList<ScenarioCaseResult> Results)
{
    /// <summary>How many cases passed.</summary>
    public int Passed => Results.Count(r => r.Passed);

    /// <summary>How many did not.</summary>
    public int Failed => Results.Count - Passed;

    /// <summary>The last line: <c>N passed, N failed</c>.</summary>
    public string Summary => $"{Passed} passed, {Failed} failed";

    /// <summary>Writes a line for each difference, with <paramref name="verbose"/> also for each case that passed, and the summary last.</summary>
    public void WriteTo(TextWriter writer, bool verbose = false)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var result in Results.Where(r => verbose || !r.Passed))
        {
            writer.WriteLine(result.ToString());
        }

        writer.WriteLine(Summary);
    }
}
