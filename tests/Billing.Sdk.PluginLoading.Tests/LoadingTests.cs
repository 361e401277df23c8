using System.Reflection;
using System.Runtime.Loader;
using Billing.Rating;
using Billing.Tasks;
using Mono.Cecil;

namespace Billing.PluginLoading;

public sealed class LoadingTests
{
    [Fact]
    public async Task A_plugin_from_a_folder_prices_with_its_own_services_its_parameters_and_the_hosts_clock()
    {
        using var root = new PluginRoot("Fixture.Good");
        var result = root.Load();

        var plugin = Assert.Single(result.Plugins);
        Assert.Equal("fixture.good", plugin.Name);
        Assert.Equal("0.1.0", plugin.Version);
        Assert.False(result.Report.IsDegraded);
        using var catalog = Host.Catalog(result);
        var entry = new TaskEntry { Stage = "pricing", Task = "fixture.good/fixed", Parameters = """{ "amount": "4.50" }""" };
        Assert.Equal(5.50m, (await Host.PriceAsync(catalog, "fixture.good/fixed", entry)).Amount);
        Assert.Equal(3m, (await Host.PriceAsync(catalog, "fixture.good/echo")).Amount);
        Assert.Equal(1_700_000_000m, (await Host.PriceAsync(catalog, "fixture.good/now")).Amount);
    }

    [Fact]
    public void Types_of_shared_assemblies_are_the_hosts_own()
    {
        using var root = new PluginRoot("Fixture.Good");
        var plugin = Assert.Single(root.Load().Plugins);

        Assert.IsAssignableFrom<IBillingPlugin>(plugin.Plugin);
        Assert.NotSame(AssemblyLoadContext.Default, AssemblyLoadContext.GetLoadContext(plugin.Assembly));
        var contract = plugin.Assembly.GetType("Billing.PluginFixtures.FixtureRule")!.GetInterfaces().Single();
        Assert.Same(typeof(IPricingRule), contract);
    }

