using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Billing.PluginLoading;

/// <summary>What an assembly says of itself, read from its metadata: nothing of it is loaded, none of its code runs.</summary>
internal sealed record PluginMetadata(IReadOnlyList<PluginMark> Marks, IReadOnlyList<AssemblyReferenceName> References)
{
    private const string AttributeNamespace = "Billing.Tasks";
    private const string AttributeName = "BillingPluginAttribute`1";
    private const string AttributeAssembly = "Billing.Sdk";

    /// <summary>Reads an assembly and closes the stream; <see langword="null"/> when it is not a managed one, or damaged.</summary>
    public static PluginMetadata? Read(Stream stream)
    {
        using var image = new PEReader(stream);
        try
        {
            if (!image.HasMetadata)
            {
                return null;
            }

            var reader = image.GetMetadataReader();
            return reader.IsAssembly ? new PluginMetadata([.. ReadMarks(reader)], [.. ReadReferences(reader)]) : null;
        }
        catch (BadImageFormatException)
        {
            // Not a PE file at all, or its tables point outside it.
            return null;
        }
    }

    private static IEnumerable<AssemblyReferenceName> ReadReferences(MetadataReader reader)
    {
        foreach (var handle in reader.AssemblyReferences)
        {
            var reference = reader.GetAssemblyReference(handle);
            yield return new AssemblyReferenceName(reader.GetString(reference.Name), reference.Version);
        }
    }

    private static IEnumerable<PluginMark> ReadMarks(MetadataReader reader)
    {
        foreach (var handle in reader.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = reader.GetCustomAttribute(handle);
            if (IsPluginAttribute(reader, attribute))
            {
                yield return ReadArguments(reader.GetBlobReader(attribute.Value));
            }
        }
    }

    // A generic attribute's constructor is a member of a type specification: generic instance of a class, that class, the arguments.
    private static bool IsPluginAttribute(MetadataReader reader, CustomAttribute attribute)
    {
        if (attribute.Constructor.Kind != HandleKind.MemberReference)
        {
            return false;
        }

        var parent = reader.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent;
        if (parent.Kind != HandleKind.TypeSpecification)
        {
            return false;
        }

        var signature = reader.GetBlobReader(reader.GetTypeSpecification((TypeSpecificationHandle)parent).Signature);
        if (signature.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance || signature.ReadSignatureTypeCode() != SignatureTypeCode.TypeHandle)
        {
            return false;
        }

        var definition = signature.ReadTypeHandle();
        return definition.Kind == HandleKind.TypeReference && IsPluginAttribute(reader, reader.GetTypeReference((TypeReferenceHandle)definition));
    }

    private static bool IsPluginAttribute(MetadataReader reader, TypeReference type) =>
        reader.StringComparer.Equals(type.Name, AttributeName)
        && reader.StringComparer.Equals(type.Namespace, AttributeNamespace)
        && type.ResolutionScope.Kind == HandleKind.AssemblyReference
        && reader.StringComparer.Equals(reader.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name, AttributeAssembly);

    private static PluginMark ReadArguments(BlobReader value)
    {
        const ushort prolog = 1;
        return value.ReadUInt16() == prolog
            ? new PluginMark(value.ReadSerializedString() ?? "", value.ReadSerializedString() ?? "")
            : throw new BadImageFormatException("The plugin attribute's value is damaged.");
    }
}

/// <summary>The values of a plugin attribute.</summary>
internal sealed record PluginMark(string Name, string SdkVersion);

/// <summary>An assembly that another refers to.</summary>
internal sealed record AssemblyReferenceName(string Name, Version Version);
