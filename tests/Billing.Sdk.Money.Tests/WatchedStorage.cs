using System.Reflection;
using Billing.Storage;

namespace Billing.MoneyTests;

/// <summary>A store that counts what is under way in it and can end the process at a commit.</summary>
public class WatchedStorage : DispatchProxy
{
    private IBillingStorage _inner = null!;
    private int _underWay;
    private int _commits;

    /// <summary>Calls that have begun and not returned.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Commits so far.</summary>
    public int Commits => Volatile.Read(ref _commits);

    /// <summary>Number of the commit before which the process ends; 0: none.</summary>
    public int DiesBefore { get; set; }

    /// <summary>Number of the commit after which the process ends; 0: none.</summary>
    public int DiesAfter { get; set; }

    public static (IBillingStorage Storage, WatchedStorage Watch) Around(IBillingStorage inner)
    {
        var storage = Create<IBillingStorage, WatchedStorage>();
        var watch = (WatchedStorage)(object)storage;
        watch._inner = inner;
        return (storage, watch);
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var isCommit = targetMethod!.Name == nameof(IBillingStorage.CommitAsync);
        var number = isCommit ? Interlocked.Increment(ref _commits) : -1;
        if (number == DiesBefore)
        {
            throw new ProcessEndedException();
        }

        Interlocked.Increment(ref _underWay);
        var result = targetMethod.Invoke(_inner, args);
        if (result is Task task)
        {
            _ = task.ContinueWith(_ => Interlocked.Decrement(ref _underWay), TaskContinuationOptions.ExecuteSynchronously);
        }

        return number == DiesAfter ? throw new ProcessEndedException() : result;
    }
}

/// <summary>Stands for the end of a process: everything in memory is lost, what was committed stays.</summary>
public sealed class ProcessEndedException : Exception;
