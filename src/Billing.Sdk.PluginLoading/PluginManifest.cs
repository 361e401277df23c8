using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Billing.PluginLoading;

/// <summary>The plugins that a host allows, with the SHA-256 of every file. Immutable, compared by value.</summary>
/// <remarks>
/// As JSON: <c>{ "plugins": { "Acme.Tax": { "Acme.Tax.dll": "6f0c…", "runtimes/linux-x64/native/libx.so": "…" } } }</c>. Plugins are named by folder, files by
/// their path in it with '/'.
/// </remarks>
/// <param name="Plugins">Folder name → relative path → SHA-256 as 64 lower-case hexadecimal digits.</param>
public sealed record PluginManifest(EquatableMap<EquatableMap<string>> Plugins)
{
    private const string Subject = "plugin manifest";

    /// <summary>Hashes every file of every plugin folder in a folder of plugins.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static PluginManifest Create(string folder) =>
        new(new EquatableMap<EquatableMap<string>>(PluginFolder.In(folder).Select(plugin =>
            KeyValuePair.Create(Path.GetFileName(plugin), Hashes(plugin)))));

    /// <summary>Reads a manifest. Unknown keys, a plugin or file twice, paths that leave the folder and malformed hashes are errors.</summary>
    /// <exception cref="BillingException"><c>validation</c>, naming plugin and file.</exception>
    public static PluginManifest Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new BillingException(BillingErrorCodes.Validation, $"{Subject}: this is not JSON. {error.Message}", error) { Subject = Subject };
        }
    }

    /// <summary>The manifest as indented JSON, in ordinal order, with a line feed at the end.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("plugins");
            foreach (var (plugin, files) in Plugins)
            {
                writer.WriteStartObject(plugin);
                foreach (var (file, hash) in files)
                {
                    writer.WriteString(file, hash);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    internal static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static EquatableMap<string> Hashes(string folder) =>
        new(PluginFolder.Files(folder).Select(path => KeyValuePair.Create(PluginFolder.Relative(folder, path), Hash(File.ReadAllBytes(path)))));

    private static PluginManifest Read(JsonElement root)
    {
        var top = Members(root, "", "plugins");
        if (!top.TryGetValue("plugins", out var plugins) || top.Count != 1)
        {
            throw Invalid("", "plugins", "A manifest is an object with the one key 'plugins'.");
        }

        return new PluginManifest(new EquatableMap<EquatableMap<string>>(Members(plugins, "", "plugins").Select(plugin =>
            KeyValuePair.Create(plugin.Key, ReadFiles(plugin.Key, plugin.Value)))));
    }

    private static EquatableMap<string> ReadFiles(string plugin, JsonElement files) =>
        new(Members(files, plugin, "files").Select(file =>
        {
            if (file.Key.Contains('\\', StringComparison.Ordinal) || file.Key.Split('/').Any(part => part is "" or "." or ".."))
            {
                throw Invalid(plugin, file.Key, "A file is a path within the plugin's folder, with '/'.");
            }

            var hash = file.Value.ValueKind == JsonValueKind.String ? file.Value.GetString()! : "";
            return hash.Length == 64 && hash.All(char.IsAsciiHexDigit)
                ? KeyValuePair.Create(file.Key, hash.ToLowerInvariant())
                : throw Invalid(plugin, file.Key, "A SHA-256 has 64 hexadecimal digits.");
        }));

    private static Dictionary<string, JsonElement> Members(JsonElement element, string plugin, string key)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(plugin, key, "An object is expected.");
        }

        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in element.EnumerateObject())
        {
            if (!members.TryAdd(member.Name, member.Value))
            {
                throw Invalid(plugin, member.Name, "The key is there twice.");
            }
        }

        return members;
    }

    private static BillingException Invalid(string plugin, string key, string message) => BillingException.Validation(Subject, plugin, key, message);
}
