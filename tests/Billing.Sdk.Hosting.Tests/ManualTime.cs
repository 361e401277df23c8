using NodaTime;

namespace Billing.Hosting.Tests;

/// <summary>A clock and its timers that stand still until the test moves them. Thread-safe.</summary>
internal sealed class ManualTime(Instant start) : TimeProvider, IClock
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private readonly List<(int Timers, TaskCompletionSource Reached)> _waiting = [];
    private Instant _now = start;

    public Instant GetCurrentInstant()
    {
        lock (_gate)
        {
            return _now;
        }
    }

    public override DateTimeOffset GetUtcNow() => GetCurrentInstant().ToDateTimeOffset();

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => GetCurrentInstant().ToUnixTimeTicks();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Waits until so many timers wait: everything else has come to rest then.</summary>
    public Task RestAsync(int timers)
    {
        lock (_gate)
        {
            if (_timers.Count >= timers)
            {
                return Task.CompletedTask;
            }

            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((timers, reached));
            return reached.Task.WaitAsync(Patience);
        }
    }

    /// <summary>Moves on to a moment, timer by timer; before each step everything comes to rest.</summary>
    /// <param name="moment">The moment.</param>
    /// <param name="timers">How many timers wait when everything is at rest.</param>
    public async Task AdvanceAsync(Instant moment, int timers)
    {
        while (true)
        {
            await RestAsync(timers);
            List<ManualTimer> due;
            lock (_gate)
            {
                var next = _timers.Where(t => t.DueAt <= moment).Select(t => t.DueAt).DefaultIfEmpty(moment).Min();
                _now = Instant.Max(_now, next);
                due = _timers.Where(t => t.DueAt <= _now).ToList();
                due.ForEach(t => _timers.Remove(t));
            }

            due.ForEach(t => t.Fire());
            if (due.Count == 0)
            {
                return;
            }
        }
    }

    private void Add(ManualTimer timer, TimeSpan dueTime)
    {
        lock (_gate)
        {
            timer.DueAt = _now + Duration.FromTimeSpan(dueTime);
            _timers.Add(timer);
            foreach (var reached in _waiting.Where(w => w.Timers <= _timers.Count).ToList())
            {
                _waiting.Remove(reached);
                reached.Reached.SetResult();
            }
        }
    }

    private void Remove(ManualTimer timer)
    {
        lock (_gate)
        {
            _timers.Remove(timer);
        }
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        public Instant DueAt { get; set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            time.Remove(this);
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                time.Add(this, dueTime);
            }

            return true;
        }

        public void Dispose() => time.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
