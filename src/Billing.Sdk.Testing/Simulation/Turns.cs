namespace Billing.Testing.Simulation;

/// <summary>Lets actors take turns: one goes on at a time, up to its next operation on the store or a gateway; the seed says who is next.</summary>
/// <remarks>An actor that crashes is never given a turn again: what it was doing ends there, as a killed process does.</remarks>
internal sealed class Turns(SimulatedRandom random)
{
    private readonly List<Actor> _actors = [];

    /// <summary>Starts an actor; it waits for its first turn.</summary>
    public Actor Start(string name, Func<Actor, Task> life)
    {
        var actor = new Actor(name);
        _actors.Add(actor);
        actor.Live(life);
        return actor;
    }

    /// <summary>Gives turns until every actor has come to its end or has crashed.</summary>
    public async Task RunAsync()
    {
        while (_actors.Count > 0)
        {
            var actor = random.Pick(_actors);
            await actor.GoOnAsync().ConfigureAwait(false);
            if (actor.IsOver)
            {
                _actors.Remove(actor);
            }
        }
    }
}

/// <summary>Something that is done step by step: a worker's runs, a command of a host.</summary>
internal sealed class Actor(string name)
{
    private TaskCompletionSource _turn = NewSignal();
    private TaskCompletionSource _rests = NewSignal();

    public string Name { get; } = name;

    /// <summary>Whether its process was killed.</summary>
    public bool HasCrashed { get; private set; }

    /// <summary>What ended it, other than its own end.</summary>
    public Exception? Failure { get; private set; }

    public bool IsOver { get; private set; }

    /// <summary>Waits for the next turn. Called by the actor before each of its operations.</summary>
    public Task PassAsync()
    {
        var turn = _turn;
        _rests.SetResult();
        return turn.Task;
    }

    /// <summary>The process is killed: the actor's turn never comes.</summary>
    public Task CrashAsync()
    {
        HasCrashed = true;
        IsOver = true;
        _rests.SetResult();
        return NewSignal().Task;
    }

    /// <summary>Gives the actor a turn; ends when it passes, ends or crashes.</summary>
    public Task GoOnAsync()
    {
        var (turn, rests) = (_turn, NewSignal());
        (_turn, _rests) = (NewSignal(), rests);
        turn.SetResult();
        return rests.Task;
    }

    public void Live(Func<Actor, Task> life) => _ = LiveAsync(life);

    private async Task LiveAsync(Func<Actor, Task> life)
    {
        await _turn.Task.ConfigureAwait(false);
        try
        {
            await life(this).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // Whatever it was belongs into the history, and must not be lost on a thread of the pool.
            Failure = error;
        }

        IsOver = true;
        _rests.SetResult();
    }

    // Continuations run on the pool: an actor's stack must not grow with its turns.
    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
