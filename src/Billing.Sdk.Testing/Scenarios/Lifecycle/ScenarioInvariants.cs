namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>What must hold after every step of every scenario, whatever it expects.</summary>
/// <remarks>Implementations are thread-safe: one object serves all scenarios that run at the same time.</remarks>
public interface IScenarioInvariant
{
    /// <summary>Its name, as reports show it.</summary>
    string Name { get; }

    /// <summary>What contradicts it, in words with the objects concerned; empty when it holds.</summary>
    Task<IReadOnlyList<string>> FindViolationsAsync(ScenarioMoment moment, CancellationToken cancellationToken);
}

/// <summary>The invariants of the format.</summary>
public static class ScenarioInvariants
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IScenarioInvariant> All { get; } =
    [
        new DebitsEqualCredits(),
        new ReceivableEqualsOpenInvoices(),
        new RepeatedRunProducesNothing(),
        new PreviewEqualsRun(),
        new NoTimeIsBilledTwice(),
    ];
}
