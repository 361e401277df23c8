using Xunit;

namespace Billing.Tests.Words;

public class IdentifierTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData("Müller & Söhne 7", true)]
    [InlineData("客户-1", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData(" a", false)]
    [InlineData("a ", false)]
    [InlineData("a\u00a0", false)]
    [InlineData("a\nb", false)]
    [InlineData("a\0b", false)]
    public void An_id_is_text_without_control_characters_and_white_space_at_its_ends(string? value, bool valid) =>
        Assert.Equal(valid, Identifier.IsValid(value));

    [Fact]
    public void An_id_has_at_most_128_characters()
    {
        Assert.True(Identifier.IsValid(new string('x', 128)));
        Assert.False(Identifier.IsValid(new string('x', 129)));
        Assert.False(Identifier.IsValid("four", 3));
    }

    [Fact]
    public void A_wrong_id_is_refused_with_object_and_key()
    {
        Assert.Equal("c-1", Identifier.Check("c-1", "customer"));
        var error = Assert.Throws<BillingException>(() => Identifier.Check("c 1 ", "customer", "payer"));

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Equal(("customer", "c 1 ", "payer"), (error.Subject, error.SubjectId, error.Key));
        Assert.Throws<BillingException>(() => Identifier.Check(null, "customer"));
    }
}

public class TenantIdTests
{
    [Theory]
    [InlineData("acme")]
    [InlineData("Acme-2.eu_west")]
    public void Letters_digits_and_three_signs_make_a_tenant_id(string value) => Assert.Equal(value, new TenantId(value).Value);

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("ac me")]
    [InlineData("äcme")]
    [InlineData("acme/2")]
    [InlineData("acme\n")]
    public void Anything_else_is_refused(string? value) =>
        Assert.Equal(BillingErrorCodes.Validation, Assert.Throws<BillingException>(() => new TenantId(value!)).Code);

    [Fact]
    public void A_tenant_id_has_at_most_64_characters()
    {
        Assert.Equal(64, new TenantId(new string('x', 64)).Value.Length);
        Assert.Throws<BillingException>(() => new TenantId(new string('x', 65)));
    }

    [Fact]
    public void The_default_value_is_no_tenant()
    {
        Assert.Throws<InvalidOperationException>(() => default(TenantId).Value);
        Assert.Throws<InvalidOperationException>(() => default(TenantId) < new TenantId("a"));
        Assert.Equal("(no tenant)", default(TenantId).ToString());
    }

    [Fact]
    public void Tenants_are_compared_by_their_text()
    {
        var (a, b) = (new TenantId("a"), new TenantId("b"));

        Assert.True(a < b && b > a && a <= b && b >= a);
        Assert.Equal(a, new TenantId("a"));
        Assert.NotEqual(a, new TenantId("A"));
        Assert.Equal("a", a.ToString());
        CommandContext context = a;
        Assert.Equal((a, "system"), (context.Tenant, context.Actor));
    }
}
