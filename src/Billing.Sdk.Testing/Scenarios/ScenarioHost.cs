using Billing.Storage;
using Billing.Tasks;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Billing.Testing.Scenarios;

/// <summary>An engine of its own for one scenario: fresh store, test clock, reproducible ids, recorded notifications.</summary>
/// <remarks>Two hosts with the same input make the same ids. Dispose it when the scenario is over: the store goes with it.</remarks>
public sealed class ScenarioHost : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly IDisposable? _storeCleanup;

    private ScenarioHost(ServiceProvider services, TestClock clock, RecordingNotifier notifications, IDisposable? storeCleanup)
    {
        _services = services;
        _storeCleanup = storeCleanup;
        Clock = clock;
        Notifications = notifications;
        Engine = services.GetRequiredService<BillingEngine>();
        Storage = services.GetRequiredService<IBillingStorage>();
        Tasks = services.GetRequiredService<TaskCatalog>();
    }

    /// <summary>The one tenant of a scenario.</summary>
    public static TenantId Tenant { get; } = new("scenario");

    /// <summary>The engine.</summary>
    public BillingEngine Engine { get; }

    /// <summary>The engine's clock.</summary>
    public TestClock Clock { get; }

    /// <summary>What task <c>recording</c> of stage <c>notification</c> was given.</summary>
    public RecordingNotifier Notifications { get; }

    /// <summary>The engine's store.</summary>
    public IBillingStorage Storage { get; }

    /// <summary>The tasks that a scenario can name.</summary>
    public TaskCatalog Tasks { get; }

    /// <summary>Starts an engine.</summary>
    /// <param name="options">Store and plugins.</param>
    /// <param name="now">What the clock shows at first.</param>
    /// <param name="cancellationToken">Ends the start of the store.</param>
    public static async Task<ScenarioHost> StartAsync(ScenarioRunnerOptions options, Instant now, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var clock = new TestClock(now);
        var notifications = new RecordingNotifier();
        var services = new ServiceCollection();
        services.AddSingleton<IClock>(clock);
        services.AddSingleton<IIdGenerator>(new TimeOrderedIdGenerator(clock, CountUp()));
        IDisposable? cleanup = null;
        services.AddBilling(billing =>
        {
            cleanup = options.UseStore(billing);
            billing.ConfigureTasks(tasks => tasks.AddPlugin("billing.testing", notifications.AsPlugin()));
            foreach (var plugin in options.Plugins)
            {
                billing.ConfigureTasks(plugin);
            }
        });
        var provider = services.BuildServiceProvider();
        try
        {
            var host = new ScenarioHost(provider, clock, notifications, cleanup);
            await host.Storage.InitializeAsync(cancellationToken).ConfigureAwait(false);
            return host;
        }
        catch (Exception)
        {
            // Nobody gets the host, so nobody else would remove its store.
            await provider.DisposeAsync().ConfigureAwait(false);
            cleanup?.Dispose();
            throw;
        }
    }

    /// <summary>Shows an engine that was built elsewhere to invariants; whoever built it ends it.</summary>
    internal static ScenarioHost Showing(ServiceProvider services, TestClock clock) => new(services, clock, new RecordingNotifier(), null);

    /// <summary>Ends the engine and removes its store.</summary>
    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync().ConfigureAwait(false);
        _storeCleanup?.Dispose();
    }

    /// <summary>In place of random bits: ids are unique, in order, and the same in every run.</summary>
    private static Action<byte[]> CountUp()
    {
        long count = 0;
        return bytes => System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes, Interlocked.Increment(ref count));
    }
}
