using System.Collections.Concurrent;
using System.Reflection;
using Billing.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Billing.Testing.Faults;

/// <summary>Stands around every operation of a store: may fail it, delay it or watch it.</summary>
/// <remarks>Implementations are thread-safe when the store is used from several threads.</remarks>
public interface IStorageInterceptor
{
    /// <summary>Called in place of an operation.</summary>
    /// <param name="operation">Name of the method of <see cref="IBillingStorage"/>: <c>CommitAsync</c>.</param>
    /// <param name="arguments">Its arguments, in order; not to be changed.</param>
    /// <param name="proceed">Does the operation; call it once or, to lose the operation, not at all and throw. What it throws is the store's.</param>
    Task AroundAsync(string operation, IReadOnlyList<object?> arguments, Func<Task> proceed);
}

/// <summary>Puts an <see cref="IStorageInterceptor"/> in front of a store.</summary>
public static class StorageInterception
{
    /// <summary>A store that does what the given one does, with the interceptor around each operation. Disposing it disposes the store.</summary>
    public static IBillingStorage Around(IBillingStorage storage, IStorageInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(interceptor);
        var proxy = DispatchProxy.Create<IBillingStorage, StorageProxy>();
        ((StorageProxy)(object)proxy).Use(storage, interceptor);
        return proxy;
    }

    /// <summary>Puts the interceptor around the store that has been set with the builder.</summary>
    /// <exception cref="InvalidOperationException">No store has been set by a factory.</exception>
    public static BillingBuilder InterceptStorage(this BillingBuilder builder, IStorageInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var create = builder.Services.LastOrDefault(s => s.ServiceType == typeof(IBillingStorage))?.ImplementationFactory
            ?? throw new InvalidOperationException("Set the store with UseStorage (or a store's own verb) before it is intercepted.");
        builder.Services.Replace(ServiceDescriptor.Singleton(services => Around((IBillingStorage)create(services), interceptor)));
        return builder;
    }
}

/// <summary>Hands every member of the contract, present and future, to the interceptor: a decorator written by hand would leave out what it forgot.</summary>
internal class StorageProxy : DispatchProxy, IDisposable, IAsyncDisposable
{
    private static readonly MethodInfo Typed = typeof(StorageProxy).GetMethod(nameof(CallAsync), BindingFlags.NonPublic | BindingFlags.Instance)!;
    private static readonly ConcurrentDictionary<Type, MethodInfo> TypedCalls = new();

    private IBillingStorage _storage = null!;
    private IStorageInterceptor _interceptor = null!;

    public void Use(IBillingStorage storage, IStorageInterceptor interceptor) => (_storage, _interceptor) = (storage, interceptor);

    public void Dispose()
    {
        (_storage as IDisposable)?.Dispose();
        GC.SuppressFinalize(this);
    }

    public async ValueTask DisposeAsync()
    {
        if (_storage is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            (_storage as IDisposable)?.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var method = targetMethod!;
        var arguments = args ?? [];
        if (method.ReturnType == typeof(Task))
        {
            return _interceptor.AroundAsync(method.Name, arguments, () => Proceed<Task>(method, arguments));
        }

        var result = method.ReturnType.GenericTypeArguments[0];
        return TypedCalls.GetOrAdd(result, static type => Typed.MakeGenericMethod(type)).Invoke(this, [method, arguments]);
    }

    private async Task<T> CallAsync<T>(MethodInfo method, object?[] arguments)
    {
        T result = default!;
        await _interceptor.AroundAsync(method.Name, arguments, async () => result = await Proceed<Task<T>>(method, arguments).ConfigureAwait(false)).ConfigureAwait(false);
        return result;
    }

    private TTask Proceed<TTask>(MethodInfo method, object?[] arguments) =>
        (TTask)method.Invoke(_storage, BindingFlags.DoNotWrapExceptions, null, arguments, null)!;
}
