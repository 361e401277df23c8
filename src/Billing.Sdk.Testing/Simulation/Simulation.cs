using Billing.Invoicing;
using Billing.Storage;
using Billing.Testing.Faults;
using Billing.Testing.Scenarios;
using NodaTime;

namespace Billing.Testing.Simulation;

/// <summary>
/// Random lives of customers in a world that fails: two workers and the customers' hosts take turns on one store, operations fail or lose their answers, processes are killed in the
/// middle of their work, runs come late. A seed decides everything, so that a failure can be seen again as often as needed.
/// </summary>
/// <remarks>
/// <para>After every moment the books must be sound: debits equal credits, receivables equal open invoices, no time is billed twice, numbers have no gap, nothing is paid twice. At the end the gateway
/// and the payments must agree, every message must be out, and every customer must have been invoiced the same for each charge as in an undisturbed history of the same lives.</para>
/// <para>Store and gateway are in memory, clock and ids are the seed's; no thread is ever run beside another. Thread-safe: several simulations can run at the same time.</para>
/// </remarks>
public static class Simulation
{
    private static readonly string[] Runs = ["bill", "collect", "age", "dispatch"];

    /// <summary>Plays the history of a seed, and an undisturbed history of the same lives to compare with.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="options">How eventful; <see langword="null"/>: the defaults.</param>
    /// <param name="cancellationToken">Stops between moments.</param>
    public static async Task<SimulationResult> RunAsync(int seed, SimulationOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SimulationOptions();
        var random = new SimulatedRandom((ulong)(uint)seed);
        var world = new SimulatedWorld(random, options, disturbed: true);
        var disturbed = await PlayAsync(world, SimulatedLives.Of(random.Branch("lives"), options), cancellationToken).ConfigureAwait(false);
        var calm = await PlayAsync(new SimulatedWorld(random, options, disturbed: false), SimulatedLives.Of(random.Branch("lives"), options), cancellationToken).ConfigureAwait(false);
        world.Violations.AddRange(calm.Except(disturbed, StringComparer.Ordinal).Select(l => $"only undisturbed: {l}"));
        world.Violations.AddRange(disturbed.Except(calm, StringComparer.Ordinal).Select(l => $"only disturbed: {l}"));
        return new SimulationResult
        {
            Seed = seed,
            History = world.History,
            Violations = world.Violations,
            Operations = world.Operations,
            Faults = world.FaultCount,
            Crashes = world.CrashCount,
        };
    }

    /// <summary>Plays lives in a world to their end.</summary>
    /// <returns>What each customer was invoiced.</returns>
    private static async Task<IReadOnlyList<string>> PlayAsync(SimulatedWorld world, IReadOnlyList<LifeMoment> moments, CancellationToken cancellationToken)
    {
        var observer = new SimulatedProcess(world);
        await SetUpAsync(observer.Engine, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < moments.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (world.IsDisturbed)
            {
                await DriftAsync(world, moments[i].At).ConfigureAwait(false);
            }
            else
            {
                await WorkUntilAsync(world, observer.Engine, moments[i].At, cancellationToken).ConfigureAwait(false);
            }

            world.Clock.AdvanceTo(moments[i].At);
            world.Tell($"{world.Clock.Now}");
            await LiveAsync(world, i, moments[i]).ConfigureAwait(false);
            await world.CheckAsync(observer, cancellationToken).ConfigureAwait(false);
        }

        // Long enough for a month's end: late usage waits for the next invoice, and in one of the histories it may just have missed one.
        world.IsDisturbed = false;
        await WorkUntilAsync(world, observer.Engine, world.Clock.Now + Duration.FromDays(45), cancellationToken).ConfigureAwait(false);
        await world.CheckAsync(observer, cancellationToken).ConfigureAwait(false);
        await world.CheckEndAsync(observer.Engine, cancellationToken).ConfigureAwait(false);
        world.Tell((await Books.ReadAsync(observer.Engine, world.Storage, ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false)).ToString());
        return await InvoicedAsync(world.Storage, cancellationToken).ConfigureAwait(false);
    }

