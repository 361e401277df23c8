namespace Billing.Tasks;

public sealed class TaskConfigurationValidatorTests
{
    [Fact]
    public void A_configuration_that_fits_is_accepted() => Validate(
        TaskResolverTests.Entry("greet", "a"),
        TaskResolverTests.Entry("greet", "b"),
        TaskResolverTests.Entry("number", "short"),
        TaskResolverTests.Entry("number", "long") with { Enabled = false },
        TaskResolverTests.Entry("greet", "not.loaded/any-more") with { Enabled = false, Parameters = "{}" },
        TaskResolverTests.Entry("pick", "rated") with { Parameters = """{ "entries": [ { "code": "a", "percent": "1.5" } ] }""" });

    [Fact]
    public void An_unknown_stage_names_the_stages() => Refused("greet/a", "stage", "greet, number, pick, tell", TaskResolverTests.Entry("great", "a"));

    [Fact]
    public void An_unknown_task_is_named() => Refused("greet/zz", "task", "No loaded plugin offers", TaskResolverTests.Entry("greet", "zz"));

    [Fact]
    public void A_task_twice_is_refused() => Refused("greet/a", "task", "twice", TaskResolverTests.Entry("greet", "a"), TaskResolverTests.Entry("greet", "a", 2));

    [Fact]
    public void A_stage_of_one_takes_one() => Refused("number", "tasks", "short, long", TaskResolverTests.Entry("number", "short"), TaskResolverTests.Entry("number", "long"));

    [Fact]
    public void Misspelt_parameters_are_refused_when_saved() =>
        Refused("pick/rated", "entries[0].percnt", "percent", TaskResolverTests.Entry("pick", "rated") with { Parameters = """{ "entries": [ { "code": "a", "percnt": 1 } ] }""" });

    [Fact]
    public void Parameters_of_a_task_that_is_switched_off_are_checked_too() =>
        Refused("pick/rated", "entries", "missing", TaskResolverTests.Entry("pick", "rated") with { Enabled = false });

    [Fact]
    public void Parameters_for_a_task_without_any_are_refused() =>
        Refused("greet/a", "loud", "takes no parameters", TaskResolverTests.Entry("greet", "a") with { Parameters = """{ "loud": true }""" });

    private static void Validate(params TaskEntry[] entries)
    {
        using var catalog = TaskResolverTests.Catalog();
        new TaskConfigurationValidator(catalog).Validate(new TaskConfiguration { Version = 1, Entries = [.. entries] });
    }

    private static void Refused(string id, string key, string words, params TaskEntry[] entries)
    {
        var error = Assert.Throws<BillingException>(() => Validate(entries));
        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Equal(key, error.Key);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Equal(id.Replace("greet/a", entries[0].Stage + "/" + entries[0].Task, StringComparison.Ordinal), error.SubjectId);
    }
}
