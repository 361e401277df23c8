namespace Billing.Tasks;

public sealed class TaskCatalogTests
{
    [Fact]
    public void A_linked_plugin_takes_its_name_from_its_assembly()
    {
        using var catalog = new TaskCatalogBuilder().AddPlugin<AttributedPlugin>().AddPlugin<UnnamedPlugin>("given").Build();

        Assert.Equal(["attributed", "given"], catalog.Plugins.Select(plugin => plugin.Name));
        Assert.Equal("0.1.0", catalog.Find("pick", "attributed/pick")!.PluginVersion);
        Assert.Contains("BillingPlugin<UnnamedPlugin>", Assert.Throws<BillingException>(() => new TaskCatalogBuilder().AddPlugin<UnnamedPlugin>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_plugins_with_one_task_or_one_name_are_an_error_that_names_both()
    {
        var builder = new TaskCatalogBuilder().AddPlugin("first", new LambdaPlugin(plugin => plugin.AddTask<IPicked>("p", _ => new Plain())));

        var task = Assert.Throws<BillingException>(() => builder.AddPlugin("second", new LambdaPlugin(plugin => plugin.AddTask<IPicked>("p", _ => new Plain()))));
        Assert.Equal(BillingErrorCodes.Duplicate, task.Code);
        Assert.Contains("'first' and 'second' both register task 'p' of stage 'pick'", task.Message, StringComparison.Ordinal);
        var name = Assert.Throws<BillingException>(() => builder.AddPlugin("first", new LambdaPlugin(_ => { })));
        Assert.Equal(BillingErrorCodes.Duplicate, name.Code);
        var twice = Assert.Throws<BillingException>(() => builder.AddPlugin("third", new LambdaPlugin(plugin => plugin.AddTask<IPicked>("q", _ => new Plain()).AddTask<IPicked>("q", _ => new Plain()))));
        Assert.Equal(BillingErrorCodes.Duplicate, twice.Code);
        using var catalog = builder.Build();
        Assert.Single(catalog.Plugins);
    }

    [Fact]
    public void One_name_may_serve_two_stages()
    {
        using var catalog = new TaskCatalogBuilder()
            .AddPlugin("p", new LambdaPlugin(plugin => plugin.AddTask<IPicked>("x", _ => new Plain()).AddTask<INumberer>("x", _ => new Plain())))
            .Build();

        Assert.Equal(["number/x", "pick/x"], catalog.Tasks.Select(task => task.Id));
    }

    [Fact]
    public void A_stage_name_belongs_to_one_interface_and_an_interface_without_a_mark_is_none()
    {
        var builder = new TaskCatalogBuilder().AddStage<IGreeter>().AddStage<IGreeter>();

        Assert.Equal(BillingErrorCodes.Duplicate, Assert.Throws<BillingException>(builder.AddStage<IOtherGreeter>).Code);
        Assert.Equal(BillingErrorCodes.Validation, Assert.Throws<BillingException>(builder.AddStage<INoStage>).Code);
        Assert.Throws<BillingException>(() => builder.AddPlugin("p", new LambdaPlugin(plugin => plugin.AddTask<INoStage>("x", _ => null!))));
    }

    [Fact]
    public void All_stages_of_an_assembly_can_be_made_known_at_once()
    {
        using var catalog = new TaskCatalogBuilder().AddStagesOf(typeof(BillingException).Assembly).Build();

        Assert.Equal(TaskChainKind.ByName, catalog.FindStage("pricing")!.Chain);
    }

    [Fact]
    public void A_builder_that_a_plugin_kept_takes_nothing_later()
    {
        IPluginBuilder? kept = null;
        new TaskCatalogBuilder().AddPlugin("p", new LambdaPlugin(plugin => kept = plugin));

        Assert.Throws<InvalidOperationException>(() => kept!.AddTask<IPicked>("late", _ => new Plain()));
    }
}
