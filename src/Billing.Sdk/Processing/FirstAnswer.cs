using Billing.Tasks;

namespace Billing.Processing;

/// <summary>Asks the tasks of a chain in order until each request has an answer.</summary>
internal static class FirstAnswer
{
    /// <summary>Answers in the order of the requests; <see langword="null"/>: no task answered.</summary>
    /// <exception cref="BillingException">The failure of a task: what it would have said is not known, so none after it is asked.</exception>
    public static async Task<IReadOnlyList<TAnswer?>> AskAsync<TStage, TRequest, TAnswer>(
        TaskInvoker invoker,
        IReadOnlyList<BoundTask<TStage>> chain,
        IReadOnlyList<TRequest> requests,
        Func<TStage, IReadOnlyList<TRequest>, CancellationToken, ValueTask<IReadOnlyList<TAnswer?>>> call,
        CancellationToken cancellationToken)
        where TStage : class
        where TAnswer : class
    {
        var answers = new TAnswer?[requests.Count];
        var open = Enumerable.Range(0, requests.Count).ToList();
        foreach (var task in chain)
        {
            if (open.Count == 0)
            {
                break;
            }

            var asked = open.ConvertAll(i => requests[i]);
            var outcome = await invoker.InvokeAsync(task.Stage, task.Name, asked, CallAsync, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < open.Count; i++)
            {
                answers[open[i]] = outcome.Results[i].Value;
            }

            open.RemoveAll(i => answers[i] is not null);

            // No answer is an answer here, so each stands in an envelope.
            async ValueTask<IReadOnlyList<Envelope<TAnswer>>> CallAsync(IReadOnlyList<TRequest> batch, CancellationToken token) =>
                [.. (await call(task.Instance, batch, token).ConfigureAwait(false)).Select(a => new Envelope<TAnswer>(a))];
        }

        return answers;
    }

    private sealed record Envelope<T>(T? Value);
}
