using Billing.Storage;
using Billing.Tasks;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Lifecycle;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Billing.Testing.Faults;

/// <summary>What a fault sweep runs on.</summary>
public sealed record FaultSweepOptions
{
    /// <summary>Sets a fresh store for one run, as <see cref="ScenarioRunnerOptions.UseStore"/> does. Default: in memory.</summary>
    public Func<BillingBuilder, IDisposable?> UseStore { get; init; } = new ScenarioRunnerOptions().UseStore;

    /// <summary>
    /// The plugins that scenarios may name. Gateways must be wrapped with <see cref="InterceptedGateways"/> and the interceptor given here, or their calls are not failed. Default: none.
    /// </summary>
    public Func<IGatewayInterceptor, IReadOnlyList<Action<TaskCatalogBuilder>>> Plugins { get; init; } = static _ => [];

    /// <summary>The kinds of failure to sweep with. Default: all.</summary>
    public IReadOnlyList<FaultKind> Kinds { get; init; } = [FaultKind.NotDone, FaultKind.AnswerLost, FaultKind.TimedOut];
}

/// <summary>What a sweep of one kind over one scenario came to.</summary>
/// <param name="File">The scenario.</param>
/// <param name="Kind">How operations failed.</param>
/// <param name="Operations">How many operations of the store and calls of gateways a run without fault has; with <see cref="FaultKind.TimedOut"/> calls of gateways only.</param>
/// <param name="GatewayCalls">Of these, calls of gateways.</param>
/// <param name="Injected">In how many runs a fault was injected: one each for the first, second, … operation, until a run had no such operation.</param>
/// <param name="Failures">What did not hold, or did not come to the same books; empty when all is well.</param>
public sealed record FaultSweepResult(string File, FaultKind Kind, int Operations, int GatewayCalls, int Injected, IReadOnlyList<string> Failures)
{
    /// <summary>Whether each operation failed once, and every run came to the books of the run without fault.</summary>
    public bool Passed => Failures.Count == 0 && Injected == Operations;

    /// <summary>One line with the counts, then the failures.</summary>
    public override string ToString() => string.Join(
        '\n',
        Failures.Prepend($"{(Passed ? "PASS" : "FAIL")} {File} {Kind}: {Operations} operations ({GatewayCalls} of gateways), {Injected} faults injected"));
}

/// <summary>
/// Fails each operation of a scenario once: the first in a first run, the second in a second run, and so on until a run comes to its end without meeting its fault. The step
/// that failed is repeated as a host would repeat it: the same command under the same idempotency key, or the next run.
/// </summary>
/// <remarks>
/// After the step that failed, and at the end, the invariants must hold and the <see cref="Books"/> must be those of the undisturbed run. An attempt whose answer was lost is
/// settled by the collection run of the moment at which the engine wants to ask again. Thread-safe.
/// </remarks>
public sealed class FaultSweep
{
    private readonly FaultSweepOptions _options;

    /// <summary>Creates a sweep.</summary>
    public FaultSweep(FaultSweepOptions? options = null) => _options = options ?? new FaultSweepOptions();

    /// <summary>Sweeps over a scenario file of kind <c>lifecycle</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Stops between runs.</param>
    /// <returns>One result per kind of failure.</returns>
    /// <exception cref="BillingException">With code <c>validation</c>: the file is not in the format.</exception>
    public async Task<IReadOnlyList<FaultSweepResult>> RunFileAsync(string path, CancellationToken cancellationToken = default)
    {
        var scenario = LifecycleScenario.Read(ScenarioJson.ReadFile(path), path);
        var results = new List<FaultSweepResult>();
        foreach (var kind in _options.Kinds)
        {
            results.Add(await SweepAsync(scenario, path, kind, cancellationToken).ConfigureAwait(false));
        }

        return results;
    }

    private async Task<FaultSweepResult> SweepAsync(LifecycleScenario scenario, string file, FaultKind kind, CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        var clean = new SweepGuard(new FaultInjector(0, kind), null);
        failures.AddRange((await RunAsync(scenario, file, clean, cancellationToken).ConfigureAwait(false)).Select(f => $"without fault: {f}"));
        var injected = 0;
        for (var number = 1; failures.Count == 0; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var guard = new SweepGuard(new FaultInjector(number, kind), clean);
            var differences = await RunAsync(scenario, file, guard, cancellationToken).ConfigureAwait(false);
            if (guard.Injector.Injected is not { } fault)
            {
                break;
            }

            injected++;
            failures.AddRange(differences.Select(d => $"fault at {fault}: {d}"));
        }

        var operations = clean.Injector.Operations;
        return new FaultSweepResult(file, kind, operations.Count, operations.Count(o => o.StartsWith("gateway", StringComparison.Ordinal)), injected, failures);
    }

    private async Task<IReadOnlyList<string>> RunAsync(LifecycleScenario scenario, string file, SweepGuard guard, CancellationToken cancellationToken)
    {
        var options = new ScenarioRunnerOptions
        {
            Plugins = _options.Plugins(guard.Injector),
            UseStore = billing =>
            {
                var cleanup = _options.UseStore(billing);
                billing.InterceptStorage(guard.Injector);
                billing.Services.TryAddSingleton(s => new TaskInvoker(s.GetRequiredService<ILogger<TaskInvoker>>(), time: guard.Injector.Time));
                return cleanup;
            },
        };
        var result = await new LifecycleRun(scenario, file, options, guard).RunAsync(cancellationToken).ConfigureAwait(false);
        return [.. result.Failures.Where(f => !guard.IsExcused(f)).Select(f => f.ToString()), .. guard.Failures];
    }
}

