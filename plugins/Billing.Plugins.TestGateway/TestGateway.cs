using Billing.Payments;
using NodaTime;
using NodaTime.Text;

namespace Billing.Plugins.TestGateway;

/// <summary>A gateway that does what the token says and remembers it. A key charges once, whatever happens to the answer. Thread-safe.</summary>
internal sealed class TestGateway(Journal journal) : PaymentGateway, IRefundingGateway
{
    private const string ChargeKind = "charge";
    private const string RefundKind = "refund";

    protected override ValueTask<GatewayOutcome> ChargeAsync(GatewayCharge charge, CancellationToken cancellationToken)
    {
        var (entry, isNew) = journal.Use(entries =>
        {
            if (Find(entries, charge.Tenant, ChargeKind, charge.Key) is { } known)
            {
                return ((known, false), null);
            }

            var made = Enter(entries, charge);
            return ((made, true), (JournalEntry?)made);
        });
        return isNew && entry.Behavior!.StartsWith("timeout", StringComparison.Ordinal)
            ? throw new TimeoutException("The gateway did not answer.")
            : ValueTask.FromResult(OutcomeOf(entry, charge.At));
    }

    protected override ValueTask<GatewayOutcome> QueryAsync(GatewayQuery query, CancellationToken cancellationToken) => ValueTask.FromResult(journal.Use(entries =>
    {
        if (Find(entries, query.Tenant, ChargeKind, query.Key) is not { } entry)
        {
            return (GatewayOutcome.NotCharged("not-seen") with { NetAmount = 0m }, null);
        }

        return (OutcomeOf(entry, query.At) with { NetAmount = Net(entries, entry, query.At) }, (JournalEntry?)null);
    }));

    public ValueTask<IReadOnlyList<GatewayOutcome>> RefundAsync(IReadOnlyList<GatewayRefund> refunds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(refunds);
        return ValueTask.FromResult<IReadOnlyList<GatewayOutcome>>([.. refunds.Select(Refund)]);
    }

    private GatewayOutcome Refund(GatewayRefund refund) => journal.Use(entries =>
    {
        if (Find(entries, refund.Tenant, RefundKind, refund.Key) is not null)
        {
            return (GatewayOutcome.Succeeded(refund.Key), null);
        }

        if (Find(entries, refund.Tenant, ChargeKind, refund.ChargeKey) is not { } charge || Net(entries, charge, refund.At) < refund.Amount.Amount)
        {
            return (GatewayOutcome.Declined("more-than-charged", retryable: false), null);
        }

        return (GatewayOutcome.Succeeded(refund.Key), (JournalEntry?)new JournalEntry
        {
            Kind = RefundKind,
            Tenant = refund.Tenant.Value,
            Key = refund.Key,
            ChargeKey = refund.ChargeKey,
            Amount = Rounding.Format(refund.Amount.Amount, 0),
        });
    });

    private static JournalEntry Enter(IReadOnlyList<JournalEntry> entries, GatewayCharge charge)
    {
        var behavior = TokenBehavior.Parse(charge.Token);
        var before = entries.Count(e => e.Kind == ChargeKind && e.Tenant == charge.Tenant.Value && e.Token == charge.Token);
        var outcome = behavior.At(before);
        return new JournalEntry
        {
            Kind = ChargeKind,
            Tenant = charge.Tenant.Value,
            Key = charge.Key,
            Token = charge.Token,
            Amount = Rounding.Format(charge.Amount.Amount, 0),
            Behavior = outcome,
            SettlesAt = outcome.StartsWith("pending", StringComparison.Ordinal) ? InstantPattern.ExtendedIso.Format(charge.At + Duration.FromDays(behavior.SettleDays)) : null,
        };
    }

    /// <summary>What became of a charge by a moment.</summary>
    private static GatewayOutcome OutcomeOf(JournalEntry entry, Instant at)
    {
        var parts = entry.Behavior!.Split(':', 2);
        var code = parts.Length == 2 ? parts[1] : parts[0];
        return parts[0] switch
        {
            "succeed" or "timeout" => GatewayOutcome.Succeeded(entry.Key),
            "decline" => GatewayOutcome.Declined(code),
            "hardDecline" => GatewayOutcome.Declined(code, retryable: false),
            "pending" or "pendingThenFail" when at < entry.Settles() => GatewayOutcome.Pending(entry.Settles(), entry.Key),
            "pending" => GatewayOutcome.Succeeded(entry.Key),
            "pendingThenFail" => GatewayOutcome.Declined(code),
            "error" or "timeoutNotCharged" => GatewayOutcome.NotCharged(code),
            var unknown => throw new InvalidOperationException($"The test gateway knows no behaviour '{unknown}'."),
        };
    }

    private static decimal Net(IReadOnlyList<JournalEntry> entries, JournalEntry charge, Instant at) =>
        OutcomeOf(charge, at).Kind == GatewayOutcomeKind.Succeeded
            ? charge.Value() - entries.Where(e => e.Kind == RefundKind && e.Tenant == charge.Tenant && e.ChargeKey == charge.Key).Sum(e => e.Value())
            : 0m;

    private static JournalEntry? Find(IReadOnlyList<JournalEntry> entries, TenantId tenant, string kind, string key) =>
        entries.FirstOrDefault(e => e.Kind == kind && e.Tenant == tenant.Value && e.Key == key);
}
