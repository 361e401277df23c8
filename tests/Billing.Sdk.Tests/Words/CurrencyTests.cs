using System.Globalization;
using Xunit;

namespace Billing.Tests.Words;

public class CurrencyTests
{
    [Theory]
    [InlineData("JPY", 392, 0)]
    [InlineData("KRW", 410, 0)]
    [InlineData("USD", 840, 2)]
    [InlineData("EUR", 978, 2)]
    [InlineData("KWD", 414, 3)]
    [InlineData("TND", 788, 3)]
    [InlineData("CLF", 990, 4)]
    [InlineData("UYW", 927, 4)]
    public void Minor_units_are_those_of_the_standard(string code, int number, int minorUnit)
    {
        var currency = Currency.Of(code);

        Assert.Equal(code, currency.Code);
        Assert.Equal(number, currency.NumericCode);
        Assert.Equal(minorUnit, currency.MinorUnit);
        Assert.Equal(1m, currency.SmallestAmount * (decimal)Math.Pow(10, minorUnit));
        Assert.Equal(code, currency.ToString());
    }

    [Fact]
    public void The_table_is_that_of_the_published_data_set()
    {
        var currencies = Currency.All.Select(c => (c.Code, c.NumericCode, c.MinorUnit)).ToList();

        Assert.Equal(165, currencies.Count);
        Assert.Equal(165, currencies.Select(c => c.NumericCode).Distinct().Count());
        if (DataSet() is { } file)
        {
            Assert.Equal(file.Distinct().OrderBy(c => c.Code, StringComparer.Ordinal), currencies);
        }
    }

    [Fact]
    public void One_code_is_one_object()
    {
        Assert.Same(Currency.Of("USD"), new Money(1m, "USD").Currency);
        Assert.True(Currency.Of("USD").Equals(Currency.Of("USD")));
        Assert.False(Currency.Of("USD").Equals(Currency.Of("EUR")));
        Assert.True(Currency.TryOf("CHF", out var francs));
        Assert.Equal("CHF", francs.Code);
    }

    [Theory]
    [InlineData("usd")]
    [InlineData("XXX")]
    [InlineData("XAU")]
    [InlineData("DEM")]
    [InlineData("")]
    [InlineData(" USD")]
    [InlineData(null)]
    public void What_cannot_be_billed_is_refused(string? code)
    {
        var error = Assert.Throws<BillingException>(() => Currency.Of(code!));

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Equal("currency", error.Key);
        Assert.False(Currency.TryOf(code, out _));
    }

    /// <summary>The data set that the table was taken from, when it lies beside the repository; withdrawn codes and codes without minor unit left out.</summary>
    private static List<(string Code, int NumericCode, int MinorUnit)>? DataSet()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "shared", "data", "standards", "iso4217-datasets.csv");
            if (File.Exists(path))
            {
                return [.. File.ReadLines(path).Skip(1).SelectMany(Parse)];
            }
        }

        return null;
    }

    private static IEnumerable<(string Code, int NumericCode, int MinorUnit)> Parse(string line)
    {
        // The first two columns are quoted where they hold commas; the last four never are.
        var cells = line.Split(',');
        return cells[^1].Length == 0 && int.TryParse(cells[^2], CultureInfo.InvariantCulture, out var minorUnit)
            ? [(cells[^4], int.Parse(cells[^3], CultureInfo.InvariantCulture), minorUnit)]
            : [];
    }
}
