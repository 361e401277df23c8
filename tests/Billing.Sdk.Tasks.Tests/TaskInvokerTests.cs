using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Tasks;

public sealed class TaskInvokerTests
{
    private static readonly TaskStage Greet = TaskStage.Of(typeof(IGreeter));
    private static readonly TaskStage Tell = TaskStage.Of(typeof(ITeller));
    private readonly RecordingLogger _log = new();

    [Fact]
    public async Task Results_come_back_in_the_order_of_the_requests()
    {
        using var catalog = TaskResolverTests.Catalog();
        var task = new TaskResolver(catalog).Resolve(new TenantId("t"), new TaskConfiguration { Entries = [TaskResolverTests.Entry("greet", "a")] }).Chain<IGreeter>()[0];
        var outcome = await new TaskInvoker(_log).InvokeAsync(task, ["Ann", "Bob"], static (greeter, names, token) => greeter.GreetAsync(names, token), CancellationToken.None);

        Assert.Null(outcome.Failure);
        Assert.Equal(["a: Ann", "a: Bob"], outcome.Results);
        Assert.Empty(_log.Entries);
    }

    [Fact]
    public async Task An_empty_batch_is_answered_without_a_call()
    {
        var outcome = await new TaskInvoker(_log).InvokeAsync<string, string>(Greet, "a", [], static (_, _) => throw new InvalidOperationException(), CancellationToken.None);

        Assert.Empty(outcome.Results);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Another_number_of_results_than_requests_is_a_failure_that_names_the_task(int count)
    {
        var outcome = await CallAsync(Greet, (_, _) => new(Enumerable.Repeat("x", count).ToList()));

        Assert.Equal(BillingErrorCodes.TaskFailed, outcome.Failure!.Code);
        Assert.Contains("greet/a", outcome.Failure.Message, StringComparison.Ordinal);
        Assert.Contains($"2 requests with {count} results", outcome.Failure.Message, StringComparison.Ordinal);
        Assert.Same(outcome.Failure, Assert.Throws<BillingException>(() => outcome.Results));
    }

    [Fact]
    public async Task Null_for_the_results_or_one_of_them_is_a_failure()
    {
        Assert.Contains("with null", (await CallAsync(Greet, (_, _) => new((IReadOnlyList<string>)null!))).Failure!.Message, StringComparison.Ordinal);
        Assert.Contains("result 1 of 2", (await CallAsync(Greet, (_, _) => new(["x", null!]))).Failure!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_task_throws_at_once_or_later_is_a_failure_with_its_cause(bool later)
    {
        var thrown = new FormatException("no such column");
        var outcome = await CallAsync(Greet, async (_, _) =>
        {
            if (later)
            {
                await Task.Yield();
            }

            throw thrown;
        });
        var atOnce = await CallAsync(Greet, (_, _) => throw thrown);

        Assert.Equal(BillingErrorCodes.TaskFailed, outcome.Failure!.Code);
        Assert.Same(thrown, outcome.Failure.InnerException);
        Assert.Contains("FormatException: no such column", outcome.Failure.Message, StringComparison.Ordinal);
        Assert.Same(thrown, atOnce.Failure!.InnerException);
    }

    [Fact]
    public async Task A_code_that_a_task_throws_is_kept()
    {
        var outcome = await CallAsync(Greet, (_, _) => throw new BillingException(BillingErrorCodes.NoMatchingRate, "no rate"));

        Assert.Equal(BillingErrorCodes.NoMatchingRate, outcome.Failure!.Code);
        Assert.Equal("greet/a", outcome.Failure.SubjectId);
    }

    [Fact]
    public async Task Failures_are_errors_at_critical_stages_and_warnings_at_others()
    {
        await CallAsync(Greet, (_, _) => throw new FormatException());
        await CallAsync(Tell, (_, _) => throw new FormatException());

        Assert.Equal([LogLevel.Error, LogLevel.Warning], _log.Entries.Select(entry => entry.Level));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_task_that_takes_too_long_is_left_behind_whether_it_listens_or_not(bool listens)
    {
        var options = new TaskInvokerOptions { StageTimeLimits = EquatableMap<Duration>.Empty.With("greet", Duration.FromMilliseconds(50)) };
        var never = new TaskCompletionSource<IReadOnlyList<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var outcome = await new TaskInvoker(_log, options).InvokeAsync<string, string>(
            Greet,
            "a",
            ["x", "y"],
            async (_, token) =>
            {
                await (listens ? Task.Delay(Timeout.Infinite, token) : never.Task);
                return [];
            },
            CancellationToken.None);

        Assert.True(outcome.TimedOut);
        Assert.Equal(BillingErrorCodes.TaskFailed, outcome.Failure!.Code);
        Assert.Contains("greet/a", outcome.Failure.Message, StringComparison.Ordinal);
        never.SetResult([]);
    }

    [Fact]
    public async Task The_callers_cancellation_is_thrown_and_is_no_failure_of_the_task()
    {
        using var source = new CancellationTokenSource();
        var call = new TaskInvoker(_log).InvokeAsync<string, string>(
            Greet,
            "a",
            ["x"],
            async (_, token) =>
            {
                await source.CancelAsync();
                await Task.Delay(Timeout.Infinite, token);
                return ["x"];
            },
            source.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await call);
        Assert.Empty(_log.Entries);
    }

    [Fact]
    public async Task A_cancellation_that_nobody_asked_for_is_a_failure()
    {
        var outcome = await CallAsync(Greet, (_, _) => throw new OperationCanceledException("own token"));

        Assert.Equal(BillingErrorCodes.TaskFailed, outcome.Failure!.Code);
        Assert.False(outcome.TimedOut);
    }

    [Fact]
    public async Task Each_call_has_a_span_and_measurements_with_stage_task_and_outcome()
    {
        const string task = "measured";
        var spans = new List<Activity>();
        using var activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Billing.Sdk",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                lock (spans)
                {
                    spans.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(activities);
        var measured = new List<(string Name, long Value, string Outcome)>();
        using var meters = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Billing.Sdk")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var map = tags.ToArray().ToDictionary(tag => tag.Key, tag => (string)tag.Value!);
            if (map["billing.task"] == task)
            {
                measured.Add((instrument.Name, value, $"{map["billing.stage"]} {map["billing.outcome"]}"));
            }
        });
        meters.Start();

        var invoker = new TaskInvoker(_log);
        await invoker.InvokeAsync<string, string>(Greet, task, ["x", "y"], (batch, _) => new(batch), CancellationToken.None);
        await invoker.InvokeAsync<string, string>(Greet, task, ["x", "y", "z"], (_, _) => throw new FormatException(), CancellationToken.None);

        Assert.Equal(["greet ok", "greet failed"], measured.Where(item => item.Name == "billing.task.duration").Select(item => item.Outcome));
        Assert.All(measured.Where(item => item.Name == "billing.task.duration"), item => Assert.InRange(item.Value, 0, 60_000_000));
        Assert.Equal([2L, 3L], measured.Where(item => item.Name == "billing.task.batch_size").Select(item => item.Value));
        var own = spans.Where(span => (string?)span.GetTagItem("billing.task") == task).ToList();
        Assert.Equal([ActivityStatusCode.Unset, ActivityStatusCode.Error], own.Select(span => span.Status));
        Assert.All(own, span => Assert.Equal("billing.task", span.OperationName));
    }

    [Fact]
    public void A_limit_of_nothing_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TaskInvoker(_log, new TaskInvokerOptions { TimeLimit = Duration.Zero }));

    private async Task<TaskOutcome<string>> CallAsync(TaskStage stage, Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyList<string>>> call) =>
        await new TaskInvoker(_log).InvokeAsync<string, string>(stage, "a", ["x", "y"], call, CancellationToken.None);

    private sealed class RecordingLogger : ILogger<TaskInvoker>
    {
        public List<(LogLevel Level, string Text)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((logLevel, formatter(state, exception)));
    }
}
