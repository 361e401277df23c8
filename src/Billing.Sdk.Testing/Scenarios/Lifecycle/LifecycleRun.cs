using Billing.Catalog;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Tasks;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>One run of one scenario: what its steps act on, and what has been compared so far.</summary>
/// <param name="scenario">The scenario.</param>
/// <param name="file">How results name it.</param>
/// <param name="options">What it runs on.</param>
/// <param name="guard">Stands around the parts of the run; <see langword="null"/>: nothing does.</param>
internal sealed class LifecycleRun(LifecycleScenario scenario, string file, ScenarioRunnerOptions options, RunGuard? guard = null)
{
    /// <summary>Long before any scenario: a start in the past finds the catalog in force.</summary>
    private static readonly Instant CatalogStart = Instant.FromUtc(1900, 1, 1, 0, 0);

    private readonly HashSet<string> _reported = new(StringComparer.Ordinal);
    private ScenarioHost? _host;
    private DueWork? _dueWork;

    public LifecycleScenario Scenario => scenario;

    public ScenarioComparison Comparison { get; } = new(file, scenario.Name);

    public ScenarioHost Host => _host ?? throw new InvalidOperationException("The scenario has not started.");

    public BillingEngine Engine => Host.Engine;

    /// <summary>Who asks; where steps are repeated, under a key of the step's own.</summary>
    public CommandContext Context { get; private set; } = new(ScenarioHost.Tenant) { Actor = "scenario" };

    public Instant Now => Host.Clock.Now;

    /// <summary>The catalog with all that was published, whether in force or not.</summary>
    public CatalogDefinition Catalog { get; set; } = scenario.Catalog;

    /// <summary>What is read until the answer is disposed is the test's, not the scenario's.</summary>
    public IDisposable? Unwatched() => guard?.Unwatched();

    /// <summary>The customers that steps have created, in order.</summary>
    public List<string> Customers { get; } = [];

    /// <summary>Up to where a list of a customer has been listed by an <c>expect</c>.</summary>
    public Dictionary<(string Customer, string List), long> Marks { get; } = [];

