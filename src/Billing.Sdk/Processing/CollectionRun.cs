using Billing.Payments;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>
/// Collects: intents are committed, then gateways are called outside any transaction, then the outcomes are committed. A process that ends in between leaves pending attempts,
/// which the next run asks the gateway about.
/// </summary>
internal sealed class CollectionRun(EngineCore core)
{
    private const int PageSize = 100;

    private readonly PayerCommits _commits = new(core);

    /// <summary>Makes all attempts, and asks about all open ones, that are due for a tenant.</summary>
    public async Task<CollectionRunResult> RunAsync(TenantContext tenant, CommandContext context, CancellationToken cancellationToken)
    {
        tenant.Tasks.EnsureComplete();
        var total = new CollectionRunResult(0, 0, 0, 0);
        await _commits.ForEachPageAsync(
            tenant,
            context,
            DueKind.Collection,
            PageSize,
            async works =>
            {
                foreach (var attempt in await PageAsync(tenant, context, works, cancellationToken).ConfigureAwait(false))
                {
                    total = Count(total, attempt);
                }
            },
            cancellationToken).ConfigureAwait(false);
        return total;
    }

    /// <summary>Calls the gateway for one attempt that was committed, and commits what it answers.</summary>
    public async Task<Payment> CompleteAsync(TenantContext tenant, CommandContext context, string payerId, Guid paymentId, CancellationToken cancellationToken)
    {
        var work = (await _commits.ReadAsync(tenant, context, [payerId], cancellationToken).ConfigureAwait(false))[0];
        if (CollectionIntent.LastAttempt(work, paymentId) is { } attempt && CollectionIntent.HasNoAnswer(attempt))
        {
            await ChargeAsync(tenant, context, [(payerId, CollectionIntent.CallOf(work, attempt))], cancellationToken).ConfigureAwait(false);
            work = (await _commits.ReadAsync(tenant, context, [payerId], CancellationToken.None).ConfigureAwait(false))[0];
        }

        return work.Find<Payment>(paymentId)!;
    }

    private async Task<IReadOnlyList<PaymentAttempt>> PageAsync(TenantContext tenant, CommandContext context, IReadOnlyList<PayerWork> works, CancellationToken cancellationToken)
    {
        var questions = works.SelectMany(w => w.All<PaymentAttempt>().Where(a => CollectionIntent.IsOpen(a) && a.QueryAt <= tenant.Now).Select(a => (w, a))).ToList();
        var refunds = works.Select(w => (w.PayerId, Ids: Refunds.Due(w).Select(r => r.Id).ToList())).Where(r => r.Ids.Count > 0).ToList();
        var begun = works.Select(w => (w.PayerId, Calls: CollectionIntent.BeginDue(w))).ToList();
        var written = await _commits.CommitAsync(tenant, works, cancellationToken).ConfigureAwait(false);
        var calls = begun.Where(b => written.Contains(b.PayerId)).SelectMany(b => b.Calls, (b, c) => (b.PayerId, c)).ToList();

        var asked = await AskAsync(tenant, context, questions, cancellationToken).ConfigureAwait(false);
        calls.AddRange(asked.SendAgain);
        foreach (var (payerId, ids) in refunds)
        {
            await new RefundCalls(core).CompleteAsync(tenant, context, payerId, ids, cancellationToken).ConfigureAwait(false);
        }

        return [.. asked.Answered, .. await ChargeAsync(tenant, context, calls, cancellationToken).ConfigureAwait(false)];
    }

