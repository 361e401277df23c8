namespace Billing.Processing;

/// <summary>
/// What the payers of a page ask one stage: each payer waits for its own answer, the stage answers all of them in one batch. Not thread-safe: the payers of a page take turns.
/// </summary>
/// <param name="answer">Answers a batch in order. What it throws is asked again in halves, so that the one request that cannot be answered fails alone.</param>
internal sealed class StageQueue<TRequest, TAnswer>(Func<IReadOnlyList<TRequest>, CancellationToken, Task<IReadOnlyList<TAnswer>>> answer) : IStageQueue
{
    private List<(TRequest Request, TaskCompletionSource<TAnswer> Answer)> _waiting = [];

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Asks with the next batch.</summary>
    public Task<TAnswer> AskAsync(TRequest request)
    {
        // Without the option to run continuations elsewhere a payer goes on inside AnswerAsync, on its thread: no two payers ever work at the same time.
        var pending = new TaskCompletionSource<TAnswer>();
        _waiting.Add((request, pending));
        return pending.Task;
    }

    public async Task AnswerAsync(CancellationToken cancellationToken)
    {
        var batch = _waiting;
        _waiting = [];
        var answers = new (TAnswer? Answer, Exception? Failure)[batch.Count];
        await FillAsync(batch.ConvertAll(w => w.Request), answers, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < batch.Count; i++)
        {
            if (answers[i].Failure is { } failure)
            {
                batch[i].Answer.SetException(failure);
            }
            else
            {
                batch[i].Answer.SetResult(answers[i].Answer!);
            }
        }
    }

    private async Task FillAsync(List<TRequest> requests, Memory<(TAnswer? Answer, Exception? Failure)> answers, CancellationToken cancellationToken)
    {
        try
        {
            var results = await answer(requests, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < results.Count; i++)
            {
                answers.Span[i] = (results[i], null);
            }
        }
        catch (Exception error) when (PageStages.ConcernsPayer(error) && requests.Count == 1)
        {
            answers.Span[0] = (default, error);
        }
        catch (Exception error) when (PageStages.ConcernsPayer(error))
        {
            // One of them cannot be answered, and the others must not wait for it.
            var half = requests.Count / 2;
            await FillAsync(requests[..half], answers[..half], cancellationToken).ConfigureAwait(false);
            await FillAsync(requests[half..], answers[half..], cancellationToken).ConfigureAwait(false);
        }
    }
}

/// <summary>The queue of a stage, whatever it asks.</summary>
internal interface IStageQueue
{
    bool IsEmpty { get; }

    Task AnswerAsync(CancellationToken cancellationToken);
}
