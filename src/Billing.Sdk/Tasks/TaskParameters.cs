using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Billing.Tasks;

/// <summary>Binds the parameters of tasks strictly, whatever the plugin's own JSON options allow.</summary>
public static class TaskParameters
{
    /// <summary>Reads parameters.</summary>
    /// <remarks>
    /// An error are: a key that the type does not have (names are case-sensitive), a key twice, a missing <c>required</c> property or constructor
    /// parameter without a default, null where the type does not allow it (in lists and maps always), a value of another type, a number with an
    /// exponent, comments and trailing commas. Extension data is not filled: it would take every misspelt key. Defaults of <c>init</c>
    /// properties hold too, although the JSON source generator by itself loses them.
    /// </remarks>
    /// <typeparam name="T">The type of the parameters.</typeparam>
    /// <param name="typeInfo">Its source-generated JSON metadata.</param>
    /// <param name="json">The text of a JSON object; <see langword="null"/> or white space is the same as <c>{}</c>.</param>
    /// <param name="stage">The stage, for error messages.</param>
    /// <param name="task">The task, for error messages.</param>
    /// <exception cref="BillingException"><c>validation</c>, naming task and key (<c>rates[0].percent</c>).</exception>
    public static T Bind<T>(JsonTypeInfo<T> typeInfo, string? json, string stage, string task)
    {
        ArgumentNullException.ThrowIfNull(typeInfo);
        var id = $"{stage}/{task}";
        using var document = Parse(json, id);
        using var complete = new MemoryStream();
        using (var writer = new Utf8JsonWriter(complete))
        {
            new ParameterReader(id, writer).Copy(typeInfo, document.RootElement, "");
        }

        try
        {
            return JsonSerializer.Deserialize(complete.GetBuffer().AsSpan(0, checked((int)complete.Length)), typeInfo)
                ?? throw Error(id, "", "The parameters are null.");
        }
        catch (JsonException error)
        {
            throw Error(id, KeyOf(error.Path), $"The value does not fit its type. {error.InnerException?.Message ?? error.Message}", error);
        }
        catch (Exception error) when (error is ArgumentException or BillingException or NotSupportedException or FormatException or OverflowException)
        {
            // Constructors and setters of the parameters refuse values with these; NotSupported is a type that the plugin's JSON metadata leaves out.
            throw Error(id, "", error.Message, error);
        }
    }

    /// <summary>Checks the parameters of a task that takes none.</summary>
    internal static void CheckNone(string? json, string stage, string task)
    {
        var id = $"{stage}/{task}";
        using var document = Parse(json, id);
        foreach (var property in document.RootElement.EnumerateObject())
        {
            throw Error(id, property.Name, "The task takes no parameters.");
        }
    }

    internal static BillingException Error(string id, string path, string message, Exception? cause = null)
    {
        var key = path.Length == 0 ? "parameters" : path;
        return new BillingException(BillingErrorCodes.Validation, $"task '{id}', {key}: {message}", cause) { Subject = "task", SubjectId = id, Key = key };
    }

    private static JsonDocument Parse(string? json, string id)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(string.IsNullOrWhiteSpace(json) ? "{}" : json);
        }
        catch (JsonException error)
        {
            throw Error(id, "", $"This is not JSON. {error.Message}", error);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            return document;
        }

        var kind = document.RootElement.ValueKind;
        document.Dispose();
        throw Error(id, "", $"Parameters are a JSON object, not {Words.Of(kind)}.");
    }

    // System.Text.Json writes "$.rates[0].percent".
    private static string KeyOf(string? path) => path is null ? "" : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path.TrimStart('$');
}

