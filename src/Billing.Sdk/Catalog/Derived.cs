namespace Billing.Catalog;

/// <summary>
/// Something that an immutable record works out of itself once and keeps, such as the identity of a price. It is no part of the record's value: all are equal. A copy made by <c>with</c>
/// takes the field over, so what was worked out names its owner and holds for that object alone.
/// </summary>
/// <remarks>Thread-safe: several threads may work the same out at the same time; one result stays.</remarks>
internal readonly struct Derived<TOwner, TValue> : IEquatable<Derived<TOwner, TValue>>
    where TOwner : class
    where TValue : class
{
    private readonly Entry? _entry;

    private Derived(Entry entry) => _entry = entry;

    /// <summary>The value for an owner; worked out and kept in <paramref name="field"/> when it is not there yet.</summary>
    public static TValue Of(ref Derived<TOwner, TValue> field, TOwner owner, Func<TOwner, TValue> make)
    {
        if (field._entry is { } known && ReferenceEquals(known.Owner, owner))
        {
            return known.Value;
        }

        var value = make(owner);
        field = new Derived<TOwner, TValue>(new Entry(owner, value));
        return value;
    }

    public bool Equals(Derived<TOwner, TValue> other) => true;

    public override bool Equals(object? obj) => obj is Derived<TOwner, TValue>;

    public override int GetHashCode() => 0;

    private sealed record Entry(TOwner Owner, TValue Value);
}
