using Billing.Collections;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Tasks;
using Billing.Testing.Faults;
using Billing.Testing.Scenarios;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Billing.Testing.Simulation;

/// <summary>One process of a simulated world: an engine of its own on the store that all share. It takes a turn before each operation; the seed says what becomes of the operation.</summary>
/// <remarks>It holds nothing but memory, and a killed process disposes nothing.</remarks>
internal sealed class SimulatedProcess : IStorageInterceptor, IGatewayInterceptor, IBillingPlugin, INotifier, IAgingPolicy
{
    private readonly SimulatedWorld _world;
    private readonly ManualTimers _timers = new();

    public SimulatedProcess(SimulatedWorld world)
    {
        _world = world;
        var services = new ServiceCollection();
        services.AddSingleton<IClock>(world.Clock);
        services.AddSingleton<IIdGenerator>(world.Ids);
        services.AddSingleton(new TaskInvoker(NullLogger<TaskInvoker>.Instance, time: _timers));
        services.AddBilling(billing => billing
            .UseStorage(_ => StorageInterception.Around(world.Storage, this))
            .ConfigureTasks(tasks => tasks.AddPlugin("billing.simulation", this).AddPlugin("billing.simulation.gateway", new InterceptedGateways(world.Gateway, this))));
        Services = services.BuildServiceProvider();
        Engine = Services.GetRequiredService<BillingEngine>();
    }

    private ServiceProvider Services { get; }

    public BillingEngine Engine { get; }

    /// <summary>On whose turn the process works; <see langword="null"/>: it works undisturbed.</summary>
    public Actor? Actor { get; set; }

    public void Configure(IPluginBuilder builder) => builder.AddTask<INotifier>(SimulatedGateway.Name, _ => this).AddTask<IAgingPolicy>(SimulatedGateway.Name, _ => this);

    public ValueTask<IReadOnlyList<NotificationResult>> NotifyAsync(IReadOnlyList<Notification> notifications, CancellationToken cancellationToken)
    {
        _world.Deliver(notifications);
        return ValueTask.FromResult<IReadOnlyList<NotificationResult>>([.. notifications.Select(_ => NotificationResult.Delivered)]);
    }

    /// <summary>Reminders after three and after ten days.</summary>
    public ValueTask<IReadOnlyList<AgingStep?>> NextStepAsync(IReadOnlyList<AgingRequest> requests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<AgingStep?>>([.. requests.Select(r => r.StepsDone < 2
            ? new AgingStep { Name = "reminder", DaysAfterDue = 3 + (7 * r.StepsDone), Actions = [new AgingAction(AgingActionKind.Notify)] }
            : null)]);

    public async Task AroundAsync(string operation, IReadOnlyList<object?> arguments, Func<Task> proceed)
    {
        var fate = await BeginAsync(operation).ConfigureAwait(false);
        if (fate == Fate.NotDone)
        {
            throw FaultInjector.StoreFailure(operation, FaultKind.NotDone);
        }

        await proceed().ConfigureAwait(false);
        await EndAsync(fate).ConfigureAwait(false);
        if (fate == Fate.AnswerLost)
        {
            throw FaultInjector.StoreFailure(operation, FaultKind.AnswerLost);
        }
    }

    public async Task<IReadOnlyList<GatewayOutcome>> AroundAsync(
        string operation, IReadOnlyList<string> keys, Func<Task<IReadOnlyList<GatewayOutcome>>> proceed, CancellationToken cancellationToken)
    {
        var fate = await BeginAsync($"gateway {operation} {keys.Count}").ConfigureAwait(false);
        if (fate == Fate.NotDone)
        {
            throw new InjectedFaultException(operation, FaultKind.NotDone);
        }

        var outcomes = await proceed().ConfigureAwait(false);
        await EndAsync(fate).ConfigureAwait(false);
        if (fate == Fate.AnswerLost)
        {
            // Half of the answers that are lost are lost in time, half by an error.
            if (_world.Faults.Below(2) == 0)
            {
                _timers.RunOut();
                cancellationToken.ThrowIfCancellationRequested();
            }

            throw new InjectedFaultException(operation, FaultKind.AnswerLost);
        }

        return outcomes;
    }

    /// <summary>Shows the process's engine to invariants.</summary>
    public ScenarioHost Show() => ScenarioHost.Showing(Services, _world.Clock);

    private async Task<Fate> BeginAsync(string operation)
    {
        if (Actor is not { } actor)
        {
            return Fate.Done;
        }

        if (!actor.HasCrashed)
        {
            await actor.PassAsync().ConfigureAwait(false);
        }

        var fate = _world.NextFate();
        _world.Tell($"  {actor.Name} {operation}{(fate == Fate.Done ? "" : $" {fate}")}");
        if (fate == Fate.CrashBefore || actor.HasCrashed)
        {
            await actor.CrashAsync().ConfigureAwait(false);
        }

        return fate;
    }

    private Task EndAsync(Fate fate) => fate == Fate.CrashAfter ? Actor!.CrashAsync() : Task.CompletedTask;
}

/// <summary>What becomes of an operation.</summary>
internal enum Fate
{
    Done,
    NotDone,
    AnswerLost,
    CrashBefore,
    CrashAfter,
}
