namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>Stands around the parts of a run of a scenario: repeats those that fail, and looks at the state in its own way.</summary>
internal abstract class RunGuard
{
    /// <summary>Does a part: a step, or the work that falls due before it.</summary>
    public abstract Task DoAsync(LifecycleRun run, string path, Func<Task> part);

    /// <summary>Called after the last step.</summary>
    public abstract Task EndAsync(LifecycleRun run, DueWork dueWork, CancellationToken cancellationToken);

    /// <summary>What is read until the answer is disposed is the test's, not the scenario's.</summary>
    public abstract IDisposable Unwatched();
}