    /// <summary>Asks gateways about open attempts. One that the gateway never charged and that has no answer on our side is sent again under its key.</summary>
    private async Task<(IReadOnlyList<PaymentAttempt> Answered, IReadOnlyList<(string PayerId, CollectionIntent.Call Call)> SendAgain)> AskAsync(
        TenantContext tenant,
        CommandContext context,
        IReadOnlyList<(PayerWork Work, PaymentAttempt Attempt)> questions,
        CancellationToken cancellationToken)
    {
        var requests = questions.Select(q => (q.Attempt.Gateway, new GatewayQuery
        {
            Tenant = tenant.Id,
            Key = q.Attempt.Key,
            GatewayReference = q.Attempt.GatewayReference,
            At = tenant.Now,
        })).ToList();
        var outcomes = await new GatewayCalls(core.Invoker, tenant.Tasks).QueryAsync(requests, cancellationToken).ConfigureAwait(false);
        var again = new List<(string, CollectionIntent.Call)>();
        var answers = new List<(string PayerId, Guid AttemptId, GatewayOutcome? Outcome)>();
        for (var i = 0; i < questions.Count; i++)
        {
            var (work, attempt) = questions[i];
            var outcome = outcomes[i];
            if (outcome.Kind == GatewayOutcomeKind.NotCharged && CollectionIntent.IsToSendAgain(attempt, tenant.Now))
            {
                again.Add((work.PayerId, CollectionIntent.CallOf(work, attempt)));
            }
            else
            {
                answers.Add((work.PayerId, attempt.Id, outcome.Kind == GatewayOutcomeKind.Unknown ? null : outcome));
            }
        }

        return (await KeepAsync(tenant, context, answers).ConfigureAwait(false), again);
    }

    private async Task<IReadOnlyList<PaymentAttempt>> ChargeAsync(
        TenantContext tenant,
        CommandContext context,
        IReadOnlyList<(string PayerId, CollectionIntent.Call Call)> calls,
        CancellationToken cancellationToken)
    {
        var requests = calls.Select(c => (c.Call.Gateway, c.Call.Charge)).ToList();
        var outcomes = await new GatewayCalls(core.Invoker, tenant.Tasks).ChargeAsync(requests, cancellationToken).ConfigureAwait(false);
        return await KeepAsync(tenant, context, [.. calls.Zip(outcomes, (c, o) => (c.PayerId, c.Call.AttemptId, (GatewayOutcome?)o))]).ConfigureAwait(false);
    }

    // What is known now about money that moved is kept even when the caller gives up, so there is no token here.
    private async Task<IReadOnlyList<PaymentAttempt>> KeepAsync(TenantContext tenant, CommandContext context, IReadOnlyList<(string PayerId, Guid AttemptId, GatewayOutcome? Outcome)> answers)
    {
        var kept = new List<PaymentAttempt>();
        foreach (var payer in answers.GroupBy(a => a.PayerId, StringComparer.Ordinal))
        {
            kept.AddRange(await _commits.ChangeAsync(tenant, context, payer.Key, work => ApplyAsync(work, [.. payer]), CancellationToken.None).ConfigureAwait(false));
        }

        return kept;
    }

    private async Task<IReadOnlyList<PaymentAttempt>> ApplyAsync(PayerWork work, IReadOnlyList<(string PayerId, Guid AttemptId, GatewayOutcome? Outcome)> answers)
    {
        var attempts = new List<PaymentAttempt>();
        foreach (var (_, attemptId, outcome) in answers)
        {
            attempts.Add(outcome is null
                ? CollectionOutcome.Postpone(work, attemptId)
                : await CollectionOutcome.ApplyAsync(work, attemptId, outcome, request => DecideAsync(work, request)).ConfigureAwait(false));
        }

        return attempts;
    }

    private async Task<RetryDecision?> DecideAsync(PayerWork work, RetryRequest request)
    {
        try
        {
            var answers = await FirstAnswer.AskAsync(
                core.Invoker,
                work.Context.Tasks.Chain<IPaymentRetryPolicy>(),
                [request],
                static (policy, batch, token) => policy.DecideAsync(batch, token),
                CancellationToken.None).ConfigureAwait(false);
            return answers[0];
        }
        catch (BillingException)
        {
            // The failed attempt must be written down whatever the policy does. It has been logged; tomorrow's attempt asks it again.
            return new RetryDecision(work.Now + NodaTime.Duration.FromDays(1));
        }
    }

    private static CollectionRunResult Count(CollectionRunResult total, PaymentAttempt attempt) => attempt.State switch
    {
        AttemptState.Succeeded => total with { Attempts = total.Attempts + 1, Succeeded = total.Succeeded + 1 },
        AttemptState.Declined or AttemptState.HardDeclined or AttemptState.NotCharged => total with { Attempts = total.Attempts + 1, Failed = total.Failed + 1 },
        _ => total with { Attempts = total.Attempts + 1, Unresolved = total.Unresolved + 1 },
    };
}
