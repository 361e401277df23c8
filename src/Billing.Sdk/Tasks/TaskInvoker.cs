using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Tasks;

/// <summary>How long tasks may take.</summary>
public sealed record TaskInvokerOptions
{
    /// <summary>The longest time that one call with one batch may take. Default 30 seconds.</summary>
    public Duration TimeLimit { get; init; } = Duration.FromSeconds(30);

    /// <summary>Other limits by stage name. Default: none.</summary>
    public EquatableMap<Duration> StageTimeLimits { get; init; } = EquatableMap<Duration>.Empty;
}

/// <summary>Calls tasks with a batch: time limit, trace, measurements, and failures as values. Thread-safe; one per host.</summary>
/// <remarks>
/// Spans come from the activity source <c>Billing.Sdk</c> and are named <c>billing.task</c>; the meter <c>Billing.Sdk</c> has the histograms
/// <c>billing.task.duration</c> (microseconds) and <c>billing.task.batch_size</c> (requests). Both carry <c>billing.stage</c>, <c>billing.task</c>
/// and <c>billing.outcome</c> (<c>ok</c>, <c>failed</c>, <c>timeout</c>, <c>cancelled</c>).
/// </remarks>
public sealed class TaskInvoker
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string TelemetryName = "Billing.Sdk";

    private static readonly ActivitySource Source = new(TelemetryName, SdkVersion.Current);
    private static readonly Meter Meter = new(TelemetryName, SdkVersion.Current);
    private static readonly Histogram<long> Durations = Meter.CreateHistogram<long>("billing.task.duration", "us", "Time of one call of a task with one batch.");
    private static readonly Histogram<long> BatchSizes = Meter.CreateHistogram<long>("billing.task.batch_size", "{request}", "Requests in one call of a task.");

    private readonly ILogger<TaskInvoker> _logger;
    private readonly TaskInvokerOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Creates an invoker.</summary>
    /// <param name="logger">Takes failures: as errors for critical stages, as warnings for the others.</param>
    /// <param name="options">Time limits; <see langword="null"/>: the defaults.</param>
    /// <param name="time">Measures time limits and durations; <see langword="null"/>: the system's timer. It is no clock: business time is NodaTime's.</param>
    public TaskInvoker(ILogger<TaskInvoker> logger, TaskInvokerOptions? options = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(logger);
        _logger = logger;
        _options = options ?? new TaskInvokerOptions();
        _time = time ?? TimeProvider.System;
        foreach (var limit in _options.StageTimeLimits.Values.Append(_options.TimeLimit))
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, Duration.Zero, nameof(options));
        }
    }

    /// <summary>Calls a task with a batch.</summary>
    /// <param name="task">The task.</param>
    /// <param name="requests">The batch. An empty one is answered without a call.</param>
    /// <param name="call">The interface's method: <c>static (rule, batch, token) => rule.PriceAsync(batch, token)</c>.</param>
    /// <param name="cancellationToken">Cancels the caller's work.</param>
    /// <returns>One result per request in the same order, or the failure of the whole batch.</returns>
    /// <exception cref="OperationCanceledException">When <paramref name="cancellationToken"/> asks for it; nothing else of the task's is thrown.</exception>
    public ValueTask<TaskOutcome<TResult>> InvokeAsync<TStage, TRequest, TResult>(
        BoundTask<TStage> task,
        IReadOnlyList<TRequest> requests,
        Func<TStage, IReadOnlyList<TRequest>, CancellationToken, ValueTask<IReadOnlyList<TResult>>> call,
        CancellationToken cancellationToken)
        where TStage : class
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(call);
        return InvokeAsync(task.Stage, task.Name, requests, (batch, token) => call(task.Instance, batch, token), cancellationToken);
    }

    /// <summary>Calls whatever stands for a task with a batch: for calls that the interface's method alone does not describe.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="task">The task's name.</param>
    /// <param name="requests">The batch. An empty one is answered without a call.</param>
    /// <param name="call">The call.</param>
    /// <param name="cancellationToken">Cancels the caller's work.</param>
    /// <inheritdoc cref="InvokeAsync{TStage,TRequest,TResult}(BoundTask{TStage},IReadOnlyList{TRequest},Func{TStage,IReadOnlyList{TRequest},CancellationToken,ValueTask{IReadOnlyList{TResult}}},CancellationToken)" path="/returns|/exception"/>
    public async ValueTask<TaskOutcome<TResult>> InvokeAsync<TRequest, TResult>(
        TaskStage stage,
        string task,
        IReadOnlyList<TRequest> requests,
        Func<IReadOnlyList<TRequest>, CancellationToken, ValueTask<IReadOnlyList<TResult>>> call,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(call);
        cancellationToken.ThrowIfCancellationRequested();
        if (requests.Count == 0)
        {
            return new TaskOutcome<TResult>([]);
        }

        using var activity = Source.StartActivity("billing.task");
        var started = _time.GetTimestamp();
        var kind = "cancelled";
        try
        {
            var outcome = await CallAsync(stage, task, requests, call, cancellationToken).ConfigureAwait(false);
            kind = outcome.Failure is null ? "ok" : outcome.TimedOut ? "timeout" : "failed";
            if (outcome.Failure is { } failure)
            {
                activity?.SetStatus(ActivityStatusCode.Error, failure.Message);
                _logger.Log(stage.Critical ? LogLevel.Error : LogLevel.Warning, failure, "Task {Stage}/{Task} failed for a batch of {Count}.", stage.Name, task, requests.Count);
            }

            return outcome;
        }
        finally
        {
            Measure(activity, stage.Name, task, kind, requests.Count, _time.GetElapsedTime(started));
        }
    }

    private async Task<TaskOutcome<TResult>> CallAsync<TRequest, TResult>(
        TaskStage stage,
        string task,
        IReadOnlyList<TRequest> requests,
        Func<IReadOnlyList<TRequest>, CancellationToken, ValueTask<IReadOnlyList<TResult>>> call,
        CancellationToken cancellationToken)
    {
        var limit = _options.StageTimeLimits.TryGetValue(stage.Name, out var own) ? own : _options.TimeLimit;
        using var timer = new CancellationTokenSource(limit.ToTimeSpan(), _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        try
        {
            // A task that does not look at its token is left behind when time is up; its late answer is nobody's.
            var pending = call(requests, both.Token);
            var results = pending.IsCompletedSuccessfully ? pending.Result : await pending.AsTask().WaitAsync(both.Token).ConfigureAwait(false);
            return Checked(stage, task, requests.Count, results);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException error) when (timer.IsCancellationRequested)
        {
            return Failed<TResult>(stage, task, BillingErrorCodes.TaskFailed, $"It did not answer a batch of {requests.Count} within {limit.ToTimeSpan()}.", error, timedOut: true);
        }
        catch (BillingException error)
        {
            return Failed<TResult>(stage, task, error.Code, error.Message, error);
        }
        catch (Exception error)
        {
            // A stranger's code can throw anything; what becomes of the items is for the stage to say, not for the exception.
            return Failed<TResult>(stage, task, BillingErrorCodes.TaskFailed, $"{error.GetType().Name}: {error.Message}", error);
        }
    }

    private static TaskOutcome<TResult> Checked<TResult>(TaskStage stage, string task, int requests, IReadOnlyList<TResult>? results)
    {
        if (results is null || results.Count != requests)
        {
            return Failed<TResult>(stage, task, BillingErrorCodes.TaskFailed, $"It answered {requests} requests with {(results is null ? "null" : $"{results.Count} results")}; each request has one result, in the same order.");
        }

        for (var i = 0; i < results.Count; i++)
        {
            if (results[i] is null)
            {
                return Failed<TResult>(stage, task, BillingErrorCodes.TaskFailed, $"Its result {i} of {requests} (counted from 0) is null.");
            }
        }

        return new TaskOutcome<TResult>(results);
    }

    private static TaskOutcome<TResult> Failed<TResult>(TaskStage stage, string task, string code, string message, Exception? cause = null, bool timedOut = false)
    {
        var id = $"{stage.Name}/{task}";
        return new TaskOutcome<TResult>(new BillingException(code, $"task '{id}': {message}", cause) { Subject = "task", SubjectId = id }, timedOut);
    }

    private static void Measure(Activity? activity, string stage, string task, string outcome, int count, TimeSpan elapsed)
    {
        var tags = new TagList { { "billing.stage", stage }, { "billing.task", task }, { "billing.outcome", outcome } };
        foreach (var (key, value) in tags)
        {
            activity?.SetTag(key, value);
        }

        activity?.SetTag("billing.batch_size", count);
        Durations.Record(elapsed.Ticks / TimeSpan.TicksPerMicrosecond, tags);
        BatchSizes.Record(count, tags);
    }
}

/// <summary>What a task answered to a batch: all results, or the failure of the batch.</summary>
/// <typeparam name="TResult">The stage's result.</typeparam>
public sealed class TaskOutcome<TResult>
{
    private readonly IReadOnlyList<TResult>? _results;

    internal TaskOutcome(IReadOnlyList<TResult> results) => _results = results;

    internal TaskOutcome(BillingException failure, bool timedOut)
    {
        Failure = failure;
        TimedOut = timedOut;
    }

    /// <summary>The failure, naming stage and task; <see langword="null"/> when there are results. Its code is <c>task-failed</c>, or the code that the task threw.</summary>
    public BillingException? Failure { get; }

    /// <summary>Whether the time limit passed. The task may still have done its work: for a gateway this outcome is Unknown.</summary>
    public bool TimedOut { get; }

    /// <summary>One result per request, in the same order.</summary>
    /// <exception cref="BillingException">The <see cref="Failure"/>, when there is one.</exception>
    public IReadOnlyList<TResult> Results => _results ?? throw Failure!;
}
