using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Billing.Tests.Words;

public class MoneyTests
{
    private static readonly Currency Usd = Currency.Of("USD");

    [Fact]
    public void The_default_value_is_refused()
    {
        var nothing = default(Money);
        var ten = new Money(10m, Usd);

        Assert.Throws<InvalidOperationException>(() => nothing.Currency);
        Assert.Throws<InvalidOperationException>(() => nothing.IsZero);
        Assert.Throws<InvalidOperationException>(() => nothing + ten);
        Assert.Throws<InvalidOperationException>(() => ten + nothing);
        Assert.Throws<InvalidOperationException>(() => ten - nothing);
        Assert.Throws<InvalidOperationException>(() => -nothing);
        Assert.Throws<InvalidOperationException>(() => nothing * 2m);
        Assert.Throws<InvalidOperationException>(() => nothing < ten);
        Assert.Throws<InvalidOperationException>(() => nothing.Round(RoundingMode.HalfUp));
        Assert.Throws<InvalidOperationException>(() => nothing.ToMinorUnits());
        Assert.Throws<InvalidOperationException>(() => nothing.Allocate([1m]));
        Assert.NotEqual(new Money(0m, Usd), nothing);
        Assert.Equal("(no currency)", nothing.ToString());
    }

    [Fact]
    public void Arithmetic_is_exact_and_keeps_the_currency()
    {
        var price = new Money(0.10m, "USD");

        Assert.Equal(new Money(0.30m, Usd), price + new Money(0.20m, Usd));
        Assert.Equal(new Money(-0.05m, Usd), price - new Money(0.15m, Usd));
        Assert.Equal(new Money(-0.10m, Usd), -price);
        Assert.Equal(new Money(0.000123m, Usd), price * 0.00123m);
        Assert.True((price - price).IsZero);
        Assert.Same(Usd, (price * 3m).Currency);
    }

    [Fact]
    public void Different_currencies_are_never_mixed()
    {
        var dollars = new Money(1m, "USD");
        var yen = new Money(1m, "JPY");

        Action[] mixed = [() => _ = dollars + yen, () => _ = dollars - yen, () => _ = dollars < yen, () => _ = dollars >= yen, () => dollars.CompareTo(yen)];
        foreach (var operation in mixed)
        {
            var error = Assert.Throws<BillingException>(operation);
            Assert.Equal(BillingErrorCodes.CurrencyMismatch, error.Code);
            Assert.Contains("USD", error.Message, StringComparison.Ordinal);
            Assert.Contains("JPY", error.Message, StringComparison.Ordinal);
        }

        Assert.NotEqual(dollars, yen);
    }

    [Fact]
    public void Equality_is_by_value_of_the_amount()
    {
        var one = new Money(1.0m, "USD");
        var same = new Money(1.000m, "USD");

        Assert.True(one == same);
        Assert.False(one != same);
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        Assert.True(one.Equals((object)same));
        Assert.False(one.Equals("1.00 USD"));
        Assert.True(one < new Money(2m, "USD"));
        Assert.True(one >= same);
    }

    [Theory]
    [InlineData("25", "USD", "25.00 USD")]
    [InlineData("25.5", "USD", "25.50 USD")]
    [InlineData("0.00123", "USD", "0.00123 USD")]
    [InlineData("-1234567.89", "EUR", "-1234567.89 EUR")]
    [InlineData("1000", "JPY", "1000 JPY")]
    [InlineData("1.5", "KWD", "1.500 KWD")]
    [InlineData("0", "CLF", "0.0000 CLF")]
    public void Text_does_not_depend_on_the_culture(string amount, string currency, string expected)
    {
        var german = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        german.NumberFormat.NumberDecimalSeparator = ",";
        german.NumberFormat.NumberGroupSeparator = ".";
        german.NumberFormat.NegativeSign = "−";
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = german;
        try
        {
            Assert.Equal(expected, new Money(decimal.Parse(amount, CultureInfo.InvariantCulture), currency).ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_credit_of_nothing_has_no_sign() => Assert.Equal("0.00 USD", (new Money(0.00m, Usd) * -1m).ToString());

    [Theory]
    [InlineData("10.005", "USD", "10.01")]
    [InlineData("-10.005", "USD", "-10.01")]
    [InlineData("10.5", "JPY", "11")]
    [InlineData("1.23456", "KWD", "1.235")]
    public void Rounding_is_to_the_minor_unit_of_the_currency(string amount, string currency, string expected)
    {
        var money = new Money(decimal.Parse(amount, CultureInfo.InvariantCulture), currency);

        Assert.Equal(decimal.Parse(expected, CultureInfo.InvariantCulture), money.Round(RoundingMode.HalfUp).Amount);
    }

    [Fact]
    public void Minor_units_and_amounts_are_the_same_figure() => Prop.ForAll(
        Given.MinorUnits.Zip(Given.Currencies).ToArbitrary(),
        (ValueTuple<long, Currency> given) =>
        {
            var money = Money.FromMinorUnits(given.Item1, given.Item2);
            return money.ToMinorUnits() == given.Item1 && money.Round(RoundingMode.Up) == money;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_amount_that_is_not_rounded_has_no_minor_units()
    {
        var error = Assert.Throws<InvalidOperationException>(() => new Money(0.125m, Usd).ToMinorUnits());

        Assert.Contains("0.125 USD", error.Message, StringComparison.Ordinal);
        Assert.Equal(12L, new Money(0.1200m, Usd).ToMinorUnits());
    }

    [Fact]
    public void Addition_is_undone_by_subtraction() => Prop.ForAll(
        Given.Amounts.ToArbitrary(),
        Given.Amounts.ToArbitrary(),
        (a, b) =>
        {
            var (left, right) = (new Money(a, Usd), new Money(b, Usd));
            return left + right - right == left && left + right == right + left && left - right == -(right - left);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Shares_are_rounded_amounts_of_the_currency_and_sum_exactly() => Prop.ForAll(
        Given.MinorUnits.Zip(Given.Currencies).ToArbitrary(),
        Given.Weights.ToArbitrary(),
        (given, weights) =>
        {
            var total = Money.FromMinorUnits(given.Item1, given.Item2);
            var parts = total.Allocate(weights);
            return parts.Count == weights.Length
                && parts.Aggregate((a, b) => a + b) == total
                && parts.All(p => p.Round(RoundingMode.Down) == p);
        }).QuickCheckThrowOnFailure();
}
