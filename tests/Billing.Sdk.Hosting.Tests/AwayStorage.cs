using System.Reflection;
using Billing.Storage;

namespace Billing.Hosting.Tests;

/// <summary>Makes a store that does not answer for a while. Everything else is the real one behind it.</summary>
public class AwayStorage : DispatchProxy
{
    private IBillingStorage _store = null!;
    private Func<bool> _isAway = null!;

    /// <summary>A store that is away for as long as a test says.</summary>
    internal static IBillingStorage Over(IBillingStorage store, Func<bool> isAway)
    {
        var proxy = Create<IBillingStorage, AwayStorage>();
        ((AwayStorage)(object)proxy)._store = store;
        ((AwayStorage)(object)proxy)._isAway = isAway;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        _isAway() ? throw new BillingException(BillingErrorCodes.Storage, "The store does not answer.") : targetMethod!.Invoke(_store, args);
}
