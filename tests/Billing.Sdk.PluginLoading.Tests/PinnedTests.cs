using System.Runtime.Loader;
using Billing.Tasks;

namespace Billing.PluginLoading;

public sealed class PinnedTests
{
    [Fact]
    public async Task A_pinned_plugin_runs_from_the_bytes_that_were_compared()
    {
        using var root = new PluginRoot("Fixture.JsonNew", "Fixture.Native");
        var result = root.LoadPinned(PluginManifest.Create(root.Path));

        Assert.Equal(2, result.Plugins.Count);
        using var catalog = Host.Catalog(result);
        Assert.StartsWith("13.0.4", (await Host.PriceAsync(catalog, "fixture.json-new/version")).ErrorMessage, StringComparison.Ordinal);
        Assert.InRange((await Host.PriceAsync(catalog, "fixture.native/version")).Amount, 3_000_000m, 4_000_000m);
        var assemblies = AssemblyLoadContext.GetLoadContext(result.Plugins[0].Assembly)!.Assemblies.ToList();
        Assert.Equal(["Fixture.JsonNew", "Newtonsoft.Json"], assemblies.Select(assembly => assembly.GetName().Name).Order());
        Assert.All(assemblies, assembly => Assert.Equal("", assembly.Location));
    }

    [Fact]
    public void A_library_changed_after_the_check_is_not_what_runs()
    {
        using var root = new PluginRoot("Fixture.JsonNew");
        var plugin = Assert.Single(root.LoadPinned(PluginManifest.Create(root.Path)).Plugins);
        File.WriteAllText(Path.Combine(root.Path, "Fixture.JsonNew", "Newtonsoft.Json.dll"), "swapped");

        Assert.Equal("Newtonsoft.Json", ((Type)plugin.Plugin.GetType().GetProperty("JsonType")!.GetValue(null)!).Assembly.GetName().Name);
    }

    [Fact]
    public async Task A_native_library_changed_after_the_check_is_not_loaded()
    {
        using var root = new PluginRoot("Fixture.Native");
        using var catalog = Host.Catalog(root.LoadPinned(PluginManifest.Create(root.Path)));
        foreach (var native in Directory.GetFiles(root.Path, "*e_sqlite3*", SearchOption.AllDirectories).Where(path => path.Contains("native", StringComparison.Ordinal)))
        {
            await File.AppendAllTextAsync(native, "changed");
        }

        var error = await Assert.ThrowsAsync<DllNotFoundException>(() => Host.PriceAsync(catalog, "fixture.native/version"));
        Assert.Contains("has changed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Newtonsoft.Json.dll")]
    [InlineData("Fixture.JsonNew.deps.json")]
    public void One_altered_file_refuses_the_plugin(string file)
    {
        using var root = new PluginRoot("Fixture.JsonNew", "Fixture.Good");
        var manifest = PluginManifest.Create(root.Path);
        File.AppendAllText(Path.Combine(root.Path, "Fixture.JsonNew", file), " ");
        var result = root.LoadPinned(manifest);

        Assert.Equal("fixture.good", Assert.Single(result.Plugins).Name);
        var refused = Assert.Single(result.Report.Refused);
        Assert.Equal(PluginRefusal.HashMismatch, refused.Refusal);
        Assert.Contains(file, refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_too_many_hidden_or_not_refuses_the_plugin()
    {
        using var root = new PluginRoot("Fixture.Good");
        var manifest = PluginManifest.Create(root.Path);
        File.WriteAllText(Path.Combine(root.Path, "Fixture.Good", ".hidden"), "");

        var refused = Assert.Single(root.LoadPinned(manifest).Report.Refused);
        Assert.Equal(PluginRefusal.NotInManifest, refused.Refusal);
        Assert.Contains(".hidden", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_or_folder_that_is_gone_is_named()
    {
        using var root = new PluginRoot("Fixture.Good", "Fixture.JsonNew");
        var manifest = PluginManifest.Create(root.Path);
        File.Delete(Path.Combine(root.Path, "Fixture.JsonNew", "Newtonsoft.Json.dll"));
        Directory.Delete(Path.Combine(root.Path, "Fixture.Good"), recursive: true);
        var entries = root.LoadPinned(manifest).Report.Entries;

        Assert.All(entries, entry => Assert.Equal(PluginRefusal.MissingFromFolder, entry.Refusal));
        Assert.Contains("Newtonsoft.Json.dll", entries[0].Detail, StringComparison.Ordinal);
        Assert.Contains("'Fixture.Good'", entries[1].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_that_the_manifest_does_not_list_is_not_loaded()
    {
        using var root = new PluginRoot("Fixture.Good");
        var manifest = PluginManifest.Create(root.Path);
        root.Add("Fixture.JsonNew");

        Assert.Equal(PluginRefusal.NotInManifest, Assert.Single(root.LoadPinned(manifest).Report.Refused).Refusal);
    }

    [Fact]
    public void A_manifest_comes_back_from_its_json_as_it_was()
    {
        using var root = new PluginRoot("Fixture.Good", "Fixture.Native");
        var manifest = PluginManifest.Create(root.Path);

        Assert.Equal(manifest, PluginManifest.Parse(manifest.ToJson()));
        Assert.Contains("Fixture.Good.dll", manifest.Plugins["Fixture.Good"].Keys);
        Assert.Contains(manifest.Plugins["Fixture.Native"].Keys, file => file.StartsWith("runtimes/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "object")]
    [InlineData("{}", "plugins")]
    [InlineData("""{ "plugins": {}, "more": 1 }""", "plugins")]
    [InlineData("""{ "plugins": { "A": [] } }""", "'A'")]
    [InlineData("""{ "plugins": { "A": { "a.dll": "12" } } }""", "a.dll")]
    [InlineData("""{ "plugins": { "A": { "a.dll": null } } }""", "a.dll")]
    [InlineData("""{ "plugins": { "A": {}, "A": {} } }""", "twice")]
    [InlineData("""{ "plugins": { "A": { "../a.dll": "0000000000000000000000000000000000000000000000000000000000000000" } } }""", "../a.dll")]
    [InlineData("""{ "plugins": { "A": { "a\\b.dll": "0000000000000000000000000000000000000000000000000000000000000000" } } }""", "folder")]
    public void A_manifest_that_is_not_exactly_one_is_refused(string json, string named)
    {
        var error = Assert.Throws<BillingException>(() => PluginManifest.Parse(json));

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }
}
