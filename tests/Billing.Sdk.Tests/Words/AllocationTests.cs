using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Billing.Tests.Words;

public class AllocationTests
{
    [Fact]
    public void Left_over_units_go_to_the_largest_remainders_ties_to_the_earlier()
    {
        Assert.Equal([0.34m, 0.33m, 0.33m], Allocation.LargestRemainder(1.00m, [1m, 1m, 1m], 0.01m));
        Assert.Equal([-0.34m, -0.33m, -0.33m], Allocation.LargestRemainder(-1.00m, [1m, 1m, 1m], 0.01m));
        Assert.Equal([0.01m, 0.01m, 0.03m], Allocation.LargestRemainder(0.05m, [1m, 1m, 2m], 0.01m));
        Assert.Equal([3m, 0m, 2m], Allocation.LargestRemainder(5m, [6m, 0m, 4m], 1m));
        Assert.Equal([0m, 0m], Allocation.LargestRemainder(0m, [1m, 2m], 0.01m));
    }

    [Fact]
    public void Parts_sum_exactly_and_lie_within_one_unit_of_their_share() => Prop.ForAll(
        Given.MinorUnits.ToArbitrary(),
        Given.Weights.ToArbitrary(),
        (units, weights) =>
        {
            var parts = Allocation.LargestRemainder(units, weights, 1m);
            var total = weights.Sum();
            return parts.Sum() == units
                && parts.Zip(weights).All(p => Math.Abs(p.First - (units * (p.Second / total))) < 1.000001m && (p.Second > 0m || p.First == 0m));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_heavier_weight_never_gets_less() => Prop.ForAll(
        Given.MinorUnits.ToArbitrary(),
        Given.Weights.ToArbitrary(),
        (units, weights) =>
        {
            var shares = Allocation.LargestRemainder(Math.Abs(units), weights, 1m).Zip(weights).OrderBy(p => p.Second).ThenBy(p => p.First).ToList();
            return shares.Zip(shares.Skip(1)).All(pair => pair.First.Second == pair.Second.Second || pair.First.First <= pair.Second.First);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_sum_holds_where_digits_run_out()
    {
        var weights = new[] { 7.9228162514264337593543950334m, 0.0000000000000000000000000001m };
        Assert.Equal(1m, Allocation.LargestRemainder(1m, weights, 1m).Sum());

        var huge = Enumerable.Repeat(1m / 3m, 7).ToArray();
        Assert.Equal(9_999_999_999_999_999_999m, Allocation.LargestRemainder(9_999_999_999_999_999_999m, huge, 1m).Sum());
    }

    [Fact]
    public void Large_amounts_are_shared_over_large_weights()
    {
        decimal[] weights = [90_000_000_000_000_000m, 10_000_000_000_000_000m];

        Assert.Equal([900_000_000_000_000m, 100_000_000_000_000m], Allocation.LargestRemainder(1_000_000_000_000_000m, weights, 1m));
    }

    [Fact]
    public void Weights_and_amounts_that_cannot_be_shared_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Allocation.LargestRemainder(1m, [], 0.01m));
        Assert.Throws<ArgumentException>(() => Allocation.LargestRemainder(1m, [0m, 0m], 0.01m));
        Assert.Throws<ArgumentException>(() => Allocation.LargestRemainder(1m, [2m, -1m], 0.01m));
        Assert.Throws<ArgumentException>(() => Allocation.LargestRemainder(1.005m, [1m], 0.01m));
        Assert.Throws<ArgumentOutOfRangeException>(() => Allocation.LargestRemainder(1m, [1m], 0m));
        Assert.Throws<ArgumentNullException>(() => Allocation.LargestRemainder(1m, null!, 1m));
    }
}
