using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Testing.Faults;

namespace Billing.Durability.Victim;

/// <summary>The phases in which a kill is counted.</summary>
public static class Phases
{
    /// <summary>A batch of usage is being recorded.</summary>
    public const string Ingestion = "ingestion";

    /// <summary>A billing run commits a page.</summary>
    public const string PageCommit = "page-commit";

    /// <summary>A gateway has charged, and the outcome is not committed.</summary>
    public const string ChargeOutcome = "charge-outcome";

    /// <summary>Messages are leased and not all completed.</summary>
    public const string Dispatch = "dispatch";

    /// <summary>Aging steps are being committed.</summary>
    public const string Aging = "aging";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Ingestion, PageCommit, ChargeOutcome, Dispatch, Aging];
}

/// <summary>Tells the process that kills in which phase the victim is, and stops where that was asked for.</summary>
/// <remarks>The script does one thing at a time, and so does this.</remarks>
public sealed class PhaseReport(TextWriter output, StopPoint? stop) : IStorageInterceptor, IGatewayInterceptor
{
    /// <summary>Nobody waits so long for a kill: the victim would rather end than hang.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, int> _entered = new(StringComparer.Ordinal);
    private string? _open;

    /// <summary>What the script is doing: <c>ingest</c>, <c>bill</c>, <c>collect</c>, <c>age</c>, <c>dispatch</c> or something else.</summary>
    public string Activity { get; set; } = "";

    /// <inheritdoc/>
    public async Task AroundAsync(string operation, IReadOnlyList<object?> arguments, Func<Task> proceed)
    {
        ArgumentNullException.ThrowIfNull(proceed);
        var phase = (Activity, operation) switch
        {
            ("ingest", nameof(IBillingStorage.AppendUsageAsync)) => Phases.Ingestion,
            ("bill", nameof(IBillingStorage.CommitAsync)) when arguments[0] is BillingBatch { Payers.Count: > 0 } => Phases.PageCommit,
            ("age", nameof(IBillingStorage.CommitAsync)) => Phases.Aging,
            ("dispatch", nameof(IBillingStorage.CompleteOutboxAsync)) => Phases.Dispatch,
            _ => null,
        };
        if (phase is not null && phase != _open)
        {
            Enter(phase);
        }

        await proceed().ConfigureAwait(false);
        if (phase is not null || (_open == Phases.ChargeOutcome && operation == nameof(IBillingStorage.CommitAsync)))
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<GatewayOutcome>> AroundAsync(
        string operation, IReadOnlyList<string> keys, Func<Task<IReadOnlyList<GatewayOutcome>>> proceed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(proceed);
        var outcomes = await proceed().ConfigureAwait(false);
        if (operation == "Charge" && _open is null)
        {
            Enter(Phases.ChargeOutcome);
        }

        return outcomes;
    }

    /// <summary>A notifier that delivers and, before it answers, tells that messages are out and not completed.</summary>
    public INotifier Around(INotifier notifier) => new Notifier(notifier, this);

    private void Enter(string phase)
    {
        output.WriteLine($"> {phase}");
        _open = phase;
        var count = _entered[phase] = _entered.GetValueOrDefault(phase) + 1;
        if (stop is { } point && point.Phase == phase && point.Count == count)
        {
            output.WriteLine($"! {phase}");
            if (point.Waits)
            {
                Thread.Sleep(LongestWait);
                throw new InvalidOperationException($"Nobody killed the victim at {point}.");
            }
        }
    }

    private void Leave()
    {
        output.WriteLine($"< {_open}");
        _open = null;
    }

    private sealed class Notifier(INotifier inner, PhaseReport report) : INotifier
    {
        public async ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
        {
            var results = await inner.NotifyAsync(notifications, cancellationToken).ConfigureAwait(false);
            report.Enter(Phases.Dispatch);
            return results;
        }
    }
}
