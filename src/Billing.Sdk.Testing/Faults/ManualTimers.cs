namespace Billing.Testing.Faults;

/// <summary>A time in which nothing passes by itself: the time limits of tasks run out when a test says so.</summary>
/// <remarks>Thread-safe. Hand it to <see cref="Billing.Tasks.TaskInvoker"/>.</remarks>
public sealed class ManualTimers : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly HashSet<ManualTimer> _timers = [];

    /// <summary>Lets all timers that run now run out.</summary>
    public void RunOut()
    {
        ManualTimer[] running;
        lock (_gate)
        {
            running = [.. _timers];
            _timers.Clear();
        }

        foreach (var timer in running)
        {
            timer.Fire();
        }
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => 0;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ManualTimer(ManualTimers owner, TimerCallback callback, object? state) : ITimer
    {
        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                return dueTime == Timeout.InfiniteTimeSpan ? owner._timers.Remove(this) : owner._timers.Add(this);
            }
        }

        public void Dispose()
        {
            lock (owner._gate)
            {
                owner._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
