using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Billing.Tests.Words;

public class RoundingTests
{
    [Theory]
    [InlineData("2.5", 0, "3", "2", "2", "3")]
    [InlineData("3.5", 0, "4", "4", "3", "4")]
    [InlineData("-2.5", 0, "-3", "-2", "-2", "-3")]
    [InlineData("-3.5", 0, "-4", "-4", "-3", "-4")]
    [InlineData("2.4", 0, "2", "2", "2", "3")]
    [InlineData("-2.4", 0, "-2", "-2", "-2", "-3")]
    [InlineData("2.6", 0, "3", "3", "2", "3")]
    [InlineData("2", 0, "2", "2", "2", "2")]
    [InlineData("-2", 0, "-2", "-2", "-2", "-2")]
    [InlineData("0", 0, "0", "0", "0", "0")]
    [InlineData("0.125", 2, "0.13", "0.12", "0.12", "0.13")]
    [InlineData("0.135", 2, "0.14", "0.14", "0.13", "0.14")]
    [InlineData("-0.125", 2, "-0.13", "-0.12", "-0.12", "-0.13")]
    [InlineData("0.0001", 2, "0", "0", "0", "0.01")]
    [InlineData("-0.0001", 2, "0", "0", "0", "-0.01")]
    [InlineData("1.23455", 4, "1.2346", "1.2346", "1.2345", "1.2346")]
    [InlineData("1.23445", 4, "1.2345", "1.2344", "1.2344", "1.2345")]
    [InlineData("15", -1, "20", "20", "10", "20")]
    [InlineData("25", -1, "30", "20", "20", "30")]
    [InlineData("-25", -1, "-30", "-20", "-20", "-30")]
    [InlineData("24.99", -1, "20", "20", "20", "30")]
    [InlineData("1249", -2, "1200", "1200", "1200", "1300")]
    [InlineData("-1250", -2, "-1300", "-1200", "-1200", "-1300")]
    [InlineData("49", -2, "0", "0", "0", "100")]
    [InlineData("5.0000000000000000000000000001", -1, "10", "10", "0", "10")]
    [InlineData("0.0000000000000000000000000001", -20, "0", "0", "0", "100000000000000000000")]
    public void Each_mode_rounds_as_documented(string value, int scale, string halfUp, string halfEven, string down, string up)
    {
        var number = Parse(value);

        Assert.Equal(Parse(halfUp), Rounding.Round(number, scale, RoundingMode.HalfUp));
        Assert.Equal(Parse(halfEven), Rounding.Round(number, scale, RoundingMode.HalfEven));
        Assert.Equal(Parse(down), Rounding.Round(number, scale, RoundingMode.Down));
        Assert.Equal(Parse(up), Rounding.Round(number, scale, RoundingMode.Up));
    }

    [Fact]
    public void Rounding_is_to_a_neighbour_and_exact_values_stay() => Prop.ForAll(
        Given.Amounts.ToArbitrary(),
        Gen.Choose(-6, 12).ToArbitrary(),
        Gen.Elements(Enum.GetValues<RoundingMode>()).ToArbitrary(),
        (value, scale, mode) =>
        {
            var unit = Unit(scale);
            var rounded = Rounding.Round(value, scale, mode);
            var distance = Math.Abs(rounded - value);
            var near = mode is RoundingMode.HalfUp or RoundingMode.HalfEven ? distance * 2 <= unit : distance < unit;
            var side = mode switch
            {
                RoundingMode.Down => Math.Abs(rounded) <= Math.Abs(value),
                RoundingMode.Up => Math.Abs(rounded) >= Math.Abs(value),
                _ => true,
            };
            return near && side && rounded % unit == 0m && Rounding.Round(rounded, scale, mode) == rounded;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Credits_are_rounded_like_charges() => Prop.ForAll(
        Given.Amounts.ToArbitrary(),
        Gen.Choose(-6, 12).ToArbitrary(),
        Gen.Elements(Enum.GetValues<RoundingMode>()).ToArbitrary(),
        (value, scale, mode) => Rounding.Round(-value, scale, mode) == -Rounding.Round(value, scale, mode)).QuickCheckThrowOnFailure();

    [Fact]
    public void An_unknown_mode_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Rounding.Round(1.5m, 0, (RoundingMode)17));
        Assert.Throws<ArgumentOutOfRangeException>(() => Rounding.Round(15m, -1, (RoundingMode)17));
    }

    [Fact]
    public void A_scale_outside_the_documented_range_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Rounding.Round(1.5m, 29, RoundingMode.HalfUp));
        Assert.Throws<ArgumentOutOfRangeException>(() => Rounding.Round(1.5m, -21, RoundingMode.HalfUp));
    }

    [Theory]
    [InlineData("1.2300", 2, "1.23")]
    [InlineData("1.2", 2, "1.20")]
    [InlineData("1", 0, "1")]
    [InlineData("1.000", 0, "1")]
    [InlineData("-0.000", 2, "0.00")]
    [InlineData("0.0000000000000000000000000001", 2, "0.0000000000000000000000000001")]
    [InlineData("79228162514264337593543950335", 2, "79228162514264337593543950335.00")]
    [InlineData("-7.9228162514264337593543950335", 2, "-7.9228162514264337593543950335")]
    public void Text_has_all_digits_and_no_trailing_zeros(string value, int decimals, string expected) =>
        Assert.Equal(expected, Rounding.Format(Parse(value), decimals));

    private static decimal Parse(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);

    private static decimal Unit(int scale)
    {
        var unit = 1m;
        for (var i = 0; i < Math.Abs(scale); i++)
        {
            unit = scale > 0 ? unit / 10m : unit * 10m;
        }

        return unit;
    }
}
