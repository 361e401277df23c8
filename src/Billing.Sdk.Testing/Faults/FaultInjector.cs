using Billing.Payments;

namespace Billing.Testing.Faults;

/// <summary>How an operation fails.</summary>
public enum FaultKind
{
    /// <summary>Nothing was done: the store or the gateway could not be reached.</summary>
    NotDone,

    /// <summary>It was done, and the answer was lost.</summary>
    AnswerLost,

    /// <summary>It was done, and no answer came until the engine's time limit had passed. Calls of gateways only: stores have no such limit.</summary>
    TimedOut,
}

/// <summary>The failure of a store or a gateway that a test has asked for.</summary>
public sealed class InjectedFaultException : IOException
{
    /// <summary>Creates the failure of an operation.</summary>
    /// <param name="operation">Its name.</param>
    /// <param name="kind">How it failed.</param>
    public InjectedFaultException(string operation, FaultKind kind)
        : base($"{operation} failed as the test asked for ({kind}).")
    {
    }
}

/// <summary>Counts the operations of stores and gateways and fails one of them, once.</summary>
/// <remarks>
/// Thread-safe; when several threads use it, which operation is the n-th is theirs to decide. One object serves one run. While it is
/// <see cref="Suspend">suspended</see> it neither counts nor fails: for what a test itself reads.
/// </remarks>
public sealed class FaultInjector : IStorageInterceptor, IGatewayInterceptor
{
    private readonly Lock _gate = new();
    private readonly List<string> _operations = [];
    private readonly int _number;
    private readonly FaultKind _kind;
    private readonly ManualTimers _timers;
    private int _suspended;

    /// <summary>Counts only.</summary>
    public FaultInjector()
        : this(0, FaultKind.NotDone)
    {
    }

    /// <summary>Fails one operation.</summary>
    /// <param name="number">The n-th, from 1; with <see cref="FaultKind.TimedOut"/> the n-th call of a gateway. 0: none.</param>
    /// <param name="kind">How it fails.</param>
    public FaultInjector(int number, FaultKind kind)
    {
        _number = number;
        _kind = kind;
        _timers = new ManualTimers();
    }

    /// <summary>The time in which the engine's time limits run; a time-out lets them run out.</summary>
    public TimeProvider Time => _timers;

    /// <summary>The operations that were begun, in order: <c>CommitAsync</c>, <c>gateway Charge</c>.</summary>
    public IReadOnlyList<string> Operations
    {
        get
        {
            lock (_gate)
            {
                return [.. _operations];
            }
        }
    }

    /// <summary>The operation that was failed, with its number; <see langword="null"/>: none yet.</summary>
    public string? Injected { get; private set; }

    /// <summary>Lets operations pass uncounted until the answer is disposed.</summary>
    public IDisposable Suspend()
    {
        Interlocked.Increment(ref _suspended);
        return new Suspension(this);
    }

    /// <inheritdoc/>
    public async Task AroundAsync(string operation, IReadOnlyList<object?> arguments, Func<Task> proceed)
    {
        ArgumentNullException.ThrowIfNull(proceed);
        var fails = Begin(operation, isGateway: false);
        if (!fails || _kind != FaultKind.NotDone)
        {
            await proceed().ConfigureAwait(false);
        }

        if (fails)
        {
            throw StoreFailure(operation, _kind);
        }
    }

    /// <summary>What a store throws that has given up, as adapters do: code <c>storage</c> with the cause inside.</summary>
    internal static BillingException StoreFailure(string operation, FaultKind kind) =>
        new(BillingErrorCodes.Storage, $"The store could not be reached for {operation}.", new InjectedFaultException(operation, kind));

    /// <inheritdoc/>
    public async Task<IReadOnlyList<GatewayOutcome>> AroundAsync(
        string operation, IReadOnlyList<string> keys, Func<Task<IReadOnlyList<GatewayOutcome>>> proceed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(proceed);
        var fails = Begin($"gateway {operation}", isGateway: true);
        if (fails && _kind == FaultKind.NotDone)
        {
            throw new InjectedFaultException(operation, _kind);
        }

        var outcomes = await proceed().ConfigureAwait(false);
        if (!fails)
        {
            return outcomes;
        }

        if (_kind == FaultKind.TimedOut)
        {
            _timers.RunOut();
            cancellationToken.ThrowIfCancellationRequested();
        }

        throw new InjectedFaultException(operation, _kind);
    }

    private bool Begin(string operation, bool isGateway)
    {
        lock (_gate)
        {
            if (_suspended > 0 || (_kind == FaultKind.TimedOut && !isGateway))
            {
                return false;
            }

            _operations.Add(operation);
            if (_operations.Count != _number)
            {
                return false;
            }

            Injected = $"{operation} ({_number})";
            return true;
        }
    }

    private sealed class Suspension(FaultInjector injector) : IDisposable
    {
        private int _disposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                Interlocked.Decrement(ref injector._suspended);
            }
        }
    }
}