/// <summary>Repeats the step that a fault hit, and compares with the run without fault.</summary>
internal sealed class SweepGuard(FaultInjector injector, SweepGuard? clean) : RunGuard
{
    /// <summary>A step is repeated until it succeeds; there is one fault, so the second time must do.</summary>
    private const int Repeats = 1;

    /// <summary>As often as a query of the gateway may be needed to settle an attempt.</summary>
    private const int SettlingRuns = 4;

    private readonly Dictionary<string, Books> _booksAfter = new(StringComparer.Ordinal);
    private readonly List<string> _failures = [];
    private IReadOnlyList<string> _delivered = [];
    private int _parts;

    public FaultInjector Injector { get; } = injector;

    public IReadOnlyList<string> Failures => _failures;

    /// <summary>What a scenario expects of the way that things go, when the fault made a lease or a gateway's answer a matter of minutes.</summary>
    public bool IsExcused(ScenarioFailure failure) => clean is not null && failure.Path.Contains("notifications", StringComparison.Ordinal);

    public override async Task DoAsync(LifecycleRun run, string path, Func<Task> part)
    {
        var before = Injector.Injected;
        var marks = run.Marks.ToList();
        for (var repeats = 0; ; repeats++)
        {
            try
            {
                await part().ConfigureAwait(false);
                break;
            }
            catch (Exception error) when (IsInjected(error) && repeats < Repeats)
            {
                // The same step again, from where the scenario stood before it.
                run.Marks.Clear();
                marks.ForEach(m => run.Marks.Add(m.Key, m.Value));
            }
        }

        using var suspended = Injector.Suspend();
        var place = $"part {_parts++} ({path})";
        if (clean is null)
        {
            _booksAfter[place] = await ReadBooksAsync(run, CancellationToken.None).ConfigureAwait(false);
        }
        else if (Injector.Injected != before)
        {
            await CompareAsync(run, place, CancellationToken.None).ConfigureAwait(false);
        }
    }

    public override async Task EndAsync(LifecycleRun run, DueWork dueWork, CancellationToken cancellationToken)
    {
        using var suspended = Injector.Suspend();

        // Long enough for leases and for questions to gateways; so that both histories stand at the same moment.
        await dueWork.DoUntilAsync(run.Scenario.Timeline[^1].At + NodaTime.Duration.FromDays(2), cancellationToken).ConfigureAwait(false);
        _delivered = [.. run.Host.Notifications.Sent.Select(n => $"{n.Message.CustomerId} {n.Message.Name}").Order(StringComparer.Ordinal)];
        if (clean is null)
        {
            _booksAfter["end"] = await ReadBooksAsync(run, cancellationToken).ConfigureAwait(false);
        }
        else if (Injector.Injected is not null)
        {
            await CompareAsync(run, "end", cancellationToken).ConfigureAwait(false);
            if (!_delivered.SequenceEqual(clean._delivered, StringComparer.Ordinal))
            {
                _failures.Add($"end: delivered {string.Join(", ", _delivered)} in place of {string.Join(", ", clean._delivered)}");
            }
        }
    }

    public override IDisposable Unwatched() => Injector.Suspend();

    private static bool IsInjected(Exception error) =>
        error is InjectedFaultException || (error.InnerException is { } inner && IsInjected(inner)) || error is BillingException { Code: BillingErrorCodes.TaskFailed };

    private static Task<Books> ReadBooksAsync(LifecycleRun run, CancellationToken cancellationToken) =>
        Books.ReadAsync(run.Engine, run.Host.Storage, ScenarioHost.Tenant, cancellationToken);

    private async Task CompareAsync(LifecycleRun run, string path, CancellationToken cancellationToken)
    {
        var expected = clean!._booksAfter[path];
        var actual = await ReadBooksAsync(run, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < SettlingRuns && actual.DifferencesFrom(expected).Count > 0; i++)
        {
            if (!await SettleAsync(run, cancellationToken).ConfigureAwait(false))
            {
                break;
            }

            actual = await ReadBooksAsync(run, cancellationToken).ConfigureAwait(false);
        }

        _failures.AddRange(actual.DifferencesFrom(expected).Select(d => $"{path}: other books: {d}"));
        _failures.AddRange((await run.FindViolationsAsync(cancellationToken).ConfigureAwait(false)).Select(v => $"{path}: {v}"));
    }

    /// <summary>Lets time pass until collection wants to be run next, and runs it: minutes or an hour, until a gateway may be asked.</summary>
    private static async Task<bool> SettleAsync(LifecycleRun run, CancellationToken cancellationToken)
    {
        var next = await run.Host.Storage.ReadNextDueAsync(ScenarioHost.Tenant, DueKind.Collection, cancellationToken).ConfigureAwait(false);
        if (next is null || next.DueAt > run.Now + NodaTime.Duration.FromHours(25))
        {
            return false;
        }

        run.Host.Clock.AdvanceTo(next.DueAt);
        await run.Engine.Runs.CollectAsync(run.Context, run.Now, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
