using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Billing.Tests.Words;

public class EquatableCollectionTests
{
    [Fact]
    public void Lists_are_equal_when_their_items_are()
    {
        EquatableList<string> list = ["a", "b"];
        EquatableList<string> same = ["a", "b"];

        Assert.True(list.Equals(same));
        Assert.True(list.Equals((object)same));
        Assert.Equal(list.GetHashCode(), same.GetHashCode());
        Assert.False(list.Equals((EquatableList<string>)["b", "a"]));
        Assert.False(list.Equals((EquatableList<string>)["a"]));
        Assert.False(list.Equals(null));
        Assert.Equal((2, "b"), (list.Count, list[1]));
    }

    [Fact]
    public void A_list_is_a_copy()
    {
        var source = new[] { 1, 2, 3 };
        var list = EquatableList.Create<int>(source);
        source[0] = 9;

        Assert.Equal([1, 2, 3], list);
    }

    [Fact]
    public void Records_that_hold_lists_and_maps_compare_by_value()
    {
        static Holder Make() => new(["x"], new EquatableMap<EquatableList<int>>().With("k", [1, 2]));

        Assert.Equal(Make(), Make());
        Assert.Equal(Make().GetHashCode(), Make().GetHashCode());
        Assert.NotEqual(Make(), Make() with { Names = [] });
        Assert.NotEqual(Make(), Make() with { Values = Make().Values.With("k", [1]) });
    }

    [Fact]
    public void Maps_are_equal_whatever_the_order_of_their_making() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(0, 50)).ToArbitrary(),
        keys =>
        {
            var entries = keys.Distinct().Select(k => KeyValuePair.Create($"k{k}", k)).ToList();
            var map = new EquatableMap<int>(entries);
            var backwards = new EquatableMap<int>(Enumerable.Reverse(entries));
            return map.Equals(backwards) && map.GetHashCode() == backwards.GetHashCode()
                && map.Keys.SequenceEqual(map.Keys.Order(StringComparer.Ordinal)) && map.Count == entries.Count;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_map_with_another_entry_leaves_the_first_as_it_was()
    {
        var map = EquatableMap<string>.Empty.With("a", "1");
        var changed = map.With("a", "2").With("b", "3");

        Assert.Equal("1", map["a"]);
        Assert.Equal(["a", "b"], changed.Keys);
        Assert.Equal(["2", "3"], changed.Values);
        Assert.Empty(EquatableMap<string>.Empty);
        Assert.False(map.Equals(changed));
        Assert.False(map.Equals(null));
        Assert.False(map.Equals(EquatableMap<string>.Empty.With("A", "1")));
        Assert.True(changed.TryGetValue("b", out var value));
        Assert.Equal("3", value);
        Assert.False(changed.ContainsKey("B"));
    }

    private sealed record Holder(EquatableList<string> Names, EquatableMap<EquatableList<int>> Values);
}
