using Billing.Payments;
using Billing.Tasks;
using NodaTime;

namespace Billing.Testing.Simulation;

/// <summary>The gateway of a simulated world: it outlives the processes that call it, and charges a key once. Which first attempts it declines follows from the seed and the customer.</summary>
internal sealed class SimulatedGateway(SimulatedRandom random) : IPaymentGateway, IBillingPlugin
{
    public const string Name = "simulated";

    private readonly Dictionary<string, (GatewayOutcome Outcome, GatewayCharge Charge)> _charges = new(StringComparer.Ordinal);

    /// <summary>What was charged, by customer.</summary>
    public IReadOnlyDictionary<string, decimal> Charged() => _charges.Values
        .Where(c => c.Outcome.Kind == GatewayOutcomeKind.Succeeded)
        .GroupBy(c => c.Charge.CustomerId, StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.Sum(c => c.Charge.Amount.Amount), StringComparer.Ordinal);

    public ValueTask<IReadOnlyList<GatewayOutcome>> ChargeAsync(IReadOnlyList<GatewayCharge> charges, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<GatewayOutcome>>([.. charges.Select(Charge)]);

    public ValueTask<IReadOnlyList<GatewayOutcome>> QueryAsync(IReadOnlyList<GatewayQuery> queries, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<GatewayOutcome>>([.. queries.Select(q => _charges.TryGetValue(q.Key, out var known) ? known.Outcome with { NetAmount = Net(known) } : GatewayOutcome.NotCharged("not-seen") with { NetAmount = 0m })]);

    public void Configure(IPluginBuilder builder)
    {
        builder.AddTask<IPaymentGateway>(Name, _ => this);
        builder.AddTask<IPaymentRetryPolicy>(Name, _ => new NextDay());
    }

    private static decimal Net((GatewayOutcome Outcome, GatewayCharge Charge) known) => known.Outcome.Kind == GatewayOutcomeKind.Succeeded ? known.Charge.Amount.Amount : 0m;

    private GatewayOutcome Charge(GatewayCharge charge)
    {
        if (!_charges.TryGetValue(charge.Key, out var known))
        {
            var first = charge.Key.EndsWith("-1", StringComparison.Ordinal);
            var declines = first && random.Branch($"{charge.CustomerId} {charge.At.InUtc().Month}").Below(4) == 0;
            known = (declines ? GatewayOutcome.Declined("insufficient-funds") : GatewayOutcome.Succeeded($"g{_charges.Count + 1}"), charge);
            _charges.Add(charge.Key, known);
        }

        return known.Outcome;
    }

    /// <summary>Tries again a day after each attempt.</summary>
    private sealed class NextDay : IPaymentRetryPolicy
    {
        public ValueTask<IReadOnlyList<RetryDecision?>> DecideAsync(IReadOnlyList<RetryRequest> requests, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<RetryDecision?>>([.. requests.Select(r => new RetryDecision(r.LastAttempt.StartedAt + Duration.FromDays(1)))]);
    }
}
