using System.Reflection;
using Xunit;

namespace Billing.Tests.Words;

public class BillingExceptionTests
{
    [Fact]
    public void An_error_names_object_and_key()
    {
        var cause = new FormatException("cause");
        var error = BillingException.For(BillingErrorCodes.Conflict, "invoice", "I-7", "number", "Taken.");

        Assert.Equal("invoice 'I-7', number: Taken.", error.Message);
        Assert.Equal(("conflict", "invoice", "I-7", "number"), (error.Code, error.Subject, error.SubjectId, error.Key));
        Assert.Equal("There is no plan 'gold'.", BillingException.NotFound("plan", "gold").Message.Split(": ")[1]);
        Assert.Same(cause, new BillingException(BillingErrorCodes.Storage, "text", cause).InnerException);
    }

    [Fact]
    public void Codes_are_lower_case_words_and_all_different()
    {
        var codes = typeof(BillingErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!).ToList();

        Assert.NotEmpty(codes);
        Assert.Equal(codes.Count, codes.Distinct().Count());
        Assert.All(codes, c => Assert.Matches("^[a-z]+(-[a-z]+)*$", c));
    }
}
