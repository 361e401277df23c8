using System.Reflection;
using Billing.Storage;

namespace Billing.UsageTests;

/// <summary>A store that tells of every call and can hold up or break the storing of usage.</summary>
public class WatchedStorage : DispatchProxy
{
    private readonly Lock _gate = new();
    private readonly List<int> _appended = [];
    private readonly List<string> _calls = [];
    private IBillingStorage _inner = null!;

    /// <summary>Sizes of the batches whose storing has begun, in order.</summary>
    public IReadOnlyList<int> Appended
    {
        get
        {
            lock (_gate)
            {
                return [.. _appended];
            }
        }
    }

    /// <summary>Names of the calls so far.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_gate)
            {
                return [.. _calls];
            }
        }
    }

    /// <summary>Done before usage is stored; what it throws is the store's failure, and nothing is stored.</summary>
    public Func<TenantId, UsageAppendBatch, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Done after usage is stored; what it throws is a lost answer.</summary>
    public Func<TenantId, UsageAppendBatch, Task> After { get; set; } = (_, _) => Task.CompletedTask;

    public static (IBillingStorage Storage, WatchedStorage Watch) Around(IBillingStorage inner)
    {
        var storage = Create<IBillingStorage, WatchedStorage>();
        var watch = (WatchedStorage)(object)storage;
        watch._inner = inner;
        return (storage, watch);
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        lock (_gate)
        {
            _calls.Add(targetMethod!.Name);
        }

        return targetMethod.Name == nameof(IBillingStorage.AppendUsageAsync)
            ? AppendAsync((TenantId)args![0]!, (UsageAppendBatch)args[1]!)
            : targetMethod.Invoke(_inner, args);
    }

    private async Task<IReadOnlyList<UsageOutcome>> AppendAsync(TenantId tenant, UsageAppendBatch events)
    {
        lock (_gate)
        {
            _appended.Add(events.Count);
        }

        await Before(tenant, events);
        var outcomes = await _inner.AppendUsageAsync(tenant, events, CancellationToken.None);
        await After(tenant, events);
        return outcomes;
    }
}

/// <summary>What a broken store throws.</summary>
public sealed class BrokenStoreException() : Exception("The disk is gone.");

/// <summary>Holds up the storing of usage until it is opened.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Done when a call waits at the gate.</summary>
    public Task Reached => _reached.Task;

    public void Open() => _open.TrySetResult();

    public async Task PassAsync()
    {
        _reached.TrySetResult();
        await _open.Task;
    }
}
