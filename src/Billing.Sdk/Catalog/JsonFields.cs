using System.Globalization;
using System.Text.Json;

namespace Billing.Catalog;

/// <summary>The keys of one JSON object, read strictly: a key that nobody asks for, stands twice or has the wrong kind of value is an error that names its path.</summary>
/// <remarks>
/// Read all keys, then call <see cref="End"/>. All errors are <see cref="BillingException"/> with code <c>validation</c> and the path
/// (<c>plans[0].charges[1].price.unitAmonut</c>) as <see cref="BillingException.Key"/>. Decimals are strings or plain JSON numbers and are read from
/// their text, never through binary floating point; exponents are refused. An optional key may be <c>null</c>. Not thread-safe.
/// </remarks>
public sealed class JsonFields
{
    private const int MaximumDigits = 28;

    private readonly Dictionary<string, JsonElement> _values = new(StringComparer.Ordinal);
    private readonly List<string> _unread = [];

    /// <summary>Starts reading an object.</summary>
    /// <param name="element">The object.</param>
    /// <param name="path">Its path in the file, empty for the root.</param>
    public JsonFields(JsonElement element, string path)
    {
        Path = path;
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Error(path, $"An object is needed, not {Describe(element)}.");
        }

        foreach (var property in element.EnumerateObject())
        {
            if (!_values.TryAdd(property.Name, property.Value))
            {
                throw Error(PathOf(property.Name), "The key stands twice.");
            }

            _unread.Add(property.Name);
        }
    }

    /// <summary>Path of the object in the file; empty for the root.</summary>
    public string Path { get; }

    /// <summary>The keys, in the order of the file.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>An error at a path.</summary>
    public static BillingException Error(string path, string message) =>
        new(BillingErrorCodes.Validation, path.Length == 0 ? message : $"{path}: {message}") { Key = path };

    /// <summary>Path of a key.</summary>
    public string PathOf(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    /// <summary>Whether the key stands there, <c>null</c> included.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>The value of a key that must stand there and not be <c>null</c>.</summary>
    public JsonElement Required(string key)
    {
        if (!Has(key))
        {
            throw Error(PathOf(key), "The key is missing.");
        }

        return Optional(key) ?? throw Error(PathOf(key), "The value must not be null.");
    }

    /// <summary>The value of a key; <see langword="null"/> when it is absent or <c>null</c>.</summary>
    public JsonElement? Optional(string key)
    {
        _unread.Remove(key);
        return _values.TryGetValue(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A key that must stand there but may be <c>null</c>.</summary>
    public JsonElement? Nullable(string key) => Has(key) ? Optional(key) : throw Error(PathOf(key), "The key is missing (null is allowed).");

    /// <summary>A text.</summary>
    public string Text(string key) => TextOf(Required(key), PathOf(key));

    /// <summary>A text or nothing.</summary>
    public string? OptionalText(string key) => Optional(key) is { } value ? TextOf(value, PathOf(key)) : null;

    /// <summary>A decimal.</summary>
    public decimal Number(string key) => NumberOf(Required(key), PathOf(key));

    /// <summary>A decimal or nothing.</summary>
    public decimal? OptionalNumber(string key) => Optional(key) is { } value ? NumberOf(value, PathOf(key)) : null;

    /// <summary>A whole number.</summary>
    public int Integer(string key) => IntegerOf(Required(key), PathOf(key));

    /// <summary>A whole number or nothing.</summary>
    public int? OptionalInteger(string key) => Optional(key) is { } value ? IntegerOf(value, PathOf(key)) : null;

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool byDefault) => Optional(key) is not { } value
        ? byDefault
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Error(PathOf(key), $"true or false is needed, not {Describe(value)}.");

    /// <summary>One of the words of an enumeration, written in camel case.</summary>
    public T Word<T>(string key)
        where T : struct, Enum => WordOf<T>(Required(key), PathOf(key));

    /// <summary>One of the words of an enumeration, or nothing.</summary>
    public T? OptionalWord<T>(string key)
        where T : struct, Enum => Optional(key) is { } value ? WordOf<T>(value, PathOf(key)) : null;

    /// <summary>An object.</summary>
    public JsonFields Fields(string key) => new(Required(key), PathOf(key));

    /// <summary>An object or nothing.</summary>
    public JsonFields? OptionalFields(string key) => Optional(key) is { } value ? new JsonFields(value, PathOf(key)) : null;

    /// <summary>The items of a list with their paths; none when the key is absent.</summary>
    public IEnumerable<(JsonElement Value, string Path)> Items(string key) => Optional(key) is { } value ? ItemsOf(value, PathOf(key)) : [];

    /// <summary>The items of a list that must stand there.</summary>
    public IEnumerable<(JsonElement Value, string Path)> RequiredItems(string key) => ItemsOf(Required(key), PathOf(key));

    /// <summary>A list of texts; empty when the key is absent.</summary>
    public EquatableList<string> Texts(string key) => [.. Items(key).Select(i => TextOf(i.Value, i.Path))];

    /// <summary>Ends the object.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>: a key has not been asked for.</exception>
    public void End()
    {
        if (_unread.Count > 0)
        {
            throw Error(PathOf(_unread[0]), "Unknown key.");
        }
    }

    /// <summary>The text of a value.</summary>
    public static string TextOf(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Error(path, $"A text is needed, not {Describe(value)}.");

    /// <summary>The decimal that a string or a JSON number writes: digits with a point at most, no exponent, at most 28 digits.</summary>
    public static decimal NumberOf(JsonElement value, string path)
    {
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => throw Error(path, $"A decimal is needed, not {Describe(value)}."),
        };
        return IsPlain(text) && decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Error(path, $"'{text}' is not a decimal: an optional minus, digits, at most one point, no exponent, at most {MaximumDigits} digits.");
    }

    /// <summary>The whole number that a string or a JSON number writes.</summary>
    public static int IntegerOf(JsonElement value, string path)
    {
        var number = NumberOf(value, path);
        return decimal.Truncate(number) == number && number is >= int.MinValue and <= int.MaxValue
            ? decimal.ToInt32(number)
            : throw Error(path, $"A whole number is needed, not {Describe(value)}.");
    }

    /// <summary>The items of a list with their paths.</summary>
    public static IEnumerable<(JsonElement Value, string Path)> ItemsOf(JsonElement list, string path) =>
        list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select((item, index) => (item, $"{path}[{index}]"))
            : throw Error(path, $"A list is needed, not {Describe(list)}.");

    /// <summary>One of the words of an enumeration, written in camel case.</summary>
    public static T WordOf<T>(JsonElement value, string path)
        where T : struct, Enum
    {
        var text = TextOf(value, path);
        foreach (var word in Enum.GetValues<T>())
        {
            if (WordFor(word) == text)
            {
                return word;
            }
        }

        throw Error(path, $"'{text}' is none of {string.Join(", ", Enum.GetValues<T>().Select(WordFor))}.");
    }

    /// <summary>The word that stands for a value of an enumeration in JSON.</summary>
    public static string WordFor<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private static bool IsPlain(string text)
    {
        var digits = text.StartsWith('-') ? text[1..] : text;
        var point = digits.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? digits : digits[..point];
        var decimals = point < 0 ? "0" : digits[(point + 1)..];
        return whole.Length > 0 && decimals.Length > 0 && whole.All(char.IsAsciiDigit) && decimals.All(char.IsAsciiDigit)
            && whole.TrimStart('0').Length + decimals.TrimEnd('0').Length <= MaximumDigits;
    }

    private static string Describe(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 40 ? text : text[..37] + "...";
    }
}
