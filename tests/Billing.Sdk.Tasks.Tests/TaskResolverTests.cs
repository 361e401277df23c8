using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Billing.Tasks;

public sealed class TaskResolverTests
{
    private static readonly TenantId Acme = new("acme");
    private static readonly TenantId Other = new("other");

    [Fact]
    public async Task A_chain_runs_by_order_then_by_name_and_leaves_out_what_is_switched_off()
    {
        using var catalog = Catalog();
        var tasks = Resolve(catalog, Entry("greet", "b", 5), Entry("greet", "c", 1), Entry("greet", "a", 5), Entry("greet", "off", 0) with { Enabled = false });
        var chain = tasks.Chain<IGreeter>();

        Assert.Equal(["c", "a", "b"], chain.Select(task => task.Name));
        Assert.All(chain, task => Assert.Equal("test", task.Plugin));
        Assert.Equal(["a: Ann"], await chain[1].Instance.GreetAsync(["Ann"], CancellationToken.None));
        Assert.Empty(tasks.Chain<ITeller>());
        Assert.Same(chain, tasks.Chain<IGreeter>());
    }

    [Fact]
    public void Instances_are_one_per_tenant_and_version()
    {
        using var catalog = Catalog();
        var resolver = new TaskResolver(catalog);
        var first = new TaskConfiguration { Version = 1, Entries = [Entry("greet", "a")] };
        var same = new TaskConfiguration { Version = 1, Entries = [Entry("greet", "a")] };
        var second = first with { Version = 2 };

        var tasks = resolver.Resolve(Acme, first);
        Assert.Same(tasks, resolver.Resolve(Acme, same));
        Assert.NotSame(tasks, resolver.Resolve(Acme, second));
        Assert.NotSame(tasks, resolver.Resolve(Other, first));
        Assert.Same(tasks, resolver.Resolve(Acme, first));
        Assert.NotSame(tasks.Chain<IGreeter>()[0].Instance, resolver.Resolve(Acme, second).Chain<IGreeter>()[0].Instance);
    }

    [Fact]
    public void Versions_before_the_two_newest_are_let_go()
    {
        using var catalog = Catalog();
        var resolver = new TaskResolver(catalog);
        TaskConfiguration Version(long version) => new() { Version = version, Entries = [Entry("greet", "a")] };
        var first = resolver.Resolve(Acme, Version(1));
        var third = resolver.Resolve(Acme, Version(3));
        var second = resolver.Resolve(Acme, Version(2));

        Assert.Same(third, resolver.Resolve(Acme, Version(3)));
        Assert.Same(second, resolver.Resolve(Acme, Version(2)));
        var again = resolver.Resolve(Acme, Version(1));
        Assert.NotSame(first, again);
        Assert.Same(third, resolver.Resolve(Acme, Version(3)));
    }

    [Fact]
    public void Two_configurations_of_one_version_are_a_conflict()
    {
        using var catalog = Catalog();
        var resolver = new TaskResolver(catalog);
        resolver.Resolve(Acme, new TaskConfiguration { Version = 1, Entries = [Entry("greet", "a")] });

        var error = Assert.Throws<BillingException>(() => resolver.Resolve(Acme, new TaskConfiguration { Version = 1, Entries = [Entry("greet", "b")] }));
        Assert.Equal(BillingErrorCodes.Conflict, error.Code);
    }

    [Fact]
    public void Many_threads_get_the_same_instances()
    {
        var made = 0;
        using var catalog = new TaskCatalogBuilder()
            .AddPlugin("slow", new LambdaPlugin(builder => builder.AddTask<IPicked>("p", _ =>
            {
                Interlocked.Increment(ref made);
                Thread.Sleep(20);
                return new Plain();
            })))
            .Build();
        var resolver = new TaskResolver(catalog);
        var configuration = new TaskConfiguration { Version = 1, Entries = [Entry("pick", "p")] };
        var instances = new System.Collections.Concurrent.ConcurrentBag<object>();
        Parallel.For(0, 16, _ => instances.Add(resolver.Resolve(Acme, configuration).ByName<IPicked>("p")!.Instance));

        Assert.Single(instances.Distinct());
        Assert.Equal(1, made);
    }