/// <summary>Copies parameters from a document to a writer, checking each value against the type's JSON contract and adding the defaults that the source generator would lose.</summary>
internal sealed class ParameterReader(string id, Utf8JsonWriter writer)
{
    public void Copy(JsonTypeInfo type, JsonElement value, string path)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                CopyObject(type, value, path);
                break;
            case JsonTypeInfoKind.Enumerable:
                CopyItems(type, value, path);
                break;
            case JsonTypeInfoKind.Dictionary:
                CopyMap(type, value, path);
                break;
            default:
                CopyValue(type.Type, value, path);
                break;
        }
    }

    private void CopyObject(JsonTypeInfo declared, JsonElement value, string path)
    {
        Require(value, JsonValueKind.Object, path);
        var type = Concrete(declared, value, path, out var discriminator);
        var properties = type.Properties.Where(CanBeGiven).ToDictionary(property => property.Name, StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        writer.WriteStartObject();
        foreach (var member in value.EnumerateObject())
        {
            var key = Join(path, member.Name);
            Once(seen, member.Name, key);
            writer.WritePropertyName(member.Name);
            if (properties.TryGetValue(member.Name, out var property))
            {
                CopyProperty(property, member.Value, key);
            }
            else if (member.Name == discriminator)
            {
                member.Value.WriteTo(writer);
            }
            else
            {
                throw TaskParameters.Error(id, key, $"There is no such parameter. {Known(path, properties.Keys)}");
            }
        }

        AddMissing(type, properties.Values.Where(property => !seen.Contains(property.Name)), path);
        writer.WriteEndObject();
    }

    private void CopyProperty(JsonPropertyInfo property, JsonElement value, string path)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            var nullable = property.PropertyType.IsValueType ? Nullable.GetUnderlyingType(property.PropertyType) is not null : AllowsNull(property);
            writer.WriteNullValue();
            if (!nullable)
            {
                throw TaskParameters.Error(id, path, "The value must not be null.");
            }
        }
        else if (property.CustomConverter is null && property.Options.TryGetTypeInfo(Underlying(property.PropertyType), out var type))
        {
            Copy(type, value, path);
        }
        else
        {
            CopyValue(property.PropertyType, value, path);
        }
    }

    private void CopyItems(JsonTypeInfo type, JsonElement value, string path)
    {
        Require(value, JsonValueKind.Array, path);
        writer.WriteStartArray();
        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            CopyElement(type, item, $"{path}[{index++}]");
        }

        writer.WriteEndArray();
    }

    private void CopyMap(JsonTypeInfo type, JsonElement value, string path)
    {
        Require(value, JsonValueKind.Object, path);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        writer.WriteStartObject();
        foreach (var member in value.EnumerateObject())
        {
            var key = Join(path, member.Name);
            Once(seen, member.Name, key);
            writer.WritePropertyName(member.Name);
            CopyElement(type, member.Value, key);
        }

        writer.WriteEndObject();
    }

    private void CopyElement(JsonTypeInfo collection, JsonElement value, string path)
    {
        var element = collection.ElementType ?? typeof(object);
        if (value.ValueKind == JsonValueKind.Null && Nullable.GetUnderlyingType(element) is null)
        {
            throw TaskParameters.Error(id, path, "The value must not be null.");
        }

        if (value.ValueKind != JsonValueKind.Null && collection.Options.TryGetTypeInfo(Underlying(element), out var type))
        {
            Copy(type, value, path);
        }
        else
        {
            CopyValue(element, value, path);
        }
    }

    // A single value, or one that a converter of the plugin reads: then only what holds for all JSON is checked.
    private void CopyValue(Type type, JsonElement value, string path)
    {
        CheckPlain(value, path);
        if (value.ValueKind == JsonValueKind.String && Underlying(type) == typeof(decimal) && value.GetString()!.AsSpan().IndexOfAny('e', 'E') >= 0)
        {
            throw TaskParameters.Error(id, path, "A number is written without an exponent.");
        }

        value.WriteTo(writer);
    }

    private void CheckPlain(JsonElement value, string path)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number when value.GetRawText().AsSpan().IndexOfAny('e', 'E') >= 0:
                throw TaskParameters.Error(id, path, "A number is written without an exponent.");
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in value.EnumerateArray())
                {
                    CheckPlain(item, $"{path}[{index++}]");
                }

                break;
            case JsonValueKind.Object:
                var seen = new HashSet<string>(StringComparer.Ordinal);
                foreach (var member in value.EnumerateObject())
                {
                    Once(seen, member.Name, Join(path, member.Name));
                    CheckPlain(member.Value, Join(path, member.Name));
                }

                break;
            default:
                break;
        }
    }

    private void AddMissing(JsonTypeInfo type, IEnumerable<JsonPropertyInfo> missing, string path)
    {
        object? defaults = null;
        foreach (var property in missing)
        {
            var parameter = property.AssociatedParameter;
            if (property.IsRequired || parameter is { IsMemberInitializer: false, HasDefaultValue: false })
            {
                throw TaskParameters.Error(id, Join(path, property.Name), "The parameter is missing; it has no default.");
            }

            if (parameter is { IsMemberInitializer: true })
            {
                defaults ??= DefaultsOf(type, property, path);
                AddDefault(property, defaults, path);
            }
        }
    }

    // Source-generated JSON sets every init property, and to default(T) where the key is missing: an initial value of 0.19 would become 0.
    private void AddDefault(JsonPropertyInfo property, object defaults, string path)
    {
        var value = property.Get?.Invoke(defaults);
        if (value is null || (property.PropertyType.IsValueType && value.Equals(Activator.CreateInstance(property.PropertyType))))
        {
            return;
        }

        if (property.CustomConverter is not null || !property.Options.TryGetTypeInfo(property.PropertyType, out var type))
        {
            throw TaskParameters.Error(id, Join(path, property.Name), "The parameter is missing, and its default cannot be kept: give it, or declare the property with 'set'.");
        }

        writer.WritePropertyName(property.Name);
        JsonSerializer.Serialize(writer, value, type);
    }

    private object DefaultsOf(JsonTypeInfo type, JsonPropertyInfo property, string path)
    {
        if (!type.Type.IsValueType && type.Type.GetConstructor(Type.EmptyTypes) is null)
        {
            throw TaskParameters.Error(id, Join(path, property.Name), $"The parameter is missing, and its default cannot be known: {type.Type.Name} has init properties and no constructor without parameters. Give it, or declare the property with 'set'.");
        }

        return Activator.CreateInstance(type.Type)!;
    }

    private JsonTypeInfo Concrete(JsonTypeInfo declared, JsonElement value, string path, out string? discriminator)
    {
        discriminator = declared.PolymorphismOptions?.TypeDiscriminatorPropertyName;
        if (discriminator is null || !value.TryGetProperty(discriminator, out var given))
        {
            return declared;
        }

        var text = given.ValueKind == JsonValueKind.String ? given.GetString() : given.GetRawText();
        foreach (var derived in declared.PolymorphismOptions!.DerivedTypes)
        {
            if (derived.TypeDiscriminator is { } known && string.Equals(FormattableString.Invariant($"{known}"), text, StringComparison.Ordinal))
            {
                return declared.Options.GetTypeInfo(derived.DerivedType);
            }
        }

        throw TaskParameters.Error(id, Join(path, discriminator), $"There is no kind '{text}'.");
    }

    private void Require(JsonElement value, JsonValueKind kind, string path)
    {
        if (value.ValueKind != kind)
        {
            throw TaskParameters.Error(id, path, $"The value must be {Words.Of(kind)}, not {Words.Of(value.ValueKind)}.");
        }
    }

    private void Once(HashSet<string> seen, string name, string path)
    {
        if (!seen.Add(name))
        {
            throw TaskParameters.Error(id, path, "The key is there twice.");
        }
    }

    private static bool CanBeGiven(JsonPropertyInfo property) =>
        !property.IsExtensionData
        && (property.Set is not null || property.AssociatedParameter is not null || property.ObjectCreationHandling == System.Text.Json.Serialization.JsonObjectCreationHandling.Populate);

    private static bool AllowsNull(JsonPropertyInfo property) =>
        property.AssociatedParameter is { IsMemberInitializer: false } parameter ? parameter.IsNullable : property.IsSetNullable;

    private static Type Underlying(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string Known(string path, IEnumerable<string> names)
    {
        var list = string.Join(", ", names.Order(StringComparer.Ordinal));
        return $"{(path.Length == 0 ? "Parameters" : $"Keys of {path}")}: {(list.Length == 0 ? "none" : list)}.";
    }
}

/// <summary>Names of JSON kinds for messages.</summary>
internal static class Words
{
    public static string Of(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
