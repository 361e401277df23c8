using Billing.Invoicing;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>The billing of one payer by a run, and what a preview taken just before said.</summary>
/// <param name="PayerId">The payer.</param>
/// <param name="AsOf">The moment of the run.</param>
/// <param name="Previewed">What the preview said, in order.</param>
/// <param name="Produced">What the run made, in order, before anything else happened.</param>
public sealed record ObservedRun(string PayerId, Instant AsOf, IReadOnlyList<InvoiceDocument> Previewed, IReadOnlyList<InvoiceDocument> Produced)
{
    /// <summary>Why there was no preview; <see langword="null"/>: there was.</summary>
    public string? PreviewError { get; init; }
}

/// <summary>The state of a scenario after a step, for invariants. Immutable but for the engine that it shows.</summary>
public sealed class ScenarioMoment
{
    /// <summary>The engine and its store.</summary>
    public required ScenarioHost Host { get; init; }

    /// <summary>The scenario.</summary>
    public required LifecycleScenario Scenario { get; init; }

    /// <summary>The payers, ordered by id.</summary>
    public required IReadOnlyList<string> Payers { get; init; }

    /// <summary>All invoices of all payers, by payer and order of creation.</summary>
    public required IReadOnlyList<InvoiceDocument> Invoices { get; init; }

    /// <summary>The billing of payers since the step before.</summary>
    public required IReadOnlyList<ObservedRun> Runs { get; init; }

    /// <summary>Reads the state.</summary>
    /// <param name="host">The engine.</param>
    /// <param name="scenario">The scenario that it plays.</param>
    /// <param name="runs">The billing of payers since the step before.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static async Task<ScenarioMoment> ReadAsync(ScenarioHost host, LifecycleScenario scenario, IReadOnlyList<ObservedRun> runs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(host);
        var payers = await ListPayersAsync(host, cancellationToken).ConfigureAwait(false);
        var invoices = new List<InvoiceDocument>();
        foreach (var payer in payers)
        {
            invoices.AddRange(await host.Engine.Invoices.ListAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false));
        }

        return new ScenarioMoment { Host = host, Scenario = scenario, Payers = payers, Invoices = invoices, Runs = runs };
    }

    internal static async Task<IReadOnlyList<string>> ListPayersAsync(ScenarioHost host, CancellationToken cancellationToken)
    {
        const int page = 1000;
        var payers = new List<string>();
        IReadOnlyList<string> next;
        do
        {
            next = await host.Engine.Customers.ListPayersAsync(ScenarioHost.Tenant, payers.LastOrDefault(), page, cancellationToken).ConfigureAwait(false);
            payers.AddRange(next);
        }
        while (next.Count == page);
        return payers;
    }
}