    [Fact]
    public void A_task_chosen_by_name_need_not_be_configured_if_it_can_do_without_parameters()
    {
        using var catalog = Catalog();
        var tasks = Resolve(catalog);

        Assert.NotNull(tasks.ByName<IPicked>("plain"));
        Assert.Same(tasks.ByName<IPicked>("plain")!.Instance, tasks.ByName<IPicked>("plain")!.Instance);
        Assert.Null(tasks.ByName<IPicked>("rated"));
        Assert.Null(tasks.ByName<IPicked>("nobody's"));
        Assert.Null(tasks.ByName<INumberer>("short"));
        var error = Assert.Throws<BillingException>(() => tasks.RequiredByName<IPicked>("rated"));
        Assert.Equal(BillingErrorCodes.TaskMissing, error.Code);
        Assert.Contains("needs parameters", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_chosen_by_name_takes_the_configured_parameters_or_those_given_where_it_is_used()
    {
        using var catalog = Catalog();
        var tasks = Resolve(catalog, Entry("pick", "rated") with { Parameters = """{ "entries": [] }""" }, Entry("pick", "plain") with { Enabled = false });

        var configured = tasks.ByName<IPicked>("rated")!.Instance;
        var given = tasks.RequiredByName<IPicked>("rated", """{ "entries": [], "cap": 1 }""").Instance;
        Assert.NotSame(configured, given);
        Assert.Same(given, tasks.RequiredByName<IPicked>("rated", """{ "entries": [], "cap": 1 }""").Instance);
        Assert.Equal("cpa", Assert.Throws<BillingException>(() => tasks.RequiredByName<IPicked>("rated", """{ "entries": [], "cpa": 1 }""")).Key);
        Assert.Null(tasks.ByName<IPicked>("plain"));
        Assert.Contains("switched off", Assert.Throws<BillingException>(() => tasks.RequiredByName<IPicked>("plain")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_task_refuses_the_tenants_runs_and_no_chain_has_a_gap()
    {
        using var catalog = Catalog(builder => builder.AddRefused("acme.greet", "HashMismatch: file 'x.dll'"));
        var tasks = Resolve(catalog, Entry("greet", "a"), Entry("greet", "acme.greet/loud"), Entry("number", "short"), Entry("nowhere", "x"));

        Assert.Equal(["acme.greet/loud", "x"], tasks.Missing.Select(task => task.Task).Order());
        var missing = tasks.Missing.Single(task => task.Stage == "greet");
        Assert.Equal(BillingErrorCodes.TaskMissing, missing.Code);
        Assert.Contains("HashMismatch: file 'x.dll'", missing.Reason, StringComparison.Ordinal);
        Assert.Contains("no stage 'nowhere'", tasks.Missing.Single(task => task.Stage == "nowhere").Reason, StringComparison.Ordinal);

        var error = Assert.Throws<BillingException>(tasks.EnsureComplete);
        Assert.Equal(BillingErrorCodes.TaskMissing, error.Code);
        Assert.Equal("acme", error.SubjectId);
        Assert.Equal("greet/acme.greet/loud", error.Key);
        Assert.Throws<BillingException>(tasks.Chain<IGreeter>);
        Assert.Single(tasks.Chain<INumberer>());
    }

    [Fact]
    public void Parameters_that_no_longer_bind_are_a_problem_of_the_tenant_and_not_of_the_host()
    {
        using var catalog = Catalog();
        var tasks = Resolve(catalog, Entry("pick", "rated") with { Parameters = """{ "entires": [] }""" });

        Assert.Equal(BillingErrorCodes.Validation, Assert.Single(tasks.Missing).Code);
        Assert.Contains("entires", Assert.Throws<BillingException>(tasks.EnsureComplete).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_that_could_not_be_made_is_tried_again()
    {
        var fail = true;
        using var catalog = new TaskCatalogBuilder()
            .AddPlugin("moody", new LambdaPlugin(builder => builder.AddTask<IPicked>("p", _ => fail ? throw new IOException("The disk is away.") : new Plain())))
            .Build();
        var resolver = new TaskResolver(catalog);
        var configuration = new TaskConfiguration { Version = 1, Entries = [Entry("pick", "p")] };

        var missing = Assert.Single(resolver.Resolve(Acme, configuration).Missing);
        Assert.Equal(BillingErrorCodes.TaskFailed, missing.Code);
        Assert.Contains("The disk is away.", missing.Reason, StringComparison.Ordinal);
        fail = false;
        var tasks = resolver.Resolve(Acme, configuration);
        Assert.Empty(tasks.Missing);
        Assert.Same(tasks, resolver.Resolve(Acme, configuration));
    }

    [Fact]
    public void A_plugin_has_its_own_services_and_the_hosts_clock_and_shared_services_which_it_does_not_dispose()
    {
        var clock = new StoppedClock();
        var shared = new Disposable();
        var own = new List<Disposable>();
        using var host = new ServiceCollection().AddSingleton<IClock>(clock).AddSingleton(shared).AddSingleton("the host's secret").BuildServiceProvider();
        var seen = new List<object?>();
        var catalog = new TaskCatalogBuilder()
            .Share<Disposable>()
            .AddPlugin("p", new LambdaPlugin(builder =>
            {
                builder.Services.AddSingleton<IClock>(_ => throw new InvalidOperationException("The host's clock wins."));
                builder.Services.AddSingleton(_ => new Owner(own));
                builder.AddTask<IPicked>("p", services =>
                {
                    _ = services.GetRequiredService<Owner>();
                    seen.AddRange([services.GetService<IClock>(), services.GetService<Disposable>(), services.GetService<string>(), services.GetService<ILogger<Plain>>()]);
                    return new Plain();
                });
            }))
            .Build(host);
        Assert.NotNull(Resolve(catalog).ByName<IPicked>("p"));
        catalog.Dispose();

        Assert.Same(clock, seen[0]);
        Assert.Same(shared, seen[1]);
        Assert.Null(seen[2]);
        Assert.NotNull(seen[3]);
        Assert.False(shared.Disposed);
        Assert.True(Assert.Single(own).Disposed);
    }

    internal static TaskEntry Entry(string stage, string task, int order = 0) => new() { Stage = stage, Task = task, Order = order };

    internal static TaskCatalog Catalog(Action<TaskCatalogBuilder>? more = null)
    {
        var builder = new TaskCatalogBuilder()
            .AddStage<ITeller>()
            .AddPlugin("test", new LambdaPlugin(plugin =>
            {
                foreach (var name in (string[])["a", "b", "c", "off"])
                {
                    plugin.AddTask<IGreeter>(name, _ => new Greeter(who => $"{name}: {who}"));
                }

                plugin.AddTask<INumberer>("short", _ => new Plain()).AddTask<INumberer>("long", _ => new Plain());
                plugin.AddTask<IPicked>("plain", _ => new Plain()).AddTask<IPicked, Rates>("rated", LenientContext.Default.Rates, (_, _) => new Plain());
            }));
        more?.Invoke(builder);
        return builder.Build();
    }

    private static TenantTasks Resolve(TaskCatalog catalog, params TaskEntry[] entries) =>
        new TaskResolver(catalog).Resolve(Acme, new TaskConfiguration { Version = 1, Entries = [.. entries] });

    private sealed class StoppedClock : IClock
    {
        public Instant GetCurrentInstant() => Instant.FromUnixTimeSeconds(0);
    }

    private sealed class Disposable : IDisposable
    {
        public bool Disposed { get; private set; }

        public void Dispose() => Disposed = true;
    }

    private sealed class Owner : IDisposable
    {
        private readonly Disposable _held = new();

        public Owner(List<Disposable> own) => own.Add(_held);

        public void Dispose() => _held.Dispose();
    }
}
