namespace Billing.Tasks;

public sealed class TaskParametersTests
{
    [Theory]
    [InlineData("""{ "entries": [], "raets": 1 }""", "raets")]
    [InlineData("""{ "entries": [ { "code": "a", "percnt": "1" } ] }""", "entries[0].percnt")]
    [InlineData("""{ "Entries": [] }""", "Entries")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": 1, "PERCENT": 2 } ] }""", "entries[0].PERCENT")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": 1, "doubled": 4 } ] }""", "entries[0].doubled")]
    [InlineData("""{ "entries": [], "byCountry": { "DE": { "code": "a", "percent": 1, "nope": 4 } } }""", "byCountry.DE.nope")]
    [InlineData("""{ "entries": [], "limits": { "lowest": 1, "hihgest": 2 } }""", "limits.hihgest")]
    [InlineData("""{ "entries": [], "rest": {} }""", "rest")]
    public void A_key_that_is_not_there_is_named_with_its_path_however_lenient_the_plugin(string json, string key) => Refused(json, key, "no such parameter");

    [Theory]
    [InlineData(null, "entries")]
    [InlineData("  ", "entries")]
    [InlineData("{}", "entries")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": 1 }, { "code": "b" } ] }""", "entries[1].percent")]
    [InlineData("""{ "entries": [], "limits": {} }""", "limits.lowest")]
    public void A_missing_required_key_is_named(string? json, string key) => Refused(json, key, "missing");

    [Theory]
    [InlineData("""{ "entries": null }""", "entries")]
    [InlineData("""{ "entries": [ null ] }""", "entries[0]")]
    [InlineData("""{ "entries": [ { "code": null, "percent": 1 } ] }""", "entries[0].code")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": null } ] }""", "entries[0].percent")]
    [InlineData("""{ "entries": [], "byCountry": { "DE": null } }""", "byCountry.DE")]
    [InlineData("""{ "entries": [], "days": [ 1, null ] }""", "days[1]")]
    public void Null_where_the_type_does_not_allow_it_is_named(string json, string key) => Refused(json, key, "null");

    [Theory]
    [InlineData("""{ "entries": [], "entries": [] }""", "entries")]
    [InlineData("""{ "entries": [], "byCountry": { "DE": { "code": "a", "percent": 1 }, "DE": { "code": "a", "percent": 2 } } }""", "byCountry.DE")]
    public void A_key_twice_is_named(string json, string key) => Refused(json, key, "twice");

    [Theory]
    [InlineData("""{ "entries": {} }""", "entries")]
    [InlineData("""{ "entries": [ 1 ] }""", "entries[0]")]
    [InlineData("""{ "entries": [ { "code": 1, "percent": 1 } ] }""", "entries[0].code")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": "ten" } ] }""", "entries[0].percent")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": true } ] }""", "entries[0].percent")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": 1e2 } ] }""", "entries[0].percent")]
    [InlineData("""{ "entries": [ { "code": "a", "percent": "1e2" } ] }""", "entries[0].percent")]
    [InlineData("""{ "entries": [], "cap": "1E1" }""", "cap")]
    [InlineData("""{ "entries": [], "days": [ 1.5 ] }""", "days[0]")]
    [InlineData("""{ "entries": [], "days": 3 }""", "days")]
    public void A_value_of_another_type_is_named(string json, string key) => Refused(json, key, "");

    [Theory]
    [InlineData("""[]""")]
    [InlineData("""null""")]
    [InlineData("""{ "entries": [], }""")]
    [InlineData("""{ "entries": [] /* none */ }""")]
    [InlineData("""{ "entries": [] } {}""")]
    [InlineData("""entries""")]
    public void What_is_not_one_json_object_is_refused(string json) => Refused(json, "parameters", "");

    [Fact]
    public void A_value_that_the_type_itself_refuses_is_a_validation_error()
    {
        var error = Refused("""{ "entries": [], "limits": { "lowest": 2, "highest": 1 } }""", "parameters", "Lowest is above highest.");
        Assert.IsType<ArgumentException>(error.InnerException);
    }

    [Fact]
    public void Values_are_read_and_defaults_of_settable_init_and_constructor_parameters_hold()
    {
        var rates = Bind("""{ "entries": [ { "code": "a", "percent": "7.10" } ], "limits": { "lowest": 1 }, "cap": null, "byCountry": { "DE": { "code": "d", "percent": 19, "factor": "0.5", "inclusive": true } } }""");

        var entry = Assert.Single(rates.Entries);
        Assert.Equal(new RateEntry { Code = "a", Percent = 7.10m, Factor = 1m, Region = "everywhere", Note = null, Digits = 2 }, entry);
        Assert.Equal("7.10", entry.Percent.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(new Limits(1m), rates.Limits);
        Assert.Null(rates.Cap);
        Assert.Equal([3, 5, 7], rates.Days);
        Assert.True(rates.ByCountry["DE"].Inclusive);
        Assert.Equal(0.5m, rates.ByCountry["DE"].Factor);
        Assert.Equal("everywhere", rates.ByCountry["DE"].Region);
    }

    [Fact]
    public void A_default_that_cannot_be_known_must_be_given()
    {
        var error = Assert.Throws<BillingException>(() => TaskParameters.Bind(LenientContext.Default.HalfDefaults, """{ "given": 1 }""", "tax", "half"));

        Assert.Equal("lost", error.Key);
        Assert.Equal(7m, TaskParameters.Bind(LenientContext.Default.HalfDefaults, """{ "given": 1, "lost": 7 }""", "tax", "half").Lost);
    }

    [Fact]
    public void Kinds_of_a_polymorphic_type_are_checked_each_by_its_own_keys()
    {
        var drawing = TaskParameters.Bind(LenientContext.Default.Drawing, """{ "shapes": [ { "kind": "circle", "radius": 2 }, { "kind": "square", "side": 3 } ] }""", "s", "t");
        Assert.Equal([new Circle(2), new Square(3)], drawing.Shapes);

        Assert.Equal("shapes[0].side", Drawing("""{ "shapes": [ { "kind": "circle", "radius": 2, "side": 3 } ] }""").Key);
        Assert.Equal("shapes[0].radius", Drawing("""{ "shapes": [ { "kind": "circle" } ] }""").Key);
        Assert.Equal("shapes[0].kind", Drawing("""{ "shapes": [ { "kind": "oval" } ] }""").Key);

        static BillingException Drawing(string json) => Assert.Throws<BillingException>(() => TaskParameters.Bind(LenientContext.Default.Drawing, json, "s", "t"));
    }

    private static Rates Bind(string? json) => TaskParameters.Bind(LenientContext.Default.Rates, json, "tax", "acme.tax/flat");

    private static BillingException Refused(string? json, string key, string words)
    {
        var error = Assert.Throws<BillingException>(() => Bind(json));
        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Equal("tax/acme.tax/flat", error.SubjectId);
        Assert.Equal(key, error.Key);
        Assert.Contains("tax/acme.tax/flat", error.Message, StringComparison.Ordinal);
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        return error;
    }
}
