using Billing.Usage;

namespace Billing;

/// <summary>How a <see cref="UsageBuffer"/> gathers and holds back.</summary>
public sealed record UsageBufferOptions
{
    /// <summary>How many events may be in the buffer, those of running commits included: memory grows no further. 1 to 10,000,000, default 10,000.</summary>
    public int Capacity { get; init; } = 10_000;

    /// <summary>How many events share a commit at most. 1 to 100,000, default 1,000.</summary>
    public int BatchSize { get; init; } = 1_000;

    /// <summary>
    /// How long the first event of a batch waits for others. Default zero: a commit begins at once when none of the tenant is running, and whatever arrives during it shares the next one. At most one minute.
    /// </summary>
    public TimeSpan GatherFor { get; init; } = TimeSpan.Zero;

    /// <summary>Whether an event that finds the buffer full is refused with code <c>overloaded</c>. Default: its caller waits for room.</summary>
    public bool RefuseWhenFull { get; init; }

    internal void Validate()
    {
        Check(Capacity is >= 1 and <= 10_000_000, "capacity", "A buffer holds 1 to 10,000,000 events.");
        Check(BatchSize is >= 1 and <= 100_000, "batchSize", "A batch has 1 to 100,000 events.");
        Check(GatherFor >= TimeSpan.Zero && GatherFor <= TimeSpan.FromMinutes(1), "gatherFor", "Events gather for zero to one minute.");
    }

    private static void Check(bool holds, string key, string message)
    {
        if (!holds)
        {
            throw BillingException.Validation("usage buffer", "options", key, message);
        }
    }
}

/// <summary>
/// Takes single events from many callers and records them together: one commit at a time for each tenant, while the next batch gathers. Each caller waits for the durable outcome of its own event.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Opened by <see cref="UsageFacade.OpenBuffer"/> or <see cref="BillingBuilder.AddUsageBuffer"/>; one for a process is enough. Nothing is kept that a caller does not wait for: when the
/// process ends, callers have no answer and record again.</para>
/// <para><b>Full.</b> The buffer is bounded. A caller that finds it full waits, or is refused at once (<see cref="UsageBufferOptions.RefuseWhenFull"/>).</para>
/// <para><b>Metrics</b> (meter <c>Billing.Sdk.Usage</c>): <c>billing.usage.buffer.waiting</c> (events in the buffer), <c>billing.usage.buffer.events</c> (by <c>outcome</c>: accepted, duplicate, unattributed,
/// rejected, failed), <c>billing.usage.buffer.commits</c> (by <c>outcome</c>: committed, failed), <c>billing.usage.buffer.commit.size</c> (events in a commit), <c>billing.usage.buffer.refused</c> (for want of room).</para>
/// </remarks>
public sealed class UsageBuffer : IAsyncDisposable
{
    private readonly UsageFacade _usage;
    private readonly UsageBufferOptions _options;
    private readonly UsageBufferMetrics _metrics;
    private readonly SemaphoreSlim _room;
    private readonly Lock _gate = new();
    private readonly Dictionary<TenantId, Lane> _lanes = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _closed;

    internal UsageBuffer(UsageFacade usage, UsageBufferOptions options)
    {
        options.Validate();
        _usage = usage;
        _options = options;
        _room = new SemaphoreSlim(options.Capacity, options.Capacity);
        _metrics = new UsageBufferMetrics(() => Waiting);
    }

    /// <summary>How many events are in the buffer, those of running commits included.</summary>
    public int Waiting => _options.Capacity - _room.CurrentCount;

    /// <summary>Records one event together with those of other callers.</summary>
    /// <param name="context">The tenant, and who acts. The idempotency key is not used: an event counts once by its source and id.</param>
    /// <param name="entry">The event.</param>
    /// <param name="cancellationToken">
    /// Ends the waiting. An event whose commit has not begun is taken out and not recorded; one whose commit runs may be recorded all the same. Recording it again is safe in either case.
    /// </param>
    /// <returns>What became of the event, when that is on disk.</returns>
    /// <exception cref="BillingException"><c>overloaded</c>: the buffer is full and set to refuse; nothing was recorded. Any other code (<c>storage</c>, <c>not-found</c> for the tenant, …): the commit
    /// failed; whether the event was stored is not known, record it again.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was closed before the event entered; nothing was recorded.</exception>
    public async Task<UsageEntryResult> RecordAsync(CommandContext context, UsageEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(entry);
        await EnterAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var caller = new Caller(entry);
        Enqueue(context.Tenant, caller);
        var registration = cancellationToken.UnsafeRegister(static (state, token) => ((Caller)state!).Cancel(token), caller);
        await using (registration.ConfigureAwait(false))
        {
            return await caller.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Closes the buffer: takes no more events, and ends when all that it holds are recorded and their callers answered.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var lane in _lanes.Values)
            {
                lane.Full.TrySetResult();
            }

            if (_lanes.Count == 0)
            {
                _drained.TrySetResult();
            }
        }