    private static async Task SetUpAsync(BillingEngine engine, CancellationToken cancellationToken)
    {
        await engine.Tenants.CreateAsync(ScenarioHost.Tenant, "Simulation", new TenantSettings { PaymentTermDays = 7, AutoCollect = true }, cancellationToken).ConfigureAwait(false);
        await engine.Tenants.ConfigureTasksAsync(
            ScenarioHost.Tenant,
            [.. new[] { "gateway", "payment-retry", "notification", "aging" }.Select(stage => new Tasks.TaskEntry { Stage = stage, Task = SimulatedGateway.Name })],
            cancellationToken).ConfigureAwait(false);
        await engine.Catalog.PublishAsync(ScenarioHost.Tenant, SimulatedLives.Catalog, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>On the way to a moment, workers run now and then, not when work falls due.</summary>
    private static async Task DriftAsync(SimulatedWorld world, Instant until)
    {
        while (world.Clock.Now < until)
        {
            world.Clock.AdvanceTo(Instant.Min(until, world.Clock.Now + Duration.FromMinutes(1 + world.Scheduling.Below(3 * 24 * 60))));
            if (world.Scheduling.Below(3) > 0)
            {
                world.Tell($"{world.Clock.Now} runs");
                var turns = new Turns(world.Scheduling);
                StartWorkers(world, turns);
                await turns.RunAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>A moment: every customer's host asks for what it wants, while two workers run.</summary>
    private static async Task LiveAsync(SimulatedWorld world, int number, LifeMoment moment)
    {
        var waiting = moment.Actions.Select((action, i) => (Action: action, Key: FormattableString.Invariant($"{number}-{i}"))).GroupBy(a => a.Action.Customer, StringComparer.Ordinal)
            .Select(g => (Customer: g.Key, Left: new Queue<(LifeAction Action, string Key)>(g))).ToList();
        for (var first = true; waiting.Count > 0; first = false)
        {
            var turns = new Turns(world.Scheduling);
            foreach (var (customer, left) in waiting)
            {
                var host = world.ProcessOf(customer);
                host.Actor = turns.Start(customer, actor => AskAsync(world, host, actor, left));
            }

            if (first && world.IsDisturbed)
            {
                StartWorkers(world, turns);
            }

            await turns.RunAsync().ConfigureAwait(false);

            // A host that was killed starts again and asks again, before time goes on.
            waiting.RemoveAll(w => w.Left.Count == 0);
        }
    }

    private static async Task AskAsync(SimulatedWorld world, SimulatedProcess host, Actor actor, Queue<(LifeAction Action, string Key)> left)
    {
        while (left.TryPeek(out var next))
        {
            var context = new CommandContext(ScenarioHost.Tenant) { Actor = actor.Name, IdempotencyKey = next.Key };
            try
            {
                var answer = await next.Action.DoAsync(host.Engine, context).ConfigureAwait(false);
                world.Tell($"{actor.Name} {next.Action.Name}: {answer}");
            }
            catch (BillingException failed) when (failed.Code is BillingErrorCodes.Storage or BillingErrorCodes.Conflict)
            {
                world.Tell($"{actor.Name} {next.Action.Name}: {failed.Code}, asks again");
                continue;
            }
            catch (BillingException refused)
            {
                // A refusal is an answer: a subscription that has ended takes no changes.
                world.Tell($"{actor.Name} {next.Action.Name}: refused, {refused.Code}");
            }

            left.Dequeue();
        }
    }

    /// <summary>Two workers, each with a process of its own and its own order of runs.</summary>
    private static void StartWorkers(SimulatedWorld world, Turns turns)
    {
        foreach (var name in new[] { "worker A", "worker B" })
        {
            var runs = Enumerable.Range(0, 2 + world.Scheduling.Below(4)).Select(_ => world.Scheduling.Pick(Runs)).ToList();
            var process = world.ProcessOf(name);
            process.Actor = turns.Start(name, actor => WorkAsync(world, process.Engine, actor, runs));
        }
    }

    private static async Task WorkAsync(SimulatedWorld world, BillingEngine engine, Actor actor, IReadOnlyList<string> runs)
    {
        foreach (var run in runs)
        {
            try
            {
                world.Tell($"{actor.Name} {run}: {await RunAsync(engine, run, world.Clock.Now, CancellationToken.None).ConfigureAwait(false)}");
            }
            catch (BillingException failed) when (failed.Code is BillingErrorCodes.Storage or BillingErrorCodes.Conflict or BillingErrorCodes.TaskFailed)
            {
                // The next run goes on from what is there.
                world.Tell($"{actor.Name} {run}: {failed.Code}");
            }
        }
    }

    private static async Task<string> RunAsync(BillingEngine engine, string run, Instant now, CancellationToken cancellationToken)
    {
        switch (run)
        {
            case "bill":
                var billed = await engine.Runs.BillAsync(ScenarioHost.Tenant, now, cancellationToken).ConfigureAwait(false);
                return FormattableString.Invariant($"{billed.Payers} payers, {billed.Invoices.Count} invoices, {billed.Quarantined.Count} in quarantine");
            case "collect":
                return (await engine.Runs.CollectAsync(ScenarioHost.Tenant, now, cancellationToken).ConfigureAwait(false)).ToString();
            case "age":
                return (await engine.Runs.AgeAsync(ScenarioHost.Tenant, now, cancellationToken).ConfigureAwait(false)).ToString();
            default:
                return (await engine.Runs.DispatchAsync(ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false)).ToString();
        }
    }

    /// <summary>Does all that falls due up to a moment, in order of its time.</summary>
    private static async Task WorkUntilAsync(SimulatedWorld world, BillingEngine engine, Instant until, CancellationToken cancellationToken)
    {
        while (await engine.Runs.GetNextDueAsync(ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false) is { } due && due <= until)
        {
            world.Clock.AdvanceTo(due);
            foreach (var run in Runs)
            {
                world.Tell($"{world.Clock.Now} {run}: {await RunAsync(engine, run, world.Clock.Now, cancellationToken).ConfigureAwait(false)}");
            }
        }

        world.Clock.AdvanceTo(until);
    }

    /// <summary>What each customer was invoiced by charge and in all: what no fault, no order and no late run may change.</summary>
    private static async Task<IReadOnlyList<string>> InvoicedAsync(IBillingStorage storage, CancellationToken cancellationToken)
    {
        var payers = await storage.ListPayersAsync(ScenarioHost.Tenant, null, 1000, cancellationToken).ConfigureAwait(false);
        var result = new List<string>();
        foreach (var snapshot in await storage.ReadPayersAsync(ScenarioHost.Tenant, payers, SnapshotParts.All, cancellationToken).ConfigureAwait(false))
        {
            result.AddRange(snapshot.Lines.Where(l => !l.Voided).GroupBy(l => l.Charge ?? l.Description, StringComparer.Ordinal)
                .Select(g => $"'{snapshot.Payer.Id}' {g.Key} {Rounding.Format(g.Sum(l => l.Amount), 2)}").Order(StringComparer.Ordinal));
            result.Add($"'{snapshot.Payer.Id}' in all {Rounding.Format(snapshot.Invoices.Where(i => i.Status != InvoiceStatus.Void).Sum(i => i.Total), 2)}");
        }

        return result;
    }
}
