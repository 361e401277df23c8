using System.Collections;
using System.Runtime.CompilerServices;

namespace Billing;

/// <summary>An immutable list that is equal to another with equal items in the same order, so that records that hold it compare by value.</summary>
/// <typeparam name="T">The items; they compare by value themselves.</typeparam>
[CollectionBuilder(typeof(EquatableList), nameof(EquatableList.Create))]
public sealed class EquatableList<T> : IReadOnlyList<T>, IEquatable<EquatableList<T>>
{
    private readonly T[] _items;

    internal EquatableList(T[] items) => _items = items;

    /// <inheritdoc/>
    public int Count => _items.Length;

    /// <inheritdoc/>
    public T this[int index] => _items[index];

    /// <inheritdoc/>
    public bool Equals(EquatableList<T>? other) => other is not null && _items.AsSpan().SequenceEqual(other._items);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EquatableList<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var item in _items)
        {
            hash.Add(item);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Builds <see cref="EquatableList{T}"/>; used by collection expressions.</summary>
public static class EquatableList
{
    /// <summary>Copies the items into a list.</summary>
    public static EquatableList<T> Create<T>(ReadOnlySpan<T> items) => new(items.ToArray());
}

/// <summary>An immutable map with ordinal keys that is equal to another with equal entries.</summary>
/// <typeparam name="TValue">The values; they compare by value themselves.</typeparam>
public sealed class EquatableMap<TValue> : IReadOnlyDictionary<string, TValue>, IEquatable<EquatableMap<TValue>>
{
    private readonly SortedDictionary<string, TValue> _items = new(StringComparer.Ordinal);

    /// <summary>Creates an empty map.</summary>
    public EquatableMap()
    {
    }

    /// <summary>Copies the entries.</summary>
    public EquatableMap(IEnumerable<KeyValuePair<string, TValue>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        foreach (var (key, value) in entries)
        {
            _items[key] = value;
        }
    }

    /// <summary>The map without entries.</summary>
    public static EquatableMap<TValue> Empty { get; } = new();

    /// <inheritdoc/>
    public int Count => _items.Count;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _items.Keys;

    /// <inheritdoc/>
    public IEnumerable<TValue> Values => _items.Values;

    /// <inheritdoc/>
    public TValue this[string key] => _items[key];

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _items.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TValue value) => _items.TryGetValue(key, out value);

    /// <summary>The map with one entry set.</summary>
    public EquatableMap<TValue> With(string key, TValue value) => new(_items.Append(new KeyValuePair<string, TValue>(key, value)));

    /// <inheritdoc/>
    public bool Equals(EquatableMap<TValue>? other) =>
        other is not null && Count == other.Count && _items.SequenceEqual(other._items);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EquatableMap<TValue>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var (key, value) in _items)
        {
            hash.Add(key, StringComparer.Ordinal);
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, TValue>> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
