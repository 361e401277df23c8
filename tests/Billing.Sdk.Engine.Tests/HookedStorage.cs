using System.Reflection;
using Billing.InMemory;
using Billing.Storage;
using Billing.Testing.Scenarios;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Engine.Tests;

/// <summary>Lets a test act right before a call reaches the store, and look at what the store answered.</summary>
public class HookedStorage : DispatchProxy
{
    private IBillingStorage _inner = null!;

    /// <summary>Called before each call with its name and arguments; it may call the inner store itself.</summary>
    internal Action<string, object?[]>? Before { get; set; }

    /// <summary>Called with the answer of each call.</summary>
    internal Action<string, object?>? After { get; set; }

    internal static ScenarioRunnerOptions Options(string store, Action<HookedStorage> created) => new()
    {
        UseStore = billing =>
        {
            var resource = Stores.Of(store)(billing);
            var known = billing.Services.Last(d => d.ServiceType == typeof(IBillingStorage));
            billing.UseStorage(services =>
            {
                var storage = Create<IBillingStorage, HookedStorage>();
                var proxy = (HookedStorage)(object)storage;
                proxy._inner = (IBillingStorage)known.ImplementationFactory!(services);
                created(proxy);
                return storage;
            });
            return resource;
        },
    };

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        Before?.Invoke(targetMethod!.Name, args!);
        var answer = targetMethod!.Invoke(_inner, args);
        return After is { } after && targetMethod.ReturnType.IsGenericType ? Observe(targetMethod.Name, answer!, after, targetMethod.ReturnType.GenericTypeArguments[0]) : answer;
    }

    private static object Observe(string name, object task, Action<string, object?> after, Type result) =>
        typeof(HookedStorage).GetMethod(nameof(ObserveAsync), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(result).Invoke(null, [name, task, after])!;

    private static async Task<T> ObserveAsync<T>(string name, Task<T> task, Action<string, object?> after)
    {
        var answer = await task;
        after(name, answer);
        return answer;
    }
}