        await _drained.Task.ConfigureAwait(false);
        _metrics.Dispose();
    }

    private async ValueTask EnterAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_options.RefuseWhenFull)
        {
            await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        else if (!_room.Wait(0, CancellationToken.None))
        {
            _metrics.Refused();
            throw BillingException.For(BillingErrorCodes.Overloaded, "usage buffer", tenant.Value, "capacity", $"{_options.Capacity} events wait already; record the event again later.");
        }
    }

    private void Enqueue(TenantId tenant, Caller caller)
    {
        lock (_gate)
        {
            if (_closed)
            {
                _room.Release();
                ObjectDisposedException.ThrowIf(_closed, this);
            }

            if (_lanes.TryGetValue(tenant, out var lane))
            {
                lane.Queue.Enqueue(caller);
                if (lane.Queue.Count >= _options.BatchSize)
                {
                    lane.Full.TrySetResult();
                }

                return;
            }

            lane = new Lane(tenant);
            lane.Queue.Enqueue(caller);
            _lanes.Add(tenant, lane);

            // The lane lives longer than the call that began it and must not run in its activity or culture.
            using var unattached = ExecutionContext.SuppressFlow();
            _ = Task.Run(() => RunAsync(lane));
        }
    }

    private async Task RunAsync(Lane lane)
    {
        while (Gather(lane) is { } gathered)
        {
            await gathered.ConfigureAwait(false);
            var batch = Take(lane);
            if (batch.Count > 0)
            {
                await CommitAsync(lane.Tenant, batch).ConfigureAwait(false);
                _room.Release(batch.Count);
            }
        }
    }

    /// <summary>Waits for more events if there is time; <see langword="null"/>: there is no event, and the lane is gone.</summary>
    private Task? Gather(Lane lane)
    {
        lock (_gate)
        {
            if (lane.Queue.Count == 0)
            {
                _lanes.Remove(lane.Tenant);
                if (_closed && _lanes.Count == 0)
                {
                    _drained.TrySetResult();
                }

                return null;
            }

            if (_options.GatherFor == TimeSpan.Zero || _closed || lane.Queue.Count >= _options.BatchSize)
            {
                return Task.CompletedTask;
            }

            lane.Full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return WaitAsync(lane.Full.Task);
        }
    }

    private async Task WaitAsync(Task full)
    {
        using var ended = new CancellationTokenSource();
        await Task.WhenAny(full, Task.Delay(_options.GatherFor, ended.Token)).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
    }

    /// <summary>The next batch; callers who gave up are left out and make room.</summary>
    private List<Caller> Take(Lane lane)
    {
        lock (_gate)
        {
            var batch = new List<Caller>(Math.Min(lane.Queue.Count, _options.BatchSize));
            while (batch.Count < _options.BatchSize && lane.Queue.TryDequeue(out var caller))
            {
                if (caller.TryBegin())
                {
                    batch.Add(caller);
                }
                else
                {
                    _room.Release();
                }
            }

            return batch;
        }
    }

    private async Task CommitAsync(TenantId tenant, List<Caller> batch)
    {
        try
        {
            var results = await _usage.RecordAsync(tenant, batch.ConvertAll(c => c.Entry), CancellationToken.None).ConfigureAwait(false);
            for (var i = 0; i < batch.Count; i++)
            {
                batch[i].Answer(results[i]);
            }

            _metrics.Committed(results);
        }
        catch (Exception error)
        {
            // Whatever the store throws is the answer of these callers, and of no others: the buffer goes on with the next batch.
            foreach (var caller in batch)
            {
                caller.Fail(tenant, error);
            }

            _metrics.Failed(batch.Count);
        }
    }

    /// <summary>The events of one tenant that wait, and the one task that commits them.</summary>
    private sealed class Lane(TenantId tenant)
    {
        public TenantId Tenant { get; } = tenant;

        public Queue<Caller> Queue { get; } = new();

        /// <summary>Set when a whole batch waits, or the buffer closes.</summary>
        public TaskCompletionSource Full { get; set; } = new();
    }

    /// <summary>One event and who waits for it. Either its commit begins or it is cancelled first.</summary>
    private sealed class Caller(UsageEntry entry)
    {
        private readonly TaskCompletionSource<UsageEntryResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _state;

        public UsageEntry Entry { get; } = entry;

        public Task<UsageEntryResult> Task => _answer.Task;

        /// <summary>Whether the event goes into a commit now; not, when its caller gave up.</summary>
        public bool TryBegin() => Interlocked.CompareExchange(ref _state, 1, 0) == 0;

        public void Cancel(CancellationToken cancellationToken)
        {
            Interlocked.CompareExchange(ref _state, 2, 0);
            _answer.TrySetCanceled(cancellationToken);
        }

        public void Answer(UsageEntryResult result) => _answer.TrySetResult(result);

        public void Fail(TenantId tenant, Exception error)
        {
            var code = error is BillingException known ? known.Code : BillingErrorCodes.Storage;
            var message = $"usage event '{Entry.Event.Id}' of tenant '{tenant.Value}': its commit failed, and it is not known whether it was stored. Record it again, it counts once. {error.Message}";
            _answer.TrySetException(new BillingException(code, message, error) { Subject = "usage event", SubjectId = Entry.Event.Id });
        }
    }
}