    [Fact]
    public async Task Two_plugins_use_two_versions_of_one_library_and_neither_is_the_hosts()
    {
        using var root = new PluginRoot("Fixture.JsonNew", "Fixture.JsonOld");
        var result = root.Load();

        Assert.Equal(2, result.Plugins.Count);
        var types = result.Plugins.Select(plugin => (Type)plugin.Plugin.GetType().GetProperty("JsonType")!.GetValue(null)!).Append(typeof(Newtonsoft.Json.Linq.JObject));
        Assert.Equal(3, types.Distinct().Count());
        using var catalog = Host.Catalog(result);
        Assert.StartsWith("13.0.4", (await Host.PriceAsync(catalog, "fixture.json-new/version")).ErrorMessage, StringComparison.Ordinal);
        Assert.StartsWith("13.0.1", (await Host.PriceAsync(catalog, "fixture.json-old/version")).ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_that_the_plugin_left_at_home_is_not_borrowed_from_the_host()
    {
        using var root = new PluginRoot("Fixture.JsonNew");
        var folder = Path.Combine(root.Path, "Fixture.JsonNew");
        File.Delete(Path.Combine(folder, "Newtonsoft.Json.dll"));
        File.Delete(Path.Combine(folder, "Fixture.JsonNew.deps.json"));
        var plugin = Assert.Single(root.Load().Plugins);

        var error = Assert.Throws<TargetInvocationException>(() => plugin.Plugin.GetType().GetProperty("JsonType")!.GetValue(null));
        Assert.Contains("fixture.json-new", Assert.IsType<FileLoadException>(error.InnerException).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_without_a_copy_of_a_web_assembly_gets_the_web_hosts()
    {
        using var root = new PluginRoot("Fixture.Web");
        var result = root.Load();

        Assert.Same(typeof(Microsoft.AspNetCore.Http.PathString), Assert.Single(result.Plugins).Plugin.GetType().GetProperty("WebType")!.GetValue(null));
        using var catalog = Host.Catalog(result);
        Assert.Equal(4m, (await Host.PriceAsync(catalog, "fixture.web/length")).Amount);
    }

    [Fact]
    public async Task A_native_library_is_found_through_the_plugins_own_dependencies()
    {
        using var root = new PluginRoot("Fixture.Native");
        using var catalog = Host.Catalog(root.Load());

        Assert.InRange((await Host.PriceAsync(catalog, "fixture.native/version")).Amount, 3_000_000m, 4_000_000m);
    }

    [Fact]
    public async Task An_assembly_that_the_host_adds_to_the_shared_ones_is_the_hosts()
    {
        using var root = new PluginRoot("Fixture.JsonOld");
        File.Delete(Path.Combine(root.Path, "Fixture.JsonOld", "Newtonsoft.Json.dll"));
        File.Delete(Path.Combine(root.Path, "Fixture.JsonOld", "Fixture.JsonOld.deps.json"));
        using var catalog = Host.Catalog(PluginLoader.Load(root.Options with { SharedAssemblies = ["Newtonsoft.Json"] }));

        Assert.StartsWith("13.0.4", (await Host.PriceAsync(catalog, "fixture.json-old/version")).ErrorMessage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Fixture.NoAttribute", PluginRefusal.NoPluginAttribute, "BillingPlugin<T>")]
    [InlineData("Fixture.NewerMinor", PluginRefusal.SdkMinorDiffers, "0.99.0")]
    [InlineData("Fixture.OtherMajor", PluginRefusal.SdkMajorDiffers, "7.0.0")]
    [InlineData("Fixture.CarriesSdk", PluginRefusal.CarriesSharedAssembly, "Billing.Sdk.dll")]
    [InlineData("Fixture.Throws", PluginRefusal.ConfigureThrew, "The licence file is not there.")]
    public void A_bad_plugin_is_refused_with_its_reason_and_the_good_one_beside_it_loads(string fixture, PluginRefusal refusal, string detail)
    {
        using var root = new PluginRoot("Fixture.Good", fixture);
        var result = root.Load();

        Assert.Equal("fixture.good", Assert.Single(result.Plugins).Name);
        var refused = Assert.Single(result.Report.Refused);
        Assert.Equal(refusal, refused.Refusal);
        Assert.Contains(detail, refused.Detail, StringComparison.Ordinal);
        Assert.True(result.Report.IsDegraded);
    }

    [Theory]
    [InlineData("Fixture.NoAttribute")]
    [InlineData("Fixture.NewerMinor")]
    [InlineData("Fixture.OtherMajor")]
    [InlineData("Fixture.CarriesSdk")]
    public void Nothing_of_a_plugin_that_fails_a_check_is_loaded(string fixture)
    {
        using var root = new PluginRoot(fixture);
        root.Load();

        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly => assembly.GetName().Name == fixture);
    }

    [Fact]
    public void Of_two_plugins_of_one_name_the_first_folder_wins_and_the_main_assembly_is_found_by_its_deps_file()
    {
        using var root = new PluginRoot("Fixture.Good");
        root.Add("Fixture.Good", "Zz.Copy");
        var result = root.Load();

        Assert.EndsWith("Fixture.Good", Assert.Single(result.Plugins).Folder, StringComparison.Ordinal);
        Assert.Equal(PluginRefusal.DuplicateName, Assert.Single(result.Report.Refused).Refusal);
    }

    [Fact]
    public void A_task_that_another_plugin_has_already_is_refused_naming_both()
    {
        using var root = new PluginRoot("Fixture.Good", "Fixture.SameTask");
        var refused = Assert.Single(root.Load().Report.Refused);

        Assert.Equal(PluginRefusal.DuplicateTask, refused.Refusal);
        Assert.Contains("'fixture.good' and 'fixture.same-task'", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_that_is_linked_in_wins_over_one_found_with_the_same_task()
    {
        using var root = new PluginRoot("Fixture.SameTask");
        var builder = new TaskCatalogBuilder().AddPlugin("linked", new LinkedEcho());
        var report = builder.AddPluginsFrom(root.Path);

        Assert.Equal(PluginRefusal.DuplicateTask, Assert.Single(report.Refused).Refusal);
        using var catalog = builder.Build();
        Assert.Equal("linked", catalog.Find("pricing", "fixture.good/echo")!.Plugin);
    }

    [Fact]
    public void Files_that_are_no_assembly_and_folders_without_one_are_named()
    {
        using var root = new PluginRoot();
        Directory.CreateDirectory(Path.Combine(root.Path, "Empty"));
        Directory.CreateDirectory(Path.Combine(root.Path, "Text"));
        File.WriteAllText(Path.Combine(root.Path, "Text", "Text.dll"), "this is not an assembly");
        File.WriteAllText(Path.Combine(root.Path, "readme.txt"), "files beside the folders are ignored");

        Assert.Equal([PluginRefusal.NoMainAssembly, PluginRefusal.NotAnAssembly], root.Load().Report.Entries.Select(entry => entry.Refusal!.Value));
    }

    [Fact]
    public void A_damaged_assembly_never_throws_whatever_byte_it_ends_at()
    {
        using var root = new PluginRoot("Fixture.Good");
        var file = Path.Combine(root.Path, "Fixture.Good", "Fixture.Good.dll");
        var bytes = File.ReadAllBytes(file);
        for (var length = 0; length < bytes.Length - 1024; length += 509)
        {
            File.WriteAllBytes(file, bytes[..length]);
            var entry = Assert.Single(root.Load().Report.Entries);
            Assert.False(entry.IsLoaded, $"{length} bytes of {bytes.Length}");
        }
    }

    [Fact]
    public void A_folder_that_is_not_there_is_a_line_of_the_report()
    {
        var report = PluginLoader.Load(new PluginLoaderOptions { Folders = [Path.Combine(Path.GetTempPath(), "billing-no-such-folder")] }).Report;

        Assert.Equal(PluginRefusal.FolderNotFound, Assert.Single(report.Entries).Refusal);
    }

    [Theory]
    [InlineData("System.Runtime")]
    [InlineData("Billing.Sdk")]
    public void A_plugin_that_needs_a_newer_shared_assembly_than_the_hosts_is_refused(string shared)
    {
        using var root = new PluginRoot("Fixture.Good");
        Raise(Path.Combine(root.Path, "Fixture.Good", "Fixture.Good.dll"), shared);
        var refused = Assert.Single(root.Load().Report.Refused);

        Assert.Equal(PluginRefusal.SharedAssemblyTooOld, refused.Refusal);
        Assert.Contains($"needs {shared} 99.0.0.0", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shared_assembly_that_the_host_does_not_have_is_named()
    {
        using var root = new PluginRoot("Fixture.Native");
        File.Delete(Path.Combine(root.Path, "Fixture.Native", "SQLitePCLRaw.core.dll"));
        var report = PluginLoader.Load(root.Options with { SharedAssemblies = ["SQLitePCLRaw.core"] }).Report;

        Assert.Equal(PluginRefusal.SharedAssemblyMissing, Assert.Single(report.Entries).Refusal);
    }

    [Fact]
    public void An_own_assembly_loader_is_asked_for_the_main_assembly()
    {
        using var root = new PluginRoot("Fixture.Good");
        var loader = new OwnLoader(request => new AssemblyLoadContext("own").LoadFromAssemblyPath(request.MainAssemblyPath));
        var result = PluginLoader.Load(root.Options with { AssemblyLoader = loader });

        Assert.Equal("own", AssemblyLoadContext.GetLoadContext(Assert.Single(result.Plugins).Assembly)!.Name);
        Assert.Contains("NodaTime", loader.Request!.SharedAssemblies);
        Assert.Null(loader.Request.VerifiedFiles);
    }

    [Fact]
    public void An_own_assembly_loader_that_does_not_share_the_sdk_is_found_out()
    {
        using var root = new PluginRoot("Fixture.Good");
        var loader = new OwnLoader(static request => new UnsharedContext().LoadFromAssemblyPath(request.MainAssemblyPath));
        var refused = Assert.Single(PluginLoader.Load(root.Options with { AssemblyLoader = loader }).Report.Refused);

        Assert.Equal(PluginRefusal.LoadFailed, refused.Refusal);
        Assert.Contains("must share it", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tenant_whose_plugin_was_refused_or_deleted_is_told_the_reason_and_the_host_goes_on()
    {
        using var root = new PluginRoot("Fixture.Good", "Fixture.Throws");
        var manifest = PluginManifest.Create(root.Path);
        Directory.Delete(Path.Combine(root.Path, "Fixture.Good"), recursive: true);
        var builder = new TaskCatalogBuilder().AddStage<IPricingRule>();
        builder.AddPluginsFrom(root.Path, options => options with { AllowedManifest = manifest });
        using var catalog = builder.Build();
        var tasks = Host.Tasks(
            catalog,
            new TaskEntry { Stage = "pricing", Task = "fixture.good/echo" },
            new TaskEntry { Stage = "pricing", Task = "fixture.throws/zero" });

        Assert.Equal(["fixture.good/echo", "fixture.throws/zero"], tasks.Missing.Select(task => task.Task));
        Assert.Contains("MissingFromFolder", tasks.Missing[0].Reason, StringComparison.Ordinal);
        Assert.Contains("The licence file is not there.", tasks.Missing[1].Reason, StringComparison.Ordinal);
        var error = Assert.Throws<BillingException>(tasks.EnsureComplete);
        Assert.Equal(BillingErrorCodes.TaskMissing, error.Code);
        Assert.Contains("acme", error.Message, StringComparison.Ordinal);
        Assert.Contains("pricing/fixture.good/echo", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_prints_one_readable_line_per_folder()
    {
        using var root = new PluginRoot("Fixture.Good", "Fixture.OtherMajor");
        var lines = root.Load().Report.ToString().Split('\n');

        Assert.Equal(2, lines.Length);
        Assert.Equal($"loaded  fixture.good 0.1.0 ({Path.Combine(root.Path, "Fixture.Good")}): pricing/fixture.good/echo, pricing/fixture.good/now, pricing/fixture.good/fixed", lines[0]);
        Assert.StartsWith($"refused fixture.other-major ({Path.Combine(root.Path, "Fixture.OtherMajor")}): SdkMajorDiffers: It was built against Billing.Sdk 7.0.0", lines[1], StringComparison.Ordinal);
    }

    private static void Raise(string path, string reference)
    {
        using var memory = new MemoryStream(File.ReadAllBytes(path));
        using var assembly = AssemblyDefinition.ReadAssembly(memory);
        assembly.MainModule.AssemblyReferences.Single(name => name.Name == reference).Version = new Version(99, 0, 0, 0);
        assembly.Write(path);
    }

    private sealed class LinkedEcho : IBillingPlugin
    {
        public void Configure(IPluginBuilder builder) => builder.AddTask<IPricingRule>("fixture.good/echo", static _ => throw new NotSupportedException());
    }

    private sealed class OwnLoader(Func<PluginAssemblyRequest, Assembly> load) : IPluginAssemblyLoader
    {
        public PluginAssemblyRequest? Request { get; private set; }

        public Assembly Load(PluginAssemblyRequest request)
        {
            Request = request;
            return load(request);
        }
    }

    private sealed class UnsharedContext() : AssemblyLoadContext("unshared")
    {
        protected override Assembly? Load(AssemblyName assemblyName) =>
            assemblyName.Name == "Billing.Sdk" ? LoadFromAssemblyPath(typeof(BillingException).Assembly.Location) : null;
    }
}