    public async Task<ScenarioCaseResult> RunAsync(CancellationToken cancellationToken)
    {
        var start = scenario.Timeline.Count > 0 ? scenario.Timeline[0].At : NodaConstants.UnixEpoch;
        if (!await TryAsync("host", async () => _host = await ScenarioHost.StartAsync(options, start, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false))
        {
            return Comparison.Result;
        }

        await using (Host.ConfigureAwait(false))
        {
            _dueWork = new DueWork(Host, Context, observes: guard is null);
            if (await SetUpAsync(cancellationToken).ConfigureAwait(false))
            {
                await PlayAsync(_dueWork, cancellationToken).ConfigureAwait(false);
            }
        }

        return Comparison.Result;
    }

    public async Task<Guid> FindInvoiceAsync(DocumentReference reference, CancellationToken cancellationToken)
    {
        var invoices = await Engine.Invoices.ListAsync(ScenarioHost.Tenant, reference.Customer, cancellationToken).ConfigureAwait(false);
        return invoices.FirstOrDefault(d => d.Invoice.Ordinal == reference.Ordinal)?.Invoice.Id ?? throw BillingException.NotFound("invoice", reference.ToString());
    }

    public async Task<Guid> FindPaymentAsync(DocumentReference reference, CancellationToken cancellationToken)
    {
        var payments = await Engine.Payments.ListAsync(ScenarioHost.Tenant, reference.Customer, cancellationToken).ConfigureAwait(false);
        return payments.FirstOrDefault(p => p.Ordinal == reference.Ordinal)?.Id ?? throw BillingException.NotFound("payment", reference.ToString());
    }

    /// <summary>The invoices of a customer in order of creation; none for one whose parent pays.</summary>
    public async Task<IReadOnlyList<InvoiceDocument>> ListInvoicesAsync(string customer, CancellationToken cancellationToken)
    {
        var payer = (await Engine.Customers.GetAsync(ScenarioHost.Tenant, customer, cancellationToken).ConfigureAwait(false)).PayerId;
        return payer == customer ? await Engine.Invoices.ListAsync(ScenarioHost.Tenant, customer, cancellationToken).ConfigureAwait(false) : [];
    }

    private async Task<bool> SetUpAsync(CancellationToken cancellationToken) =>
        await StepAsync("settings", () => Engine.Tenants.CreateAsync(Context, scenario.Name, scenario.Settings, cancellationToken)).ConfigureAwait(false)
        && await StepAsync("tasks", () => Engine.Tenants.ConfigureTasksAsync(Context, TasksWithDefaults(), cancellationToken)).ConfigureAwait(false)
        && await StepAsync("catalog", () => Engine.Catalog.PublishAsync(Context, scenario.Catalog, CatalogStart, ExistingSubscriptions.Keep, cancellationToken)).ConfigureAwait(false);

    /// <summary>The file's tasks; where it names none, the gateway and the notifier that scenarios are written against, as far as they are there.</summary>
    private List<TaskEntry> TasksWithDefaults()
    {
        var tasks = scenario.Tasks.ToList();
        foreach (var (stage, task) in new[] { ("gateway", "test-gateway"), ("notification", RecordingNotifier.TaskName) })
        {
            if (tasks.TrueForAll(t => t.Stage != stage) && Host.Tasks.Find(stage, task) is not null)
            {
                tasks.Add(new TaskEntry { Stage = stage, Task = task });
            }
        }

        return tasks;
    }

    private async Task PlayAsync(DueWork dueWork, CancellationToken cancellationToken)
    {
        for (var i = 0; i < scenario.Timeline.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var step = scenario.Timeline[i];
            var path = $"timeline[{i}]";
            var done = await TryAsync($"{path}.at", () => dueWork.DoUntilAsync(step.At, cancellationToken)).ConfigureAwait(false)
                && await StepAsync(step.Path, () => step.Action(this, cancellationToken)).ConfigureAwait(false)
                && await TryAsync(step.Path, () => dueWork.DoUntilAsync(step.At, cancellationToken)).ConfigureAwait(false)
                && (guard is not null || await TryAsync(path, () => CheckInvariantsAsync(path, dueWork, cancellationToken)).ConfigureAwait(false));
            ReportQuarantine(path, dueWork);
            if (!done)
            {
                return;
            }
        }

        if (guard is not null)
        {
            await TryAsync("end", () => guard.EndAsync(this, dueWork, cancellationToken)).ConfigureAwait(false);
        }
    }

    /// <summary>Checks what must hold now; that a run would produce nothing only where no billing is due.</summary>
    public async Task<IReadOnlyList<string>> FindViolationsAsync(CancellationToken cancellationToken)
    {
        if (await Host.Storage.FindTenantAsync(ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false) is null)
        {
            return [];
        }

        var moment = await ScenarioMoment.ReadAsync(Host, scenario, [], cancellationToken).ConfigureAwait(false);
        var next = await Host.Storage.ReadNextDueAsync(ScenarioHost.Tenant, DueKind.Billing, cancellationToken).ConfigureAwait(false);
        var violations = new List<string>();
        foreach (var invariant in options.Invariants.Where(i => i is not RepeatedRunProducesNothing || next is null || next.DueAt > Now))
        {
            violations.AddRange((await invariant.FindViolationsAsync(moment, cancellationToken).ConfigureAwait(false)).Select(v => $"{invariant.Name}: {v}"));
        }

        return violations;
    }

    /// <summary>A broken invariant stays broken: each is told once, at the step that broke it.</summary>
    private async Task CheckInvariantsAsync(string path, DueWork dueWork, CancellationToken cancellationToken)
    {
        var moment = await ScenarioMoment.ReadAsync(Host, scenario, dueWork.TakeObserved(), cancellationToken).ConfigureAwait(false);
        foreach (var invariant in options.Invariants)
        {
            var violations = await invariant.FindViolationsAsync(moment, cancellationToken).ConfigureAwait(false);
            if (violations.Count > 0 && _reported.Add(invariant.Name))
            {
                Comparison.Fail(path, $"invariant '{invariant.Name}'", string.Join("; ", violations));
            }
        }
    }

    private void ReportQuarantine(string path, DueWork dueWork)
    {
        foreach (var item in dueWork.TakeQuarantined().Where(q => _reported.Add($"quarantine {q.PayerId} {q.Message}")))
        {
            Comparison.Fail(path, $"customer '{item.PayerId}' to be billed", $"quarantine in stage {item.Stage}: {item.Code}: {item.Message}");
        }
    }

    /// <summary>A step of the scenario: under a key when it may be repeated.</summary>
    private Task<bool> StepAsync(string path, Func<Task> step)
    {
        Context = guard is null ? Context : Context with { IdempotencyKey = path };
        return TryAsync(path, step);
    }

    /// <summary>Does a part of the scenario; whatever goes wrong with it becomes a difference at its path.</summary>
    private async Task<bool> TryAsync(string path, Func<Task> part)
    {
        try
        {
            await (guard is null ? part() : guard.DoAsync(this, path, part)).ConfigureAwait(false);
            return true;
        }
        catch (BillingException refused)
        {
            FailWith(path, refused.Code == BillingErrorCodes.NotSupported ? "not supported" : refused.Code, refused);
        }
        catch (NotSupportedException missing)
        {
            FailWith(path, "not supported", missing);
        }
        catch (Exception unexpected) when (unexpected is not OperationCanceledException)
        {
            FailWith(path, unexpected.GetType().Name, unexpected);
        }

        return false;
    }

    /// <summary>A difference is one line, whatever the message is.</summary>
    private void FailWith(string path, string kind, Exception error) =>
        Comparison.Fail(path, "success", $"{kind}: {error.Message.ReplaceLineEndings(" ")}");
}
