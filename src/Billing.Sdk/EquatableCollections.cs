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
    public bool Equals(EquatableList<T>? other) => ReferenceEquals(this, other) || (other is not null && _items.AsSpan().SequenceEqual(other._items));

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
    public static EquatableList<T> Create<T>(ReadOnlySpan<T> items) => items.IsEmpty ? Nothing<T>.List : new(items.ToArray());

    private static class Nothing<T>
    {
        public static readonly EquatableList<T> List = new([]);
    }
}

/// <summary>An immutable map with ordinal keys that is equal to another with equal entries.</summary>
/// <typeparam name="TValue">The values; they compare by value themselves.</typeparam>
public sealed class EquatableMap<TValue> : IReadOnlyDictionary<string, TValue>, IEquatable<EquatableMap<TValue>>
{
    // Sorted side by side: maps are small, many and never changed, so arrays cost less than a tree.
    private readonly string[] _keys;
    private readonly TValue[] _values;

    /// <summary>Creates an empty map.</summary>
    public EquatableMap()
        : this([], [])
    {
    }

    /// <summary>Copies the entries; of several with one key the last one counts.</summary>
    public EquatableMap(IEnumerable<KeyValuePair<string, TValue>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var items = new List<KeyValuePair<string, TValue>>();
        foreach (var entry in entries)
        {
            var place = PlaceOf(items, entry.Key);
            if (place >= 0)
            {
                items[place] = entry;
            }
            else
            {
                items.Insert(~place, entry);
            }
        }

        _keys = new string[items.Count];
        _values = new TValue[items.Count];
        for (var i = 0; i < items.Count; i++)
        {
            (_keys[i], _values[i]) = items[i];
        }
    }

    private EquatableMap(string[] keys, TValue[] values) => (_keys, _values) = (keys, values);

    /// <summary>The map without entries.</summary>
    public static EquatableMap<TValue> Empty { get; } = new();

    /// <inheritdoc/>
    public int Count => _keys.Length;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _keys.AsReadOnly();

    /// <inheritdoc/>
    public IEnumerable<TValue> Values => _values.AsReadOnly();

    /// <inheritdoc/>
    public TValue this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"There is no entry '{key}'.");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => PlaceOf(key) >= 0;

    /// <inheritdoc/>
    public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TValue value)
    {
        var place = PlaceOf(key);
        value = place >= 0 ? _values[place] : default;
        return place >= 0;
    }

    /// <summary>The map with one entry set.</summary>
    public EquatableMap<TValue> With(string key, TValue value) => new(this.Append(new KeyValuePair<string, TValue>(key, value)));

    /// <inheritdoc/>
    public bool Equals(EquatableMap<TValue>? other) =>
        ReferenceEquals(this, other) || (other is not null && _keys.AsSpan().SequenceEqual(other._keys) && _values.AsSpan().SequenceEqual(other._values));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EquatableMap<TValue>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        for (var i = 0; i < _keys.Length; i++)
        {
            hash.Add(_keys[i], StringComparer.Ordinal);
            hash.Add(_values[i]);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, TValue>> GetEnumerator()
    {
        for (var i = 0; i < _keys.Length; i++)
        {
            yield return new KeyValuePair<string, TValue>(_keys[i], _values[i]);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int PlaceOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Array.BinarySearch(_keys, key, StringComparer.Ordinal);
    }

    private static int PlaceOf(List<KeyValuePair<string, TValue>> items, string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var (low, high) = (0, items.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(items[middle].Key, key);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }
}
